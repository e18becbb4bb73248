//! `check`: what no test sees.

mod arrows;
mod tree;

use std::process::Command;

use anyhow::{Result, bail};

use crate::build::{COMPONENTS, EXAMPLE, GUESTS, ensure_c_compiler, ensure_target};
use crate::process::run;
use crate::term;
use crate::workspace::{BROWSER_TARGET, COMPONENT_TARGET, Workspace};

/// Runs every check, and fails with the list of those that did.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    ensure_target(COMPONENT_TARGET)?;
    ensure_target(BROWSER_TARGET)?;
    ensure_c_compiler(workspace)?;
    let mut failed = Vec::new();
    let mut attempt = |what: &str, outcome: Result<()>| {
        if let Err(error) = outcome {
            term::note(format!("{error:#}"));
            failed.push(what.to_owned());
        }
    };
    term::step("Checking the rules of the house");
    attempt("rules", report(arrows::violations(workspace)?));
    attempt("tree", report(tree::violations(workspace)?));
    for (what, command) in commands(workspace) {
        term::step(format!("Checking: {what}"));
        attempt(what, run(command));
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("checks failed: {}", failed.join(", "))
}

fn report(violations: Vec<String>) -> Result<()> {
    if violations.is_empty() {
        return Ok(());
    }
    bail!("{}", violations.join("\n    "))
}

fn commands(workspace: &Workspace) -> Vec<(&'static str, Command)> {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    let cargo = |arguments: &[&str]| {
        let mut cargo = workspace.cargo();
        cargo.args(arguments);
        cargo
    };
    let format = cargo(&["fmt", "--all", "--check"]);
    let mut native = cargo(&["clippy", "--workspace", "--all-targets"]);
    native.args(DENY);
    let mut components = cargo(&["clippy", "--target", COMPONENT_TARGET]);
    for component in COMPONENTS
        .map(str::to_owned)
        .into_iter()
        .chain(workspace.members_in(GUESTS))
        .chain([EXAMPLE.to_owned()])
    {
        components.args(["--package", &component]);
    }
    components.args(DENY);
    let mut console = cargo(&[
        "clippy",
        "--target",
        BROWSER_TARGET,
        "--package",
        "admin-ui",
    ]);
    console.args(DENY);
    let mut documents = cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    documents.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        ("format", format),
        ("lints", native),
        ("lints of the components", components),
        ("lints of the console", console),
        ("documents", documents),
    ]
}
