//! `rhosync source`: tries the settings of sources out, before any device sees them.

mod application;
mod check;
mod compare;
mod databases;
mod fixtures;
mod network;
mod new;
mod pages;
mod place;
mod ports;
mod problem;
mod report;
mod secrets;
mod trial;
mod triggers;
mod write;

use std::process::ExitCode;

use anyhow::Result;

use crate::config::Settings;

/// Tries the settings of a source out.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Writes the settings of a new source, with a test that needs no network.
    New(new::New),
    /// Asks a source's back end as the server would, and shows what comes of it.
    Check(check::Check),
    /// Checks, and keeps what the back end answers as fixtures, without secrets.
    Record(check::Record),
    /// Checks against the fixtures, without the network.
    Replay(check::Replay),
    /// Prints the script that has a database note which rows change, and which are deleted.
    Triggers(triggers::Triggers),
}

impl Source {
    /// Does it.
    pub(crate) fn run(&self, settings: &Settings, json: bool) -> Result<ExitCode> {
        match &self.action {
            Action::New(new) => new.run(),
            Action::Check(check) => check.run(settings, json),
            Action::Record(record) => record.run(settings, json),
            Action::Replay(replay) => replay.run(json),
            Action::Triggers(triggers) => triggers.run(),
        }
    }
}

/// Reads `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
