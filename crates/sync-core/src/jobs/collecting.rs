//! The jobs that collect what time has made superfluous.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_jobs::{NewJob, Priority, QueueName, Rule, Schedule};

use crate::model::SourceName;

/// Where they wait that need nothing but the store.
const QUEUE: QueueName = QueueName::constant("adapter");

/// Where they wait that need the store of blobs.
const BLOBS_QUEUE: QueueName = QueueName::constant("bulk");

/// How often somebody looks what is due, in seconds. All of it was due for days.
const EVERY_SECONDS: u64 = 3_600;

/// How long a document's collection waits for other deletions: each looks through all of its clients.
const TOMBSTONES_DELAY: Duration = Duration::from_secs(60);

/// How often they are tried. The next hour begins anew.
const ATTEMPTS: u32 = 5;

/// Looks which clients and documents are due.
pub struct Collect;

/// Collects a document's tombstones.
pub struct CollectTombstones;

/// Collects blobs that nobody refers to, and contents that are no blob's.
pub struct CollectBlobs;

/// Which document, and how far it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CollectTombstonesPayload<S> {
    pub(crate) source: SourceName,
    pub(crate) partition: String,
    /// Nothing: it begins.
    pub(crate) scan: Option<S>,
}

impl Collect {
    /// What its jobs are called.
    pub const NAME: &str = "collect";

    /// The job that looks what is due. One that waits stands for all; asked for while it runs, it goes on.
    pub(crate) fn job() -> NewJob {
        job(Self::NAME, QUEUE)
    }

    /// The schedules of all that is collected.
    pub(crate) fn schedules() -> [(String, Schedule); 2] {
        [Self::job(), CollectBlobs::job()].map(|job| {
            let rule = Rule::every(EVERY_SECONDS);
            (job.name.clone(), Schedule { rule, job })
        })
    }
}

impl CollectTombstones {
    /// What its jobs are called.
    pub const NAME: &str = "collect-tombstones";

    /// The job that begins with a document, in a while, or that goes on with it.
    pub(crate) fn job<S: Serialize>(payload: &CollectTombstonesPayload<S>) -> NewJob {
        let CollectTombstonesPayload {
            source,
            partition,
            scan,
        } = payload;
        let delay = match scan {
            None => TOMBSTONES_DELAY,
            Some(_) => Duration::ZERO,
        };
        NewJob {
            payload: json!(payload).to_string(),
            delay,
            unique: Some(format!(
                "{} {source}/{partition} {}",
                Self::NAME,
                json!(scan)
            )),
            ..job(Self::NAME, QUEUE)
        }
    }
}

impl CollectBlobs {
    /// What its jobs are called.
    pub const NAME: &str = "collect-blobs";

    /// The job that collects some. One that waits stands for all; asked for while it runs, it goes on.
    pub(crate) fn job() -> NewJob {
        job(Self::NAME, BLOBS_QUEUE)
    }
}

fn job(name: &str, queue: QueueName) -> NewJob {
    NewJob {
        name: name.to_owned(),
        queue,
        payload: "{}".to_owned(),
        turn: None,
        priority: Priority::Low,
        max_attempts: ATTEMPTS,
        delay: Duration::ZERO,
        unique: Some(name.to_owned()),
    }
}
