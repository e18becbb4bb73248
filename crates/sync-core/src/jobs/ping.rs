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

/// Finds out whether a push service lets the server in, where its keys are.
pub struct CheckPush;

#[derive(Debug, Deserialize)]
pub(crate) struct CheckPushPayload {
    pub(crate) service: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PingPayload {
    pub(crate) user: UserId,
    pub(crate) message: PingMessage,
    /// The ping that somebody sent.
    #[serde(default)]
    pub(crate) ping: Option<String>,
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
    /// The ping that somebody sent.
    #[serde(default)]
    pub(crate) ping: Option<String>,
}

impl Ping {
    /// What its jobs are called.
    pub const NAME: &str = "ping";

    /// The job that pings a user. One that waits stands for all that say the same, whichever ping they belong to.
    pub(crate) fn job(
        user: &UserId,
        message: &PingMessage,
        delay: Duration,
        ping: Option<&str>,
    ) -> NewJob {
        let said = digest(message);
        NewJob {
            name: Self::NAME.to_owned(),
            queue: QUEUE,
            payload: json!({ "user": user, "message": message, "ping": ping }).to_string(),
            turn: Some(user.as_str().to_owned()),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay,
            unique: Some(format!("{} {user} {said}", Self::NAME)),
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

    /// The job that pushes to a client what a ping of its user said.
    pub(crate) fn job(
        of: &ClaimedJob,
        client: &ClientId,
        message: &PingMessage,
        ping: Option<&str>,
    ) -> NewJob {
        NewJob {
            name: Self::NAME.to_owned(),
            queue: of.queue.clone(),
            payload: json!({ "client": client, "message": message, "ping": ping }).to_string(),
            turn: of.turn.clone(),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay: Duration::ZERO,
            // A ping that is tried again finds the pushes that wait.
            unique: Some(format!("{} {} {client}", Self::NAME, of.id)),
        }
    }

    /// The job that pushes to a client by itself. One that waits stands for all that say the same.
    pub(crate) fn alone(
        client: &ClientId,
        user: &UserId,
        message: &PingMessage,
        delay: Duration,
        ping: &str,
    ) -> NewJob {
        NewJob {
            name: Self::NAME.to_owned(),
            queue: QUEUE,
            payload: json!({ "client": client, "message": message, "ping": ping }).to_string(),
            turn: Some(user.as_str().to_owned()),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay,
            unique: Some(format!("{} {client} {}", Self::NAME, digest(message))),
        }
    }
}

impl CheckPush {
    /// What its jobs are called.
    pub const NAME: &str = "check-push";

    /// The job that checks a service. Somebody waits for it, so it comes first and is tried once.
    pub(crate) fn job(service: &str) -> NewJob {
        NewJob {
            name: Self::NAME.to_owned(),
            queue: QUEUE,
            payload: json!({ "service": service }).to_string(),
            turn: None,
            priority: Priority::High,
            max_attempts: 1,
            delay: Duration::ZERO,
            unique: Some(format!("{} {service}", Self::NAME)),
        }
    }
}

fn digest(message: &PingMessage) -> String {
    hex(&Sha256::digest(json!(message).to_string()))
}
