//! Users' devices are to be woken.

use futures_util::future::try_join_all;

use crate::engine::{Engine, SyncError};
use crate::ids::{QueueName, UserId};
use crate::jobs::Ping;
use crate::ports::{Clock as _, Ports};
use crate::push::PushMessage;
use crate::store::EnqueueError;

/// Where pings wait.
const QUEUE: &str = "push";

/// Jobs that are taken in at once.
const CHUNK: usize = 100;

impl<P: Ports> Engine<P> {
    /// Sees to it that the users' devices are pushed to, after the window in which the same ping counts as one. Says how
    /// many users there are.
    ///
    /// # Errors
    /// [`SyncError::UnknownUser`]: nobody is pinged then. A message that is too long, and the store's.
    pub async fn ping(&self, users: &[String], message: &PushMessage) -> Result<usize, SyncError> {
        let mut known = Vec::with_capacity(users.len());
        for chunk in users.chunks(CHUNK) {
            known.extend(try_join_all(chunk.iter().map(|user| self.user(user))).await?);
        }
        known.sort_unstable_by(|one, other| one.login.cmp(&other.login));
        known.dedup_by(|one, other| one.login == other.login);
        for chunk in known.chunks(CHUNK) {
            try_join_all(
                chunk
                    .iter()
                    .map(|user| self.ping_soon(&user.login, message)),
            )
            .await?;
        }
        Ok(known.len())
    }

    async fn ping_soon(&self, user: &UserId, message: &PushMessage) -> Result<(), SyncError> {
        let window_ms = self.settings.push.window_seconds.saturating_mul(1_000);
        let due = self.ports.clock().now().plus(window_ms);
        let queue = QueueName::parse(QUEUE)?;
        let job = Ping::job(queue, user, message, due);
        match self.enqueue(&job).await {
            Ok(_) => Ok(()),
            Err(EnqueueError::Store(error)) => Err(error.into()),
            Err(error @ EnqueueError::TooLong { .. }) => Err(SyncError::InvalidSetting {
                setting: "message",
                reason: error.to_string(),
            }),
        }
    }
}
