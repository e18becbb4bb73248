//! What browsers load: the console's bundle and the device library's package, made of what cargo compiles for them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cargo;
use crate::process::run;
use crate::workspace::{BROWSER_TARGET, Native, Workspace};

/// The cargo profile that makes small programs for the browser.
pub(crate) const PROFILE: &str = "console";

/// Something that browsers load.
pub(crate) struct Bundle {
    /// What is told while cargo works.
    what: &'static str,
    /// The package that is compiled.
    package: &'static str,
    /// What cargo makes of it.
    wasm: &'static str,
    /// The program that bundles it.
    pub(crate) bundler: &'static str,
    /// The folder of the package; the bundle is in its `dist`.
    folder: &'static str,
    /// The other files there that the bundle has.
    sources: &'static [&'static str],
    /// A file of the bundle.
    made: &'static str,
}

/// The console.
pub(crate) const CONSOLE: Bundle = Bundle {
    what: "Building the console",
    package: "admin-ui",
    wasm: "admin-ui.wasm",
    bundler: "console-bundler",
    folder: "admin-ui",
    sources: &["icon.svg", "index.html", "style.css"],
    made: "index.html",
};

/// The npm package of the device library.
pub(crate) const WEB_LIBRARY: Bundle = Bundle {
    what: "Building the device library for browsers",
    package: "sync-client-web",
    wasm: "sync_client_web.wasm",
    bundler: "web-packager",
    folder: "bindings/web",
    sources: &[
        "README.md",
        "js/index.d.ts",
        "js/index.js",
        "js/library.d.ts",
        "js/package.json",
        "js/worker.js",
    ],
    made: "index.js",
};

impl Bundle {
    /// Makes it, if anything has changed. The bundler is built already.
    pub(crate) fn make(&self, workspace: &Workspace) -> Result<()> {
        let mut arguments = vec!["build", "--profile", PROFILE, "--target", BROWSER_TARGET];
        arguments.extend(["--package", self.package]);
        cargo::run(workspace, self.what, workspace.cargo(arguments))?;
        let folder = workspace.target.join(BROWSER_TARGET).join(PROFILE);
        let wasm = folder.join(self.wasm);
        let bundler = workspace.program_dir(Native::Dev).join(self.bundler);
        if self.is_made(workspace, [&wasm, &bundler]) {
            return Ok(());
        }
        let mut command = Command::new(bundler);
        command.arg(&wasm).arg(workspace.root.join(self.folder));
        run(command)?;
        File::create(self.stamp(workspace)).context("cannot note that it is bundled")?;
        Ok(())
    }

    /// The folder of the bundle.
    pub(crate) fn dist(&self, workspace: &Workspace) -> PathBuf {
        workspace.root.join(self.folder).join("dist")
    }

    /// Whether the bundle was made of what is there now.
    fn is_made(&self, workspace: &Workspace, built: [&Path; 2]) -> bool {
        let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
        let folder = workspace.root.join(self.folder);
        let sources: Vec<_> = self.sources.iter().map(|name| folder.join(name)).collect();
        let mut inputs = sources.iter().map(PathBuf::as_path).chain(built);
        let bundled = changed(&self.stamp(workspace));
        self.dist(workspace).join(self.made).is_file()
            && bundled.is_some()
            && inputs.all(|input| changed(input).is_some_and(|changed| Some(changed) < bundled))
    }

    /// The file that is as old as the bundle: the bundle's own files stay untouched where nothing changed.
    fn stamp(&self, workspace: &Workspace) -> PathBuf {
        workspace.target.join(format!("{}.stamp", self.package))
    }
}
