//! `test`: everything that can be tested on this machine, set up from nothing.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::bundles::WEB_LIBRARY;
use crate::check::Check;
use crate::needs::{self, Purpose, REDIS};
use crate::process::run;
use crate::redis::URL_VARIABLE;
use crate::term::{self, BAD, FAINT, GOOD, NOTE};
use crate::workspace::{Native, Workspace};
use crate::{budget, build, javascript, swift};

/// How the names of the tests begin that need a browser.
const BROWSER_TESTS: [&str; 3] = ["console::", "tutorial::", "web_library::"];

/// And those that need Kotlin's compiler.
const KOTLIN_TESTS: &str = "bindings::kotlin::";

/// Checks and tests everything.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Only the tests inside the crates: no checks, no components, nothing end to end.
    #[arg(long)]
    quick: bool,

    /// Leave out the tests that need a browser, and do not install one.
    #[arg(long)]
    skip_browser: bool,

    /// Leave out the tests of the device library for Kotlin, and do not install its compiler.
    #[arg(long)]
    skip_kotlin: bool,

    /// Only the tests whose names contain this.
    filter: Option<String>,
}

impl Test {
    /// Does it.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let mut purposes = vec![Purpose::Run, Purpose::Test];
        if !self.quick {
            purposes.extend([Purpose::Build, Purpose::Check]);
            if !self.skip_browser {
                purposes.push(Purpose::Browser);
            }
            if !self.skip_kotlin {
                purposes.push(Purpose::Kotlin);
            }
        }
        needs::ensure(workspace, &purposes)?;
        let redis = REDIS.program().context("Redis is gone again")?;

        let mut cargo = workspace.cargo(["test", "--workspace", "--no-fail-fast"]);
        cargo
            .env("RHOSYNC_WASM_DIR", workspace.component_dir())
            .env("RHOSYNC_BIN_DIR", workspace.program_dir(Native::Dev))
            .env("RHOSYNC_REDIS_SERVER", redis)
            // Tests own their world: the user's own Redis is none of their business.
            .env_remove(URL_VARIABLE);
        let mut steps = Steps::default();
        if self.quick {
            cargo.args(["--lib", "--bins"]);
        } else {
            if self.filter.is_none() {
                steps.run("check", || Check::default().run(workspace));
            }
            steps.run("programs", || build::programs_and_tests(workspace));
            // Without these, the tests that run them could only fail once more.
            steps.run("components", || {
                build::test_components(workspace)?;
                build::components(workspace)?;
                WEB_LIBRARY.make(workspace)?;
                budget::check(workspace)
            });
        }
        cargo.args(&self.filter);
        let mut skipped = Vec::new();
        match javascript::hindrance() {
            _ if self.quick => steps.skip("JavaScript", "--quick"),
            None => steps.run("JavaScript", || javascript::make(workspace)),
            Some(reason) => {
                skipped.push(javascript::TESTS);
                steps.skip("JavaScript", &reason);
            }
        }
        let swift_hindrance = swift::hindrance();
        if swift_hindrance.is_some() {
            skipped.push(swift::TESTS);
        }
        if self.skip_browser {
            skipped.extend(BROWSER_TESTS);
        }
        if self.skip_kotlin {
            skipped.push(KOTLIN_TESTS);
        }
        cargo.arg("--");
        for tests in skipped {
            cargo.args(["--skip", tests]);
        }
        steps.run("tests", || {
            term::step("Testing");
            run(cargo)
        });
        if !self.quick && self.filter.is_none() {
            steps.run("encryption", || {
                term::step("Testing encrypted files");
                let mut cargo = workspace.cargo([
                    "test",
                    "--package=sync-store",
                    "--features=encryption",
                    "--test=encryption",
                ]);
                // With the system's: to compile the OpenSSL that apps get takes minutes.
                cargo.env("OPENSSL_NO_VENDOR", "1");
                run(cargo)
            });
        }
        let quick = self.quick.then_some("--quick");
        if let Some(why) = quick.or(self.skip_browser.then_some("--skip-browser")) {
            steps.skip("browser", why);
        }
        if let Some(why) = quick.or(self.skip_kotlin.then_some("--skip-kotlin")) {
            steps.skip("kotlin", why);
        }
        if let Some(why) = quick.or(swift_hindrance.as_deref()) {
            steps.skip("Swift", why);
        }
        steps.summary()
    }
}

/// What was done, how long it took, and how it ended.
#[derive(Debug, Default)]
struct Steps(Vec<Step>);

#[derive(Debug)]
struct Step {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Done(Result<()>),
    /// It was not done, and why.
    Skipped(String),
}

impl Steps {
    /// Does a step. The next one is done in any case: a failure does not hide the others.
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        let outcome = Outcome::Done(step());
        let took = start.elapsed();
        self.0.push(Step {
            name,
            took,
            outcome,
        });
    }

    /// Takes down a step that was left out.
    fn skip(&mut self, name: &'static str, why: &str) {
        self.0.push(Step {
            name,
            took: Duration::ZERO,
            outcome: Outcome::Skipped(why.to_owned()),
        });
    }

    /// Says how it went.
    fn summary(self) -> Result<()> {
        anstream::eprintln!();
        let total: Duration = self.0.iter().map(|step| step.took).sum();
        let mut failed = 0;
        for step in self.0 {
            let name = step.name;
            let took = term::duration(step.took);
            match step.outcome {
                Outcome::Done(Ok(())) => {
                    anstream::eprintln!("{GOOD}  ok     {GOOD:#} {name:12} {FAINT}{took}{FAINT:#}");
                }
                Outcome::Done(Err(error)) => {
                    failed += 1;
                    anstream::eprintln!(
                        "{BAD}  failed {BAD:#} {name:12} {FAINT}{took}{FAINT:#}\n          {error:#}"
                    );
                }
                Outcome::Skipped(why) => {
                    anstream::eprintln!("{NOTE}  skipped{NOTE:#} {name:12} {FAINT}{why}{FAINT:#}");
                }
            }
        }
        anstream::eprintln!(
            "          {:12} {FAINT}{}{FAINT:#}",
            "in all",
            term::duration(total)
        );
        match failed {
            0 => Ok(()),
            _ => bail!("{} failed", term::counted(failed, "step")),
        }
    }
}
