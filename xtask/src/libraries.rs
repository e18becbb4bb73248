//! The device library's packages for languages that load native code: what cargo compiles, and what the packager makes of it.

use std::process::Command;

use anyhow::Result;

use crate::build;
use crate::cargo;
use crate::process::run;
use crate::workspace::{Native, Workspace};

/// The program that makes the packages.
const PACKAGER: &str = "library-packager";

/// The cargo profile of native libraries: small, and with the symbols that bindings are made of; the packager takes them away.
const PROFILE: &str = "library";

/// A package for a language.
pub(crate) struct Library {
    /// The language, as its folder in `bindings` is called; the package is in `dist` there.
    language: &'static str,
    /// The crate that is compiled.
    package: &'static str,
    /// The library that cargo makes of it.
    library: &'static str,
    /// Most kB that it may have on Linux on x86-64, without its symbols.
    most_kb: u32,
}

pub(crate) const C: Library = Library {
    language: "c",
    package: "sync-client-c",
    library: "rhosync",
    // The transport is in it, with what that needs for TLS.
    most_kb: 3_590,
};

pub(crate) const KOTLIN: Library = Library {
    language: "kotlin",
    package: "sync-client-ffi",
    library: "sync_client_ffi",
    most_kb: 2_600,
};

pub(crate) const NODE: Library = Library {
    language: "node",
    package: "sync-client-node",
    library: "sync_client_node",
    most_kb: 2_405,
};

pub(crate) const PYTHON: Library = Library {
    language: "python",
    package: "sync-client-ffi",
    library: "sync_client_ffi",
    most_kb: 2_600,
};

pub(crate) const SWIFT: Library = Library {
    language: "swift",
    package: "sync-client-ffi",
    library: "sync_client_ffi",
    most_kb: 2_600,
};

impl Library {
    /// Makes the package, optimised, for this system.
    pub(crate) fn make(&self, workspace: &Workspace) -> Result<()> {
        build::programs(workspace, Native::Dev, &[PACKAGER])?;
        let cargo = workspace.cargo(["build", "--profile", PROFILE, "--package", self.package]);
        let what = format!("Building the device library for {}", self.language);
        cargo::run(workspace, what, cargo)?;
        let library = format!(
            "{}{}{}",
            std::env::consts::DLL_PREFIX,
            self.library,
            std::env::consts::DLL_SUFFIX
        );
        let bindings = workspace.root.join("bindings");
        let mut packager = Command::new(workspace.program_dir(Native::Dev).join(PACKAGER));
        packager
            .arg(self.language)
            .arg(&bindings)
            .arg(workspace.target.join(PROFILE).join(library))
            .arg(bindings.join(self.language).join("dist"))
            .arg(self.most_kb.to_string());
        run(packager)
    }
}
