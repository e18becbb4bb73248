#![doc = include_str!("../README.md")]

mod arrows;
mod links;
mod manifests;
mod modules;
mod page;
mod text;

use std::env;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::MetadataCommand;

fn main() -> Result<ExitCode> {
    let write = match env::args().nth(1).as_deref() {
        None => false,
        Some("--write") => true,
        Some(other) => bail!("there is no option {other}; --write rewrites what is generated"),
    };
    let metadata = MetadataCommand::new()
        .no_deps()
        .exec()
        .context("cargo does not know this workspace; run this inside the repository")?;
    let root = metadata.workspace_root.as_std_path();
    if write {
        page::write(root)?;
    }
    let violations = [
        arrows::violations(&metadata)?,
        manifests::violations(&metadata)?,
        page::violations(root)?,
        links::violations(root)?,
        text::violations(root)?,
    ]
    .concat();
    for violation in &violations {
        let violation = violation.replace(&format!("{}/", root.display()), "");
        #[expect(clippy::print_stderr, reason = "this is what the program is for")]
        {
            eprintln!("    {violation}");
        }
    }
    Ok(if violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
