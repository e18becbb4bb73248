//! Installing what the repository needs from the system, by the system's own package manager.

use std::io::IsTerminal as _;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::run;
use crate::term;
use crate::workspace::find_program;

/// How a package manager installs packages without asking.
struct Manager {
    program: &'static str,
    install: &'static [&'static str],
    /// What brings its list of packages up to date: an old one names packages that are not there any more.
    update: &'static [&'static str],
    /// Whether it changes the system and so needs its administrator.
    as_root: bool,
}

const MANAGERS: [Manager; 5] = [
    Manager {
        program: "apt-get",
        install: &["install", "--yes", "--no-install-recommends"],
        update: &["update"],
        as_root: true,
    },
    Manager {
        program: "dnf",
        install: &["install", "--assumeyes"],
        update: &["makecache"],
        as_root: true,
    },
    Manager {
        program: "apk",
        install: &["add"],
        update: &["update"],
        as_root: true,
    },
    Manager {
        program: "pacman",
        install: &["--sync", "--noconfirm", "--needed"],
        update: &["--sync", "--refresh"],
        as_root: true,
    },
    Manager {
        program: "brew",
        install: &["install"],
        update: &["update"],
        as_root: false,
    },
];

/// Installs the first of these packages that the system offers.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let Some(manager) = MANAGERS
        .iter()
        .find(|manager| find_program(manager.program).is_some())
    else {
        bail!(
            "no package manager found; install {} by hand",
            packages.join(" or ")
        );
    };
    let attempt = || {
        for package in packages {
            term::note(format!("installing {package} with {}", manager.program));
            let mut command = manager.command(manager.install)?;
            command.arg(package);
            if run(command).is_ok() {
                return Ok(true);
            }
        }
        Ok::<_, anyhow::Error>(false)
    };
    if attempt()? || (run(manager.command(manager.update)?).is_ok() && attempt()?) {
        return Ok(());
    }
    bail!(
        "{} could not install {}; install it by hand",
        manager.program,
        packages.join(" or ")
    )
}

impl Manager {
    /// The package manager with these arguments, as whoever may change the system.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = if !self.as_root || rustix::process::geteuid().is_root() {
            Command::new(self.program)
        } else if find_program("sudo").is_some() {
            let mut sudo = Command::new("sudo");
            if !std::io::stdin().is_terminal() {
                // Nobody could type a password: fail instead of waiting for one.
                sudo.arg("--non-interactive");
            }
            sudo.arg(self.program);
            sudo
        } else {
            bail!(
                "installing needs the administrator: {} {}",
                self.program,
                arguments.join(" ")
            );
        };
        command.args(arguments);
        Ok(command)
    }
}
