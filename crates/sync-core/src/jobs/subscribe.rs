//! The job that looks after a source's callback at its back end.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sync_jobs::{NewJob, Priority, QueueName, Rule, Schedule};

use crate::model::SourceName;

/// Where it waits: it calls back ends.
const QUEUE: QueueName = QueueName::constant("adapter");

/// How often somebody looks, in seconds.
const EVERY_SECONDS: u64 = 60;

/// How often a back end that does not answer is asked. The next minute begins anew.
const ATTEMPTS: u32 = 3;

/// Sees to it that a source's back end knows its hook.
pub struct Subscribe;

/// Which source.
#[derive(Debug, Deserialize)]
pub(crate) struct SubscribePayload {
    pub(crate) source: SourceName,
}

impl Subscribe {
    /// What its jobs are called.
    pub const NAME: &str = "subscribe";

    /// The job that looks after a source's callback. No two of them run at once.
    pub(crate) fn job(source: &SourceName) -> NewJob {
        NewJob {
            name: Self::NAME.to_owned(),
            queue: QUEUE,
            payload: json!({ "source": source }).to_string(),
            turn: None,
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay: Duration::ZERO,
            unique: Some(format!("{} {source}", Self::NAME)),
        }
    }

    /// The name and the schedule by which a source's callback is looked after.
    pub(crate) fn schedule(source: &SourceName) -> (String, Schedule) {
        let job = Self::job(source);
        let rule = Rule::every(EVERY_SECONDS);
        (format!("{}:{source}", Self::NAME), Schedule { rule, job })
    }
}
