//! Programs that measure what is more than requests, on a server of their own.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::report::Budget;
use crate::workspace::{Native, Workspace};

/// The package whose examples they are.
const PACKAGE: &str = "integration-tests";

/// What a program says, in a line of JSON.
#[derive(Deserialize)]
struct Figure {
    what: String,
    measured: String,
    aim: String,
    is_met: bool,
}

/// Builds a program.
pub(super) fn build(workspace: &Workspace, example: &str) -> Command {
    cargo(workspace, "build", example)
}

/// Runs a program against what was built optimised.
pub(super) fn run(workspace: &Workspace, example: &str) -> Result<Vec<Budget>> {
    let output = cargo(workspace, "run", example)
        .env("RHOSYNC_WASM_DIR", workspace.component_dir())
        .env("RHOSYNC_BIN_DIR", workspace.program_dir(Native::Optimised))
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {example}"))?;
    if !output.status.success() {
        bail!("{example} failed ({})", output.status);
    }
    let lines = String::from_utf8(output.stdout).context("its figures are not text")?;
    let figures = lines.lines().map(|line| {
        let figure = serde_json::from_str(line);
        let Figure {
            what,
            measured,
            aim,
            is_met,
        } = figure.with_context(|| format!("{line:?} is no figure"))?;
        Ok(Budget {
            what,
            measured,
            aim,
            is_met,
        })
    });
    figures.collect()
}

fn cargo(workspace: &Workspace, verb: &str, example: &str) -> Command {
    let mut cargo = workspace.cargo();
    // Whoever measures shares the processors with what is measured.
    let profile = Native::Optimised.profile();
    cargo.args([verb, "--quiet", "--profile", profile]);
    cargo.args(["--package", PACKAGE, "--example", example]);
    cargo
}
