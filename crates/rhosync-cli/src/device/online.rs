//! The device with its server in reach.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context as _, Error, Result};
use sync_client::rhoconnect::{
    ClientError, DeviceClient, Progress, Replica, Session, SyncObserver, SyncOptions, SyncReport,
    UreqTransport,
};

use super::home::Home;
use super::show::{self, Bar};
use super::{Device, json};
use crate::advice::advised;
use crate::api::unreachable;
use crate::config::Settings;
use crate::term::note;

/// How often `watch` asks.
const POLL: Duration = Duration::from_secs(2);

/// A device that is logged in, or can be.
pub(super) struct Online<'a> {
    device: &'a Device,
    settings: &'a Settings,
    client: DeviceClient<UreqTransport>,
    server: &'a str,
    user: &'a str,
    home: Home,
    json: bool,
}

impl<'a> Online<'a> {
    /// Continues the session the device has; whether it still holds is seen with the first request.
    pub(super) fn new(
        device: &'a Device,
        settings: &'a Settings,
        user: &'a str,
        home: Home,
        json: bool,
    ) -> Result<Self> {
        let server = settings.server()?;
        let client = DeviceClient::new(UreqTransport::default(), server, home.session.clone());
        Ok(Self {
            device,
            settings,
            client,
            server,
            user,
            home,
            json,
        })
    }

    /// Sends what is queued and brings what is new.
    pub(super) fn sync(&mut self, replica: &mut Replica) -> Result<SyncReport> {
        let outcome = self.sync_once(replica)?;
        if outcome.is_err() && replica.has_changes() {
            note("the changes stay on the device; the next sync sends them");
        }
        outcome.map_err(|error| self.explain(error))
    }

    fn sync_once(&mut self, replica: &mut Replica) -> Result<Result<SyncReport, ClientError>> {
        let options = SyncOptions {
            page_size: self.device.page_size,
            ..SyncOptions::default()
        };
        self.with_login(replica, |this, replica| {
            let session = this.client.session().clone();
            let mut keeper = Keeper {
                home: &this.home,
                session,
                bar: Bar::default(),
                source: &this.device.source,
            };
            let outcome = this.client.sync(replica, options, &mut keeper);
            keeper.bar.finish();
            outcome
        })
    }

    /// Makes this device a new one, in its own eyes and the server's.
    pub(super) fn reset(&mut self, replica: &mut Replica) -> Result<()> {
        self.with_login(replica, |this, replica| {
            this.client.reset(&[])?;
            replica.clear();
            this.home.clear();
            Ok(())
        })?
        .map_err(|error| self.explain(error))
    }

    /// Syncs again and again and tells what changes, until Ctrl-C.
    pub(super) fn watch(&mut self, replica: &mut Replica) -> Result<()> {
        let report = self.sync(replica)?;
        // Not before: until then, Ctrl-C ends the program, be it at the question for the password.
        let interrupted = on_interrupt()?;
        if self.json {
            json::say_line(&json::outcome(None, Some(&report), replica))?;
        } else {
            show::table(replica, self.device.limit);
            show::problems(&report.applied);
        }
        note(format!("watching {}; Ctrl-C ends it", self.device.source));
        let mut offline = false;
        while interrupted.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
            match self.sync_once(replica)? {
                Ok(report) => {
                    if std::mem::take(&mut offline) {
                        note("the server is back");
                    }
                    if !self.json {
                        show::changes(replica, &report.applied);
                    } else if report.applied != Default::default() {
                        json::say_line(&json::outcome(None, Some(&report), replica))?;
                    }
                }
                Err(error) if error.is_offline() => {
                    if !std::mem::replace(&mut offline, true) {
                        note(format!("{:#}; trying again", Error::new(error)));
                    }
                }
                Err(error) => return Err(self.explain(error)),
            }
        }
        Ok(())
    }

    /// Does something that needs a session, logging in and becoming a client where that is still to be done,
    /// or to be done again. Whatever comes of it, the device's memory is written down.
    fn with_login<R>(
        &mut self,
        replica: &mut Replica,
        mut action: impl FnMut(&mut Self, &mut Replica) -> Result<R, ClientError>,
    ) -> Result<Result<R, ClientError>> {
        // A server that has lost everything refuses twice: it knows neither the session nor the client.
        const ATTEMPTS: usize = 3;
        let mut outcome = Err(ClientError::UnknownClient);
        for _ in 0..ATTEMPTS {
            outcome = match self.prepare(replica)? {
                Ok(()) => action(self, replica),
                Err(error) => return Ok(Err(error)),
            };
            match outcome {
                Err(ClientError::Unauthorized { .. }) => self.client.session_mut().log_out(),
                Err(ClientError::UnknownClient) => self.client.session_mut().client_id = None,
                _ => break,
            }
        }
        self.home.save(self.client.session(), replica)?;
        Ok(outcome)
    }

    /// Makes sure that there is a session and a client.
    fn prepare(&mut self, replica: &mut Replica) -> Result<Result<(), ClientError>> {
        if !self.client.session().is_logged_in() {
            let password = self.device.password(self.settings, self.user)?;
            if let Err(error) = self.client.login(self.user, &password) {
                return Ok(Err(error));
            }
        }
        if self.client.session().client_id.is_none() {
            if let Err(error) = self.client.create_client() {
                return Ok(Err(error));
            }
            replica.start_over();
            self.home.start_over();
        }
        self.home.save(self.client.session(), replica)?;
        Ok(Ok(()))
    }

    /// Adds what the user can do about an error.
    fn explain(&self, error: ClientError) -> Error {
        match error {
            ClientError::Transport(error) => unreachable(self.server, error),
            ClientError::Unauthorized { .. } => advised(
                Error::new(error).context(format!("{} cannot log in", self.user)),
                "is the password right? The one in RHOSYNC_PASSWORD is taken, if there is one",
            ),
            _ => Error::new(error).context(format!("{} cannot be synced", self.device.source)),
        }
    }
}

/// Hears Ctrl-C, and the request to end that the system sends.
fn on_interrupt() -> Result<Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        // Nobody listens any more only when the program is ending already.
        let _ = sender.send(());
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(receiver)
}

/// Writes the device's memory before anything is promised to the server, and moves the bar.
struct Keeper<'a> {
    home: &'a Home,
    session: Session,
    bar: Bar,
    source: &'a str,
}

impl SyncObserver for Keeper<'_> {
    fn save(&mut self, replica: &Replica) -> io::Result<()> {
        self.home
            .save(&self.session, replica)
            .map_err(io::Error::other)
    }

    fn progress(&mut self, progress: Progress) {
        self.bar.advance(self.source, progress);
    }
}
