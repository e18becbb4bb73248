//! `doctor`: what the machine has of what the tasks need.

use anyhow::{Result, bail};

use crate::needs::{self, Need};
use crate::term::{self, BAD, FAINT, GOOD};
use crate::workspace::Workspace;

/// Shows what set-up needs, and whether it is there.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Install what is missing.
    #[arg(long)]
    install: bool,
}

impl Doctor {
    /// Does it.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let mut missing = Vec::new();
        for need in needs::all() {
            let is_met = need.is_met(workspace);
            anstream::println!("{}", row(need, is_met));
            if !is_met {
                missing.push(need);
            }
        }
        if missing.is_empty() {
            anstream::println!("\n{GOOD}Everything is there.{GOOD:#}");
            return Ok(());
        }
        if self.install {
            return needs::install(workspace, &missing);
        }
        bail!(
            "{} missing; each task installs what it needs, `cargo xtask doctor --install` everything",
            match missing.len() {
                1 => "one thing is".to_owned(),
                count => format!("{} are", term::counted(count, "thing")),
            }
        )
    }
}

fn row(need: &Need, is_met: bool) -> String {
    let Need { name, why, .. } = need;
    if is_met {
        return format!("{GOOD}ok     {GOOD:#}  {name:23} {FAINT}{why}{FAINT:#}");
    }
    let remedy = need
        .remedy()
        .unwrap_or_else(|| "by hand: there is no package manager known here".to_owned());
    format!(
        "{BAD}missing{BAD:#}  {name:23} {why}\n         {:23} {FAINT}{remedy}{FAINT:#}",
        ""
    )
}
