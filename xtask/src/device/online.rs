//! The device with its server in reach.

use std::io;
use std::process::ExitCode;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Error, Result};
use sync_client::{
    ClientError, DeviceClient, Progress, Replica, Session, SyncObserver, SyncOptions, SyncReport,
    UreqTransport,
};

use super::Device;
use super::home::Home;
use super::show::{self, Bar};
use crate::term;
use crate::up::on_interrupt;
use crate::workspace::Workspace;

/// How often `watch` asks.
const POLL: Duration = Duration::from_secs(2);

/// A device that is logged in, or can be.
pub(super) struct Online<'a> {
    device: &'a Device,
    client: DeviceClient<UreqTransport>,
    server: String,
    home: Home,
}

impl<'a> Online<'a> {
    /// Continues the session the device has; whether it still holds is seen with the first request.
    pub(super) fn new(device: &'a Device, workspace: &Workspace, home: Home) -> Result<Self> {
        let server = device.server(workspace)?;
        let client = DeviceClient::new(UreqTransport::default(), &server, home.session.clone());
        Ok(Self {
            device,
            client,
            server,
            home,
        })
    }

    /// Sends what is queued and brings what is new.
    pub(super) fn sync(&mut self, replica: &mut Replica) -> Result<SyncReport> {
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
        })
    }

    /// Syncs again and again and tells what changes.
    pub(super) fn watch(&mut self, replica: &mut Replica) -> Result<ExitCode> {
        let interrupted = on_interrupt()?;
        let report = self.sync(replica)?;
        show::table(replica, self.device.limit);
        show::problems(&report.applied);
        term::note(format!("watching {}; Ctrl-C ends it", self.device.source));
        let mut offline = false;
        while interrupted.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
            match self.sync(replica) {
                Ok(report) => {
                    if std::mem::take(&mut offline) {
                        term::note("the server is back");
                    }
                    show::changes(replica, &report.applied);
                }
                Err(error) if error.downcast_ref().is_some_and(ClientError::is_offline) => {
                    if !std::mem::replace(&mut offline, true) {
                        term::note(format!("{error:#}; trying again"));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Does something that needs a session, logging in and becoming a client where that is still to be done,
    /// or to be done again. Whatever comes of it, the device's memory is written down.
    fn with_login<R>(
        &mut self,
        replica: &mut Replica,
        mut action: impl FnMut(&mut Self, &mut Replica) -> Result<R, ClientError>,
    ) -> Result<R> {
        // A server that has lost everything refuses twice: it knows neither the session nor the client.
        const ATTEMPTS: usize = 3;
        let mut outcome = Err(ClientError::UnknownClient);
        for _ in 0..ATTEMPTS {
            self.prepare(replica)?;
            outcome = action(self, replica);
            match outcome {
                Err(ClientError::Unauthorized { .. }) => self.client.session_mut().log_out(),
                Err(ClientError::UnknownClient) => self.client.session_mut().client_id = None,
                _ => break,
            }
        }
        self.home.save(self.client.session(), replica)?;
        if outcome.is_err() && replica.has_changes() {
            term::note("the changes stay on the device; the next sync sends them");
        }
        outcome.map_err(|error| self.explain(error))
    }

    /// Makes sure that there is a session and a client.
    fn prepare(&mut self, replica: &mut Replica) -> Result<()> {
        if !self.client.session().is_logged_in() {
            let password = self.device.password()?;
            self.client
                .login(&self.device.user, password)
                .map_err(|error| self.explain(error))?;
        }
        if self.client.session().client_id.is_none() {
            self.client
                .create_client()
                .map_err(|error| self.explain(error))?;
            replica.start_over();
            self.home.start_over();
        }
        self.home.save(self.client.session(), replica)
    }

    /// Adds what the user can do about an error.
    fn explain(&self, error: ClientError) -> Error {
        let Self { server, device, .. } = self;
        let advice = match error {
            ClientError::Transport(_) => {
                format!("cannot reach {server}; is `cargo xtask up` running?")
            }
            ClientError::Unauthorized { .. } => {
                format!("{} cannot log in; is the --password right?", device.user)
            }
            _ => format!("{} cannot be synced", device.source),
        };
        Error::new(error).context(advice)
    }
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
