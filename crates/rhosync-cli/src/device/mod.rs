//! `rhosync device`: a device at the command line, which keeps its data and its queue between calls.

mod home;
mod json;
mod online;
mod show;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Error, Result, bail};
use sync_client::rhoconnect::{Replica, SyncOptions};

use crate::advice::advised;
use crate::config::Settings;
use crate::login::{ask_password, read_line};
use crate::term::say;
use home::Home;
use online::Online;

/// Tells a script that everything went well but for what the back end refused.
const REFUSED: u8 = 3;

/// Is a device: syncs, shows and changes a source, offline too.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The password is asked for when the device logs in for the first time; RHOSYNC_PASSWORD answers.

Examples:
  rhosync device --user anna                          # log in, sync, show the products
  rhosync device --user anna --source Customer
  rhosync device --user anna list 42                  # one object, without asking the server
  rhosync device --user anna create name=Lamp price=12.50
  rhosync device --user anna --offline update 42 price=9.90
  rhosync device --user anna --device 2 watch         # another device of hers sees what changes
  rhosync device --user anna list --json | jq '.objects[].attributes.name'"
)]
pub(crate) struct Device {
    /// Who uses the device (or RHOSYNC_USER, or `user` in the configuration file).
    #[arg(global = true, long)]
    user: Option<String>,

    /// Read the password from standard input instead of asking for it.
    #[arg(global = true, long)]
    password_stdin: bool,

    /// The source to work on.
    #[arg(global = true, long, default_value = "Product")]
    source: String,

    /// Which of the user's devices this is.
    #[arg(global = true, long, value_name = "N", default_value_t = 1)]
    device: u32,

    /// Use no network: changes are queued for the next sync.
    #[arg(global = true, long)]
    offline: bool,

    /// Most objects that are shown.
    #[arg(global = true, long, value_name = "N", default_value_t = 50)]
    limit: usize,

    /// Most objects of a page.
    #[arg(global = true, long, value_name = "N", default_value_t = SyncOptions::default().page_size)]
    page_size: u32,

    #[command(subcommand)]
    action: Option<Action>,
}

/// What to do; without one, syncs and shows everything.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Shows what is on the device, without asking the server; with an id, one object whole.
    List {
        /// The object's id.
        id: Option<String>,
    },
    /// Makes a new object.
    Create {
        /// Its values.
        #[arg(value_name = "NAME=VALUE", required = true, value_parser = pair)]
        values: Vec<(String, String)>,
    },
    /// Gives an object new values.
    Update {
        /// The object's id.
        id: String,
        /// The new values.
        #[arg(value_name = "NAME=VALUE", required = true, value_parser = pair)]
        values: Vec<(String, String)>,
    },
    /// Removes an object.
    Delete {
        /// The object's id.
        id: String,
    },
    /// Syncs every two seconds and tells what changes, until Ctrl-C.
    Watch,
    /// Forgets everything, here and what the server knows about this device, and reads it anew.
    Reset,
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE"),
    }
}

impl Device {
    /// Does it.
    pub(crate) fn run(&self, settings: &Settings, json: bool) -> Result<ExitCode> {
        let server = settings.server()?;
        let user = settings.user(self.user.as_deref())?;
        let mut home = Home::open(settings.data_dir(), server, user, self.device)?;
        let mut replica = home.replica(&self.source);
        if let Some(Action::List { id }) = &self.action {
            self.list(&replica, id.as_deref(), json)?;
            return Ok(ExitCode::SUCCESS);
        }
        let made = self.queue(&mut replica)?;
        home.save(&home.session, &replica)?;
        if let Some(id) = &made
            && !json
        {
            say!("Made {id}.");
        }
        if self.offline {
            if json {
                json::say(&json::outcome(made.as_deref(), None, &replica))?;
            } else {
                show::table(&replica, self.limit);
            }
            return Ok(ExitCode::SUCCESS);
        }
        let mut online = Online::new(self, settings, user, home, json)?;
        match self.action {
            Some(Action::Watch) => {
                online.watch(&mut replica)?;
                return Ok(ExitCode::SUCCESS);
            }
            Some(Action::Reset) => online.reset(&mut replica)?,
            _ => {}
        }
        let start = Instant::now();
        let report = online.sync(&mut replica)?;
        if json {
            json::say(&json::outcome(made.as_deref(), Some(&report), &replica))?;
        } else {
            show::report(&replica, &report, start.elapsed());
            show::table(&replica, self.limit);
        }
        Ok(if report.applied.rejections.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(REFUSED)
        })
    }

    fn list(&self, replica: &Replica, id: Option<&str>, json: bool) -> Result<()> {
        match id {
            None if json => json::say(&json::objects(replica))?,
            None => show::table(replica, self.limit),
            Some(id) => {
                let attributes = replica.get(id).ok_or_else(|| self.no_such_object(id))?;
                if json {
                    json::say(&json::object(replica, id, &attributes))?;
                } else {
                    show::object(id, &attributes);
                }
            }
        }
        Ok(())
    }

    /// Queues the change that is asked for; answers the temporary id of a new object.
    fn queue(&self, replica: &mut Replica) -> Result<Option<String>> {
        let missing = match &self.action {
            Some(Action::Create { values }) => return Ok(Some(replica.create(values.clone()))),
            Some(Action::Update { id, values }) if !replica.update(id, values.clone()) => id,
            Some(Action::Delete { id }) if !replica.delete(id) => id,
            Some(Action::Watch | Action::Reset) if self.offline => bail!("this needs the network"),
            _ => return Ok(None),
        };
        Err(self.no_such_object(missing))
    }

    fn no_such_object(&self, id: &str) -> Error {
        advised(
            format!("{} has no object {id} on this device", self.source),
            "sync first, or look with `list`",
        )
    }

    /// The password to log in with.
    fn password(&self, settings: &Settings, user: &str) -> Result<String> {
        match settings.password_of(user) {
            _ if self.password_stdin => read_line("a password"),
            Some(password) => Ok(password.0.clone()),
            None => ask_password(&format!("Password of {user} at {}: ", settings.server()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_given_as_pairs() {
        assert_eq!(
            pair("note=a=b").unwrap(),
            ("note".to_owned(), "a=b".to_owned())
        );
        assert_eq!(pair("empty=").unwrap(), ("empty".to_owned(), String::new()));
        assert!(pair("name").is_err() && pair("=x").is_err());
    }
}
