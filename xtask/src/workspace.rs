//! Where things are: the repository, what cargo builds, and the state of local runs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// The target of Spin components.
pub(crate) const COMPONENT_TARGET: &str = "wasm32-wasip2";
/// The target of what runs in a browser.
pub(crate) const BROWSER_TARGET: &str = "wasm32-unknown-unknown";
/// Files that cargo makes at the top of its target directory: one if it has made the folder, the other in any.
const TARGET_MARKS: [&str; 2] = ["CACHEDIR.TAG", ".rustc_info.json"];

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
    /// Whether the user wants to see all that other programs say.
    pub(crate) verbose: bool,
}

impl Workspace {
    /// Finds it without asking cargo, which has started this program and put it into the target directory.
    pub(crate) fn find(verbose: bool) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("this package has no parent folder")?;
        let program = env::current_exe().context("this program does not know where it is")?;
        let target = program
            .ancestors()
            .find(|folder| TARGET_MARKS.iter().any(|mark| folder.join(mark).is_file()))
            .context("this program is not where cargo builds; run it as `cargo xtask`")?;
        Ok(Self {
            root: root.to_owned(),
            target: target.to_owned(),
            verbose,
        })
    }

    /// Where local runs keep their data: `.rhosync/`.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.join(".rhosync")
    }

    /// Where programs are that are installed for this repository alone.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
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
    pub(crate) fn cargo<S: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).args(arguments);
        command
    }
}
