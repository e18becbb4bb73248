//! `device`: a device at the command line, which keeps its data and its queue between calls.

mod home;
mod online;
mod show;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use sync_client::{Replica, SyncOptions};

use crate::up::state::Running;
use crate::up::{DEMO_PASSWORD, DEMO_USER};
use crate::workspace::Workspace;
use home::Home;
use online::Online;

/// Tells a script that everything went well but for what the back end refused.
const REFUSED: u8 = 3;

/// A device at the command line: syncs a source and shows it.
#[derive(Debug, clap::Args)]
pub(crate) struct Device {
    /// Who uses the device.
    #[arg(global = true, long, default_value = DEMO_USER)]
    user: String,

    /// The user's password; the demo user's is known.
    #[arg(
        global = true,
        long,
        env = "RHOSYNC_DEVICE_PASSWORD",
        hide_env_values = true
    )]
    password: Option<String>,

    /// The server [default: the one that `cargo xtask up` runs].
    #[arg(global = true, long)]
    url: Option<String>,

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
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        let mut home = Home::open(&workspace.state(), &self.user, self.device)?;
        let mut replica = home.replica(&self.source);
        if let Some(Action::List { id }) = &self.action {
            self.list(&replica, id.as_deref())?;
            return Ok(ExitCode::SUCCESS);
        }
        self.queue(&mut replica)?;
        home.save(&home.session, &replica)?;
        if self.offline {
            show::table(&replica, self.limit);
            return Ok(ExitCode::SUCCESS);
        }
        let mut online = Online::new(self, workspace, home)?;
        match self.action {
            Some(Action::Watch) => return online.watch(&mut replica),
            Some(Action::Reset) => online.reset(&mut replica)?,
            _ => {}
        }
        let start = Instant::now();
        let report = online.sync(&mut replica)?;
        show::report(&replica, &report, start.elapsed());
        show::table(&replica, self.limit);
        Ok(if report.applied.rejections.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(REFUSED)
        })
    }

    fn list(&self, replica: &Replica, id: Option<&str>) -> Result<()> {
        match id {
            None => show::table(replica, self.limit),
            Some(id) => show::object(
                id,
                &*replica.get(id).with_context(|| self.no_such_object(id))?,
            ),
        }
        Ok(())
    }

    /// Queues the change that is asked for.
    fn queue(&self, replica: &mut Replica) -> Result<()> {
        let missing = match &self.action {
            Some(Action::Create { values }) => {
                let id = replica.create(values.clone());
                anstream::println!("Made {id}.");
                return Ok(());
            }
            Some(Action::Update { id, values }) if !replica.update(id, values.clone()) => id,
            Some(Action::Delete { id }) if !replica.delete(id) => id,
            Some(Action::Watch | Action::Reset) if self.offline => bail!("this needs the network"),
            _ => return Ok(()),
        };
        bail!(self.no_such_object(missing))
    }

    fn no_such_object(&self, id: &str) -> String {
        format!(
            "{} has no object {id} on this device; sync first, or look with `list`",
            self.source
        )
    }

    /// The password to log in with.
    fn password(&self) -> Result<&str> {
        match &self.password {
            Some(password) => Ok(password),
            None if self.user == DEMO_USER => Ok(DEMO_PASSWORD),
            None => bail!("{} needs a --password", self.user),
        }
    }

    /// Where the server is.
    fn server(&self, workspace: &Workspace) -> Result<String> {
        match &self.url {
            Some(url) if url.starts_with("https:") => bail!("this device speaks plain http only"),
            Some(url) => Ok(url.clone()),
            None => Ok(Running::read(&workspace.state())?
                .context("no server is running here: start it with `cargo xtask up`, or name one with --url")?
                .server_url),
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
