//! `bench`: builds what is measured, and runs the package that measures it.

use std::convert::Infallible;
use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::build;
use crate::needs::REDIS;
use crate::process::become_program;
use crate::workspace::{Native, Workspace};

/// Said to measure what is built already; the rest is for the package to understand.
const NO_BUILD: &str = "--no-build";

/// Measures the server against a bare component in the same host.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Bench {
    /// What to measure: `--help` tells.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Bench {
    /// Does it, and does not come back.
    pub(crate) fn run(self, workspace: &Workspace) -> Result<Infallible> {
        let mut arguments = self.arguments;
        if arguments.iter().any(|it| it == "--help" || it == "-h") {
            // What is measured is built for minutes; that it can say what it measures takes less.
            let help = ["run", "--quiet", "--package", "bench", "--", "--help"];
            return Err(become_program(workspace.cargo(help)));
        }
        let given = arguments.len();
        arguments.retain(|argument| argument != NO_BUILD);
        if arguments.len() == given {
            build::measured(workspace)?;
        }
        let programs = workspace.program_dir(Native::Optimised);
        let mut bench = Command::new(programs.join("bench"));
        bench
            .args(arguments)
            .env("RHOSYNC_WASM_DIR", workspace.component_dir())
            .env("RHOSYNC_BIN_DIR", programs)
            .env(
                "RHOSYNC_REDIS_SERVER",
                REDIS.program().context("there is no redis-server")?,
            );
        Err(become_program(bench))
    }
}
