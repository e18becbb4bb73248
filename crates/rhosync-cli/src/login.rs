//! `rhosync login` and `rhosync logout`.

use std::io::{IsTerminal as _, stdin};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::json;
use sync_proto::api::CreatedToken;

use crate::advice::advised;
use crate::api::Api;
use crate::config::Settings;
use crate::term::{note, say};

/// Logs in to a server as an administrator, and remembers it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rhosync login --server https://sync.example.com
  rhosync login --server https://test.example.com --profile test
  rhosync login --token-stdin < token")]
pub(crate) struct Login {
    /// The administrator.
    #[arg(long, default_value = "rhoadmin")]
    login: String,

    /// Read the password from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,

    /// Read an API token from standard input and remember it, instead of logging in.
    #[arg(long, conflicts_with_all = ["password_stdin", "login"])]
    token_stdin: bool,
}

impl Login {
    /// Does it.
    pub(crate) fn run(&self, settings: &Settings) -> Result<()> {
        let server = settings.server()?;
        if is_overheard(server) {
            note(format!(
                "{server} has no TLS: whoever is on the way can read passwords and tokens"
            ));
        }
        if self.token_stdin {
            let token = read_line("an API token")?;
            let file = settings.remember(&token, None)?;
            say!("The token for {server} is in {}.", file.display());
            return Ok(());
        }
        let password = match self.password_stdin {
            true => read_line("a password")?,
            false => ask_password(&format!("Password of {} at {server}: ", self.login))?,
        };
        let login = json!({"login": self.login, "password": password});
        let made = Api::with_token(settings, None)?.send(&Method::POST, "/login", Some(&login));
        let CreatedToken { token, info } = made?;
        let ends = info.expires_at.map(time);
        let file = settings.remember(&token, ends.as_deref())?;
        let until = ends
            .map(|ends| format!(", until {ends}"))
            .unwrap_or_default();
        say!(
            "Logged in to {server}{until}. The token is in {}.",
            file.display()
        );
        Ok(())
    }
}

/// Forgets the token of the configuration file; one that `login` has made, the server forgets too.
pub(crate) fn log_out(settings: &Settings) -> Result<()> {
    let server = settings.server()?;
    if settings.is_login()
        && let Err(error) = Api::new(settings)?.exchange(&Method::POST, "/logout", None)
    {
        note(format!("the server has not ended the token: {error:#}"));
    }
    let file = settings.forget_token()?;
    say!("{} has no token for {server} any more.", file.display());
    Ok(())
}

/// Asks for a password, which is not shown.
pub(crate) fn ask_password(prompt: &str) -> Result<String> {
    if !stdin().is_terminal() {
        return Err(advised(
            "a password is needed, and there is no terminal to ask at",
            "--password-stdin reads it from standard input",
        ));
    }
    rpassword::prompt_password(prompt).context("cannot read the password")
}

/// Reads a secret from standard input.
pub(crate) fn read_line(what: &str) -> Result<String> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let line = line.trim_end_matches(['\r', '\n']);
    ensure!(!line.is_empty(), "standard input has no line with {what}");
    Ok(line.to_owned())
}

/// A time as people and programs read it.
fn time(since_epoch_ms: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(since_epoch_ms);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Whether others could read along on the way to a server.
fn is_overheard(server: &str) -> bool {
    let Some(host) = server.strip_prefix("http://") else {
        return false;
    };
    let is_here = ["localhost", "127.", "[::1]"];
    !is_here.iter().any(|here| host.starts_with(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_needs_no_tls() {
        assert!(is_overheard("http://sync.example.com"));
        for server in [
            "https://sync.example.com",
            "http://127.0.0.1:9292",
            "http://localhost",
        ] {
            assert!(!is_overheard(server), "{server}");
        }
    }
}
