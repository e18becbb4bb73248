//! The jobs that wake users' devices.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sync_jobs::{ClaimedJob, NewJob, Priority, QueueName};

use crate::model::{ClientId, PingMessage, SourceName, UserId};
use crate::ports::hex;

/// Where pings wait.
const QUEUE: QueueName = QueueName::constant("push");

/// How often a service that does not take a push is tried: for about an hour. A device syncs by itself some time.
const ATTEMPTS: u32 = 12;

/// Finds a user's devices and has each of them pushed to, by a job of its own: so one that cannot be reached is tried
/// again alone.
pub struct Ping;

/// Pings everybody about a source that all share.
pub struct PingAll;

/// Pushes to one device.
pub struct Push;

#[derive(Debug, Deserialize)]
pub(crate) struct PingPayload {
    pub(crate) user: UserId,
    pub(crate) message: PingMessage,
}

/// Which source, and after which user to go on.
#[derive(Debug, Deserialize)]
pub(crate) struct PingAllPayload {
    pub(crate) source: SourceName,
    pub(crate) after: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PushPayload {
    pub(crate) client: ClientId,
    pub(crate) message: PingMessage,
}

impl Ping {
    /// What its jobs are called.
    pub const NAME: &str = "ping";

    /// The job that pings a user. One that waits stands for all that say the same.
    pub(crate) fn job(user: &UserId, message: &PingMessage, delay: Duration) -> NewJob {
        let said = Sha256::digest(json!(message).to_string());
        NewJob {
            name: Self::NAME.to_owned(),
            queue: QUEUE,
            payload: json!({ "user": user, "message": message }).to_string(),
            turn: Some(user.as_str().to_owned()),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay,
            unique: Some(format!("{} {user} {}", Self::NAME, hex(&said))),
        }
    }
}

impl PingAll {
    /// What its jobs are called.
    pub const NAME: &str = "ping-all";

    /// The job that begins after a user. One that waits stands for all.
    pub(crate) fn job(source: &SourceName, after: Option<&str>) -> NewJob {
        let begins = after.unwrap_or_default();
        NewJob {
            name: Self::NAME.to_owned(),
            queue: QUEUE,
            payload: json!({ "source": source, "after": after }).to_string(),
            turn: None,
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay: Duration::ZERO,
            unique: Some(format!("{} {source} {begins}", Self::NAME)),
        }
    }
}

impl Push {
    /// What its jobs are called.
    pub const NAME: &str = "push";

    /// The job that pushes to a client what a ping said.
    pub(crate) fn job(ping: &ClaimedJob, client: &ClientId, message: &PingMessage) -> NewJob {
        NewJob {
            name: Self::NAME.to_owned(),
            queue: ping.queue.clone(),
            payload: json!({ "client": client, "message": message }).to_string(),
            turn: ping.turn.clone(),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay: Duration::ZERO,
            // A ping that is tried again finds the pushes that wait.
            unique: Some(format!("{} {} {client}", Self::NAME, ping.id)),
        }
    }
}
