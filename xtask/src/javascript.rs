//! The example that is a component in JavaScript: npm builds it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result};

use crate::process::run;
use crate::term;
use crate::workspace::Workspace;

/// Where it is.
const FOLDER: &str = "examples/holidays-plugin-js";
/// What comes of it.
const COMPONENT: &str = "holidays-plugin.wasm";
/// What it is made from.
const MADE_FROM: [&str; 4] = [
    "package.json",
    "package-lock.json",
    "src/index.js",
    "src/plugin.js",
];

/// Builds it if something has changed, and puts it beside the other components.
pub(crate) fn make(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    let finished = workspace.component_dir().join(COMPONENT);
    let mut made_from = MADE_FROM.iter().map(|file| changed(&folder.join(file)));
    if finished.is_file() && made_from.all(|file| file <= changed(&finished)) {
        return Ok(());
    }
    term::step("Building the component in JavaScript");
    // The versions that the lock file names, and nothing else.
    npm(&folder, &["ci", "--no-audit", "--no-fund"])?;
    npm(&folder, &["run", "build"])?;
    fs::copy(folder.join("dist").join(COMPONENT), &finished)
        .with_context(|| format!("cannot write {}", finished.display()))?;
    Ok(())
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(arguments);
    run(npm)
}

/// When a file was changed last; `None` if there is none.
fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|of| of.modified()).ok()
}
