//! Pings: users' devices are to be woken.

use futures_util::future::try_join_all;
use sync_jobs::EnqueueError;

use crate::engine::{Engine, SyncError};
use crate::jobs::{Ping, PingAll};
use crate::model::{DocumentId, Partition, PingMessage, UserId};
use crate::ports::Ports;

/// Jobs that are taken in at once.
const CHUNK: usize = 100;

impl<P: Ports> Engine<P> {
    /// Sees to it that the users' devices are pushed to, after the window in which the same ping counts as one. Names of
    /// nobody are passed over; says how many users there are.
    ///
    /// # Errors
    /// A message that is too long, and the store's.
    pub async fn ping(&self, users: &[String], message: &PingMessage) -> Result<usize, SyncError> {
        let mut known = Vec::with_capacity(users.len());
        for chunk in users.chunks(CHUNK) {
            let found = try_join_all(chunk.iter().map(|user| self.known_user(user))).await?;
            known.extend(found.into_iter().flatten());
        }
        known.sort_unstable();
        known.dedup();
        for chunk in known.chunks(CHUNK) {
            try_join_all(chunk.iter().map(|user| self.ping_soon(user, message))).await?;
        }
        Ok(known.len())
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
            Partition::App => {
                let job = PingAll::job(&document.source, None);
                self.enqueue(&job).await.map(drop).map_err(to_error)
            }
        }
    }

    async fn ping_soon(&self, user: &UserId, message: &PingMessage) -> Result<(), SyncError> {
        let job = Ping::job(user, message, self.settings.ping.window());
        self.enqueue(&job).await.map(drop).map_err(to_error)
    }
}

fn to_error(error: EnqueueError) -> SyncError {
    match error {
        EnqueueError::Store(error) => error.into(),
        EnqueueError::TooLong { .. } => SyncError::InvalidSetting {
            setting: "message",
            reason: error.to_string(),
        },
    }
}
