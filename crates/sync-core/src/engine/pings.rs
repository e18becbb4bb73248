//! Pings: users' devices are to be woken.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use sync_jobs::{EnqueueError, Enqueued, JobId, JobState, Jobs, NewJob};
use sync_proto::api::PushServiceInfo;

use crate::engine::{Engine, SyncError};
use crate::jobs::{CheckPush, Ping, PingAll, Push};
use crate::model::{ClientId, DocumentId, Partition, PingMessage, UserId};
use crate::ping::{PushCheck, PushService};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{Clients, PingRecord, Pings, PushFigures};

/// Jobs that are taken in at once.
const CHUNK: usize = 100;

/// Longest text of a ping, in bytes. Push services take about 4 000 of all that is in one, and some of them write it in more bytes.
const MAX_TEXT_BYTES: usize = 3_000;

/// Whom a ping is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PingTargets {
    /// Users, all devices of whom are pinged.
    pub users: Vec<String>,
    /// Clients that are pinged by themselves.
    pub clients: Vec<String>,
}

/// A ping that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenPing {
    /// What is kept of it.
    pub record: PingRecord,
    /// Whom it named that does not exist, sorted.
    pub unknown: PingTargets,
}

impl<P: Ports> Engine<P> {
    /// Sees to it that devices are pushed to, after the window in which the same ping counts as one. Names of nobody are
    /// passed over, and answered.
    ///
    /// # Errors
    /// A message that is too long, and the store's.
    pub async fn ping(
        &self,
        to: &PingTargets,
        message: &PingMessage,
        by: &str,
    ) -> Result<TakenPing, SyncError> {
        let length = message.message.as_ref().map_or(0, String::len);
        if length > MAX_TEXT_BYTES {
            return Err(SyncError::InvalidSetting {
                setting: "message",
                reason: format!(
                    "push services take at most {MAX_TEXT_BYTES} bytes of text, and this has {length}"
                ),
            });
        }
        let (users, clients) = (distinct(&to.users), distinct(&to.clients));
        let mut unknown = PingTargets::default();
        let mut known = Vec::with_capacity(users.len());
        for chunk in users.chunks(CHUNK) {
            let found = try_join_all(chunk.iter().map(|user| self.known_user(user))).await?;
            for (user, found) in chunk.iter().zip(found) {
                match found {
                    Some(user) => known.push(user),
                    None => unknown.users.push((*user).to_owned()),
                }
            }
        }
        let mut alone = Vec::with_capacity(clients.len());
        for chunk in clients.chunks(CHUNK) {
            let found = try_join_all(chunk.iter().map(|client| self.known_client(client))).await?;
            for (client, found) in chunk.iter().zip(found) {
                match found {
                    Some(client) => alone.push(client),
                    None => unknown.clients.push((*client).to_owned()),
                }
            }
        }
        let record = PingRecord {
            id: self.ports.random().hex::<8>(),
            at: self.ports.clock().now(),
            by: by.to_owned(),
            message: message.message.clone(),
            users: known.len() as u64,
            clients: alone.len() as u64,
            delivered: 0,
            failed: 0,
            unreachable: 0,
            error: None,
        };
        // Kept first: jobs count only for a ping that is there.
        Pings::new(self.ports.redis()).add(&record).await?;
        let (window, id) = (self.settings.ping.window(), record.id.as_str());
        for chunk in known.chunks(CHUNK) {
            let jobs = chunk
                .iter()
                .map(|user| self.enqueue_ping(Ping::job(user, message, window, Some(id))));
            try_join_all(jobs).await?;
        }
        for chunk in alone.chunks(CHUNK) {
            let jobs = chunk.iter().map(|(client, user)| {
                self.enqueue_ping(Push::alone(client, user, message, window, id))
            });
            try_join_all(jobs).await?;
        }
        Ok(TakenPing { record, unknown })
    }

    /// Lists pings that somebody sent, the newest first, from a position and at most so many.
    ///
    /// # Errors
    /// The store's.
    pub async fn pings(&self, from: usize, most: usize) -> Result<Vec<PingRecord>, SyncError> {
        Ok(Pings::new(self.ports.redis()).list(from, most).await?)
    }

    /// The push services: whether they are set up, and what they did in the last 24 hours.
    ///
    /// # Errors
    /// The store's.
    pub async fn push_services(&self) -> Result<Vec<PushServiceInfo>, SyncError> {
        let now = self.ports.clock().now();
        let mut figures = Pings::new(self.ports.redis()).services(now).await?;
        let services = PushService::ALL.into_iter();
        Ok(services
            .map(|service| {
                let table = service.table();
                let configured = self.settings.has_table(table);
                let PushFigures {
                    delivered,
                    failed,
                    error,
                } = figures.remove(service.as_str()).unwrap_or_default();
                PushServiceInfo {
                    name: service.as_str().to_owned(),
                    configured,
                    missing: (!configured)
                        .then(|| table.to_owned())
                        .into_iter()
                        .collect(),
                    delivered,
                    failed,
                    error,
                }
            })
            .collect())
    }

    /// Has a push service checked by the component that has its keys; answers the job that does it.
    ///
    /// # Errors
    /// The store's.
    pub async fn check_push_service(&self, service: PushService) -> Result<JobId, SyncError> {
        let job = CheckPush::job(service.as_str());
        match self.enqueue(&job).await.map_err(to_error)? {
            Enqueued::New(id) | Enqueued::Waiting(id) | Enqueued::Again(id) => Ok(id),
            Enqueued::Ticked => Err(SyncError::Busy),
        }
    }

    /// What came of checking a push service, as soon as the job has done it.
    ///
    /// # Errors
    /// The store's.
    pub async fn push_check(&self, job: &JobId) -> Result<Option<PushCheck>, SyncError> {
        let found = Jobs::new(self.ports.redis()).show(job).await?;
        Ok(found.and_then(|job| match job.state {
            JobState::Done => serde_json::from_str(&job.result?).ok(),
            JobState::Dead => Some(PushCheck {
                ok: false,
                message: job.reason.unwrap_or_default(),
            }),
            JobState::Ready | JobState::Delayed | JobState::Leased => None,
        }))
    }

    async fn known_client(&self, id: &str) -> Result<Option<(ClientId, UserId)>, SyncError> {
        let Ok(client) = ClientId::parse(id) else {
            return Ok(None);
        };
        let user = Clients::new(self.ports.redis()).user(&client).await?;
        Ok(user.map(|user| (client, user)))
    }

    async fn known_user(&self, login: &str) -> Result<Option<UserId>, SyncError> {
        let Ok(user) = UserId::parse(login) else {
            return Ok(None);
        };
        let is_known = self.accounts.exists(&user).await?;
        Ok(is_known.then_some(user))
    }

    /// Has devices woken that share a document in which the back end has changed something, where the source says so.
    pub(super) async fn notify_if(
        &self,
        changed: bool,
        document: &DocumentId,
    ) -> Result<(), SyncError> {
        let source = self.settings.sources.get(&document.source);
        if !changed || !source.is_some_and(|source| source.push_notify) {
            return Ok(());
        }
        match &document.partition {
            Partition::User(user) | Partition::Narrowed(user, _) => {
                let message = PingMessage::about(&document.source);
                self.ping_soon(user, &message).await
            }
            // It has changed because one of its members has, for which devices were woken.
            Partition::Combined(_) => Ok(()),
            // Whose devices share it is not kept: all look, and those of others find nothing.
            Partition::App | Partition::Named(_) => {
                let job = PingAll::job(&document.source, None);
                self.enqueue(&job).await.map(drop).map_err(to_error)
            }
        }
    }

    async fn ping_soon(&self, user: &UserId, message: &PingMessage) -> Result<(), SyncError> {
        self.enqueue_ping(Ping::job(user, message, self.settings.ping.window(), None))
            .await
    }

    async fn enqueue_ping(&self, job: NewJob) -> Result<(), SyncError> {
        self.enqueue(&job).await.map(drop).map_err(to_error)
    }
}

/// Each name once.
fn distinct(names: &[String]) -> Vec<&str> {
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    names.into_iter().collect()
}

fn to_error(error: EnqueueError) -> SyncError {
    match error {
        EnqueueError::Store(error) => error.into(),
        EnqueueError::TooLong { .. } => SyncError::InvalidSetting {
            setting: "ping",
            reason: "its sources, sound and collapse key are too long together".to_owned(),
        },
    }
}
