//! The console's bundle, made of what cargo compiles for the browser.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::build::BUNDLER;
use crate::cargo;
use crate::process::run;
use crate::workspace::{BROWSER_TARGET, Native, Workspace};

/// The cargo profile that makes small programs for the browser.
pub(crate) const PROFILE: &str = "console";

/// Bundles the console, if anything has changed. The bundler is built already.
pub(crate) fn bundle(workspace: &Workspace) -> Result<()> {
    let mut arguments = vec!["build", "--profile", PROFILE, "--target", BROWSER_TARGET];
    arguments.extend(["--package", "admin-ui"]);
    cargo::run(
        workspace,
        "Building the console",
        workspace.cargo(arguments),
    )?;
    let folder = workspace.target.join(BROWSER_TARGET).join(PROFILE);
    let wasm = folder.join("admin-ui.wasm");
    let bundler = workspace.program_dir(Native::Dev).join(BUNDLER);
    if is_bundled(workspace, [&wasm, &bundler]) {
        return Ok(());
    }
    let mut command = Command::new(bundler);
    command.arg(&wasm).arg(workspace.root.join("admin-ui"));
    run(command)?;
    File::create(stamp(workspace)).context("cannot note that the console is bundled")?;
    Ok(())
}

/// Whether the bundle was made of what is there now.
fn is_bundled(workspace: &Workspace, built: [&Path; 2]) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let folder = workspace.root.join("admin-ui");
    let sources = ["icon.svg", "index.html", "style.css"].map(|name| folder.join(name));
    let mut inputs = sources.iter().map(PathBuf::as_path).chain(built);
    let bundled = changed(&stamp(workspace));
    folder.join("dist/index.html").is_file()
        && bundled.is_some()
        && inputs.all(|input| changed(input).is_some_and(|changed| Some(changed) < bundled))
}

/// The file that is as old as the bundle: the bundle's own files stay untouched where nothing changed.
fn stamp(workspace: &Workspace) -> PathBuf {
    workspace.target.join("console-bundle.stamp")
}
