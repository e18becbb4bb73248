//! `rhosync source triggers`.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use sync_core::AdapterSettings;

use super::application::{Place, Variables};
use super::pair;
use crate::advice::misused;
use crate::term::say;

/// Prints the script that has a database note which rows change, and which are deleted.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The database is not called. Of its address, only what it begins with counts: postgres:// or mysql://.

Examples:
  rhosync source triggers Product > triggers.sql
  psql \"$ADDRESS\" -f triggers.sql
  mariadb shop < triggers.sql"
)]
pub(super) struct Triggers {
    #[command(flatten)]
    place: Place,

    /// A variable of the settings.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = pair)]
    variables: Vec<(String, String)>,
}

impl Triggers {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let given: Variables = self.variables.iter().cloned().collect();
        let application = self.place.open(&given)?;
        let application =
            application.map_err(|problem| anyhow!("{}: {}", problem.key, problem.message))?;
        let name = &self.place.name;
        let AdapterSettings::Sql(settings) = &application.source.adapter else {
            return Err(misused(
                format!("{name} is no source of a database"),
                "name one with `adapter = \"sql\"`",
            ));
        };
        let Some(script) = settings.triggers() else {
            return Err(misused(
                format!("the rows of {name} come from a query"),
                "databases have triggers for tables: say `table` in place of `query`",
            ));
        };
        say!("{}", script.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}
