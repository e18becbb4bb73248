//! The job that carries devices' changes to back ends, while no device waits.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sync_jobs::{NewJob, Priority, QueueName};

use crate::model::{ClientId, DocumentId, SourceName, UserId};

/// How often work on one client's changes is tried where it is not the back end that fails: each change has its own
/// attempts there.
const ATTEMPTS: u32 = 20;

/// Carries the changes of one client to the back end of one source, in the order in which they were sent.
pub struct SendChanges;

/// Whose changes, and of what. The payload names the user too, for people: each change knows whose it is.
#[derive(Debug, Deserialize)]
pub(crate) struct SendChangesPayload {
    pub(crate) source: SourceName,
    pub(crate) partition: String,
    pub(crate) client: ClientId,
}

impl SendChanges {
    /// What its jobs are called.
    pub const NAME: &str = "changes";

    /// The job that works on a client's changes. No two of a client and source run at once.
    pub(crate) fn job(
        queue: &QueueName,
        document: &DocumentId,
        user: &UserId,
        client: &ClientId,
        delay: Duration,
    ) -> NewJob {
        let DocumentId { source, partition } = document;
        let partition = partition.to_stored();
        let payload = json!({
            "source": source,
            "partition": partition,
            "user": user,
            "client": client,
        });
        NewJob {
            name: Self::NAME.to_owned(),
            queue: queue.clone(),
            unique: Some(format!("{} {source}/{partition} {client}", Self::NAME)),
            payload: payload.to_string(),
            turn: Some(user.as_str().to_owned()),
            // Somebody looks at the device, perhaps.
            priority: Priority::High,
            max_attempts: ATTEMPTS,
            delay,
        }
    }
}
