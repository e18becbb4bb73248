//! The example that is a component in JavaScript: npm builds it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result};

use crate::process::run;
use crate::term;
use crate::workspace::Workspace;

/// What the names of the tests have that need it.
pub(crate) const TESTS: &str = "in_javascript";

/// The oldest version of Node that what builds it runs on.
const OLDEST_NODE: u32 = 20;

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

/// Why it cannot be built on this machine, if it cannot. Set-up installs no Node for it: what systems have is often older, and this is an example.
pub(crate) fn hindrance() -> Option<String> {
    let version = |program: &str| {
        let said = Command::new(program).arg("--version").output().ok()?;
        let said = String::from_utf8(said.stdout).ok()?;
        Some(said.trim().trim_start_matches('v').to_owned())
    };
    let (Some(node), Some(_)) = (version("node"), version("npm")) else {
        return Some("there is no Node with npm".to_owned());
    };
    let major = node.split('.').next().and_then(|it| it.parse::<u32>().ok());
    let is_old = major.is_none_or(|major| major < OLDEST_NODE);
    is_old.then(|| format!("Node {node} is older than {OLDEST_NODE}"))
}

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
    npm(
        &folder,
        &["ci", "--prefer-offline", "--no-audit", "--no-fund"],
    )?;
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
