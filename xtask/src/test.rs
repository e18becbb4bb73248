//! `test`: everything that can be tested on this machine, set up from nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::install::install;
use crate::process::run;
use crate::redis::{URL_VARIABLE, find_or_install_server};
use crate::term::{self, BAD, FAINT, GOOD};
use crate::workspace::{Native, Workspace, find_program};
use crate::{build, check};

/// Browsers the browser tests can drive, each with its driver.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const DRIVER: &str = "chromedriver";

/// Checks and tests everything.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Only the tests inside the crates: no checks, no components, nothing end to end.
    #[arg(long)]
    quick: bool,

    /// Only the tests whose names contain this.
    filter: Option<String>,
}

impl Test {
    /// Does it.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let redis = find_or_install_server()?;
        // What the documents tell readers to type is run, and files for devices are opened by a program that is not ours.
        for (program, packages) in [("curl", &["curl"][..]), ("sqlite3", &["sqlite3", "sqlite"])] {
            if find_program(program).is_none() {
                install(packages)?;
            }
        }
        let mut steps = Steps::default();
        let mut cargo = workspace.cargo();
        cargo
            .args(["test", "--workspace", "--no-fail-fast"])
            .env("RHOSYNC_WASM_DIR", workspace.component_dir())
            .env("RHOSYNC_BIN_DIR", workspace.program_dir(Native::Dev))
            .env("RHOSYNC_REDIS_SERVER", redis)
            // Tests own their world: the user's own Redis is none of their business.
            .env_remove(URL_VARIABLE);
        if self.quick {
            cargo.args(["--lib", "--bins"]);
        } else {
            if find_program(DRIVER).is_none()
                || !BROWSERS
                    .iter()
                    .any(|browser| find_program(browser).is_some())
            {
                term::note(
                    "the browser tests will be skipped: install chromium and chromedriver to run them",
                );
            }
            if self.filter.is_none() {
                steps.run("check", || check::check(workspace));
            }
            // Without these, the tests that run them could only fail once more.
            steps.run("components", || {
                build::components(workspace).and_then(|()| build::guests(workspace))
            });
            steps.run("programs", || build::programs_and_tests(workspace));
        }
        cargo.args(&self.filter);
        steps.run("tests", || {
            term::step("Testing");
            run(cargo)
        });
        steps.summary()
    }
}

/// What was done, how long it took, and how it ended.
#[derive(Debug, Default)]
struct Steps(Vec<(&'static str, Duration, Result<()>)>);

impl Steps {
    /// Does a step. The next one is done in any case: a failure does not hide the others.
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        let outcome = step();
        self.0.push((name, start.elapsed(), outcome));
    }

    /// Says how it went.
    fn summary(self) -> Result<()> {
        anstream::eprintln!();
        let total: Duration = self.0.iter().map(|(_, took, _)| *took).sum();
        let failed = self
            .0
            .iter()
            .filter(|(_, _, outcome)| outcome.is_err())
            .count();
        for (name, took, outcome) in self.0 {
            let took = term::duration(took);
            match outcome {
                Ok(()) => {
                    anstream::eprintln!("{GOOD}  ok    {GOOD:#} {name:12} {FAINT}{took}{FAINT:#}")
                }
                Err(error) => {
                    anstream::eprintln!(
                        "{BAD}  failed{BAD:#} {name:12} {FAINT}{took}{FAINT:#}\n         {error:#}"
                    );
                }
            }
        }
        anstream::eprintln!(
            "         {:12} {FAINT}{}{FAINT:#}",
            "in all",
            term::duration(total)
        );
        match failed {
            0 => Ok(()),
            _ => bail!("{} failed", term::counted(failed, "step")),
        }
    }
}
