//! The device library's packages: what cargo compiles, and what the packager makes of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::build;
use crate::bundles::WEB_LIBRARY;
use crate::cargo;
use crate::process::run;
use crate::term;
use crate::workspace::{Native, Workspace};

/// The program that makes the packages.
const PACKAGER: &str = "library-packager";

/// The cargo profile of native libraries: small, and with the symbols that bindings are made of; the packager takes them away.
const PROFILE: &str = "library";

/// The crates of the library in Rust: the last is what apps use, and needs the others.
const CRATES: [&str; 4] = ["sync-proto", "sync-device", "sync-store", "sync-client"];

/// The packages with native code.
const NATIVE: [&Library; 5] = [&PYTHON, &KOTLIN, &SWIFT, &NODE, &C];

/// What a package for all of an app's systems has beside what is made here, and where that is made.
const ELSEWHERE: [&str; 3] = [
    "native libraries for other systems are made there: they are linked with the system's own tools",
    "iOS and macOS: the XCFramework that Package.swift names for them needs Xcode, on a Mac",
    "Android: the libraries in jniLibs need Google's NDK; `bindings/kotlin/README.md` says where they go",
];

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

/// Makes all packages that can be made on this system, and shows what they have.
pub(crate) fn make_all(workspace: &Workspace) -> Result<()> {
    let crates = make_crates(workspace)?;
    build::programs(workspace, Native::Dev, &[WEB_LIBRARY.bundler])?;
    for library in NATIVE {
        library.make(workspace)?;
    }
    WEB_LIBRARY.make(workspace)?;
    term::step("Packages of the device library");
    for file in &crates {
        show(workspace, "crate", file, None)?;
    }
    for library in NATIVE {
        let dist = workspace.root.join("bindings").join(library.language);
        let file = largest(&dist.join("dist"))?;
        // A wheel is packed: what has a limit is the library in it.
        let is_library = file.extension().is_none_or(|it| it != "whl");
        let most_kb = is_library.then_some(library.most_kb);
        show(workspace, library.language, &file, most_kb)?;
    }
    show(
        workspace,
        "web",
        &largest(&WEB_LIBRARY.dist(workspace))?,
        None,
    )?;
    term::step("What is made elsewhere");
    for what in ELSEWHERE {
        term::note(what);
    }
    Ok(())
}

/// Packs the crates.
fn make_crates(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    term::step("Packing the crates");
    // They are what this very workspace compiles and tests.
    let mut cargo = workspace.cargo(["package", "--no-verify", "--allow-dirty"]);
    // A folder of their own: `target/package` is the release's.
    let folder = workspace.target.join("crates");
    cargo.arg("--target-dir").arg(&folder);
    for name in CRATES {
        cargo.args(["--package", name]);
    }
    run(cargo)?;
    let version = env!("CARGO_PKG_VERSION");
    let files = CRATES.map(|name| folder.join(format!("package/{name}-{version}.crate")));
    Ok(files.into())
}

/// Shows a file of a package, and how large it may be where somebody has said so.
fn show(workspace: &Workspace, package: &str, file: &Path, most_kb: Option<u32>) -> Result<()> {
    let bytes = fs::metadata(file)
        .with_context(|| format!("cannot find {}", file.display()))?
        .len();
    let most = most_kb
        .map(|most| format!(" of {most}"))
        .unwrap_or_default();
    let kb = bytes / 1000;
    let shown = file.strip_prefix(&workspace.root).unwrap_or(file).display();
    anstream::println!("    {package:7} {kb:>6}{most:8} kB  {shown}");
    Ok(())
}

/// The largest file in a folder: of a package, what was compiled.
fn largest(folder: &Path) -> Result<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut found = (0, None);
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let data = entry.metadata()?;
            match data.is_dir() {
                true => folders.push(entry.path()),
                false if data.len() >= found.0 => found = (data.len(), Some(entry.path())),
                false => {}
            }
        }
    }
    found
        .1
        .with_context(|| format!("there is nothing in {}", folder.display()))
}
