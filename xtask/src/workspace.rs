//! Where things are: the repository, what cargo builds, and the state of local runs.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The target of Spin components.
pub(crate) const COMPONENT_TARGET: &str = "wasm32-wasip2";
/// The target of what runs in a browser.
pub(crate) const BROWSER_TARGET: &str = "wasm32-unknown-unknown";

/// How native programs are built. Components are always built for release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    /// Fast to build: for tests and trying out.
    Dev,
    /// Fast to run: for measuring.
    Optimised,
}

impl Native {
    /// The cargo profile.
    pub(crate) fn profile(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Optimised => "host",
        }
    }

    /// The profile's folder in the target directory.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Optimised => "host",
        }
    }
}

/// The repository this program was started in.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever the user has put it.
    pub(crate) target: PathBuf,
    metadata: Metadata,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .context("cargo does not know this workspace; run this inside the repository")?;
        Ok(Self {
            root: metadata.workspace_root.clone().into(),
            target: metadata.target_directory.clone().into(),
            metadata,
        })
    }

    /// The members of the workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.metadata.workspace_packages().into_iter()
    }

    /// Names of the members whose folders lie in `folder`.
    pub(crate) fn members_in(&self, folder: &str) -> Vec<String> {
        let folder = self.root.join(folder);
        self.members()
            .filter(|package| package.manifest_path.starts_with(&folder))
            .map(|package| package.name.to_string())
            .collect()
    }

    /// Where local runs keep their data: `.rhosync/`.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.join(".rhosync")
    }

    /// Where finished components are.
    pub(crate) fn component_dir(&self) -> PathBuf {
        self.target.join(COMPONENT_TARGET).join("release")
    }

    /// Where finished native programs are.
    pub(crate) fn program_dir(&self, native: Native) -> PathBuf {
        self.target.join(native.folder())
    }

    /// The cargo that started this program, run at the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command =
            Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        command.current_dir(&self.root);
        command
    }
}

/// The path of a program on the `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}
