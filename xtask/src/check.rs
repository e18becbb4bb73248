//! `check`: what no test sees.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::build::{self, COMPONENTS, OWN_SERVER, TEST_COMPONENTS};
use crate::needs::{self, Purpose};
use crate::process::run;
use crate::workspace::{BROWSER_TARGET, COMPONENT_TARGET, Native, Workspace};
use crate::{bundles, cargo, term};

/// The program that knows the rules of the house.
const RULES: &str = "xtask-check";

/// Checks what no test sees: format, lints, documents, the rules of the house.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Check {
    /// Write the tables of the documentation that are made of the code.
    #[arg(long)]
    write: bool,
}

impl Check {
    /// Runs every check, and fails with the list of those that did.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        needs::ensure(workspace, &[Purpose::Build, Purpose::Check])?;
        let mut failed = Vec::new();
        let mut attempt = |what: &'static str, outcome: Result<()>| {
            if let Err(error) = outcome {
                term::note(format!("{error:#}"));
                failed.push(what);
            }
        };
        attempt("rules", self.rules(workspace));
        attempt("crates", crates(workspace));
        for (what, command) in commands(workspace) {
            attempt(
                what,
                cargo::run(workspace, format!("Checking: {what}"), command),
            );
        }
        if failed.is_empty() {
            return Ok(());
        }
        bail!("checks failed: {}", failed.join(", "))
    }

    fn rules(&self, workspace: &Workspace) -> Result<()> {
        build::programs(workspace, Native::Dev, &[RULES])?;
        term::step("Checking: rules of the house");
        let mut rules = Command::new(workspace.program_dir(Native::Dev).join(RULES));
        rules.current_dir(&workspace.root);
        if self.write {
            rules.arg("--write");
        }
        run(rules)
    }
}

/// Holds other people's crates to `deny.toml`. Crates in two versions are told only to who asks: `cargo deny check bans`.
fn crates(workspace: &Workspace) -> Result<()> {
    term::step("Checking: licences, versions and sources of crates");
    let deny = needs::tool(workspace, "cargo-deny").context("cargo-deny is not there")?;
    let mut deny = Command::new(deny);
    deny.current_dir(&workspace.root).args([
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ]);
    run(deny)
}

/// What cargo checks. Profiles, packages and features are those of the builds, so that what both stand on is compiled once.
fn commands(workspace: &Workspace) -> Vec<(&'static str, Command)> {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    let clippy = |arguments: &[&str], packages: &[&str]| {
        let mut cargo = workspace.cargo(["clippy"]);
        cargo.args(arguments);
        for package in packages {
            cargo.args(["--package", package]);
        }
        cargo.args(DENY);
        cargo
    };
    let components = ["--release", "--target", COMPONENT_TARGET];
    let browser = ["--profile", bundles::PROFILE, "--target", BROWSER_TARGET];
    let mut documents = workspace.cargo(["doc", "--workspace", "--no-deps"]);
    documents
        .arg("--document-private-items")
        .env("RUSTDOCFLAGS", "-D warnings");
    vec![
        ("format", workspace.cargo(["fmt", "--all", "--check"])),
        ("lints", clippy(&["--workspace", "--all-targets"], &[])),
        ("lints of the components", clippy(&components, &COMPONENTS)),
        (
            "lints of the tests' components",
            clippy(&components, &TEST_COMPONENTS),
        ),
        (
            "lints of a server with an adapter of its own",
            clippy(&components, &[OWN_SERVER]),
        ),
        (
            "lints of the browser's programs",
            clippy(&browser, &["admin-ui", "sync-client-web"]),
        ),
        ("documents", documents),
    ]
}
