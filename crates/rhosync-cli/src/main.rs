#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod advice;
mod api;
mod config;
mod device;
mod files;
mod jobs;
mod login;
mod new;
mod source;
mod table;
mod term;

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use advice::Advised;
use config::{ConfigCommand, Flags, Settings};
use term::{BAD, NOTE, say};

/// The exit code of wrong usage: clap has the same.
const MISUSE: u8 = 2;

/// Exit codes, for `--help`.
const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the back end refused a device's change.";

/// Works with a RhoSync server: make an application, be a device, look after jobs, connect back ends.
#[derive(Debug, Parser)]
#[command(name = "rhosync", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    flags: Flags,

    /// Print JSON, for scripts.
    #[arg(global = true, long, help_heading = "Global options")]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes an application to begin with: a back end, the settings, and a web app that works offline.
    New(new::New),
    /// Logs in to a server as an administrator, and remembers it.
    Login(login::Login),
    /// Forgets the login.
    Logout,
    /// Shows the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Is a device: syncs, shows and changes a source, offline too.
    Device(device::Device),
    /// Shows and changes the jobs of a server.
    Jobs(jobs::Jobs),
    /// Tries the settings of a source out, and writes new ones.
    Source(source::Source),
    /// Prints a script that completes commands in a shell.
    #[command(after_help = "Examples:
  rhosync completions bash > ~/.local/share/bash-completion/completions/rhosync
  rhosync completions zsh > ~/.zfunc/_rhosync
  rhosync completions fish > ~/.config/fish/completions/rhosync.fish")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("{BAD}error:{BAD:#} {error:#}");
            let advised = error.downcast_ref::<Advised>();
            if let Some(Advised { advice, .. }) = advised {
                anstream::eprintln!(" {NOTE}hint:{NOTE:#} {advice}");
            }
            match advised {
                Some(Advised {
                    is_misuse: true, ..
                }) => ExitCode::from(MISUSE),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let Cli {
        flags,
        json,
        command,
    } = cli;
    if let Command::Completions { shell } = command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "rhosync", &mut script);
        say!("{}", String::from_utf8_lossy(&script).trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let settings = Settings::load(flags, &|name| env::var(name).ok())?;
    match command {
        Command::New(new) => new.run()?,
        Command::Login(login) => login.run(&settings)?,
        Command::Logout => login::log_out(&settings)?,
        Command::Config(ConfigCommand::Show) => config::show(&settings, json)?,
        Command::Device(device) => return device.run(&settings, json),
        Command::Jobs(jobs) => jobs.run(&settings, json)?,
        Command::Source(source) => return source.run(&settings, json),
        Command::Completions { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_or_after_the_command() {
        for line in [
            "rhosync --server http://a --json jobs list adapter",
            "rhosync jobs list adapter --server http://a --json",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.json);
            assert_eq!(cli.flags.server.as_deref(), Some("http://a"));
        }
    }
}
