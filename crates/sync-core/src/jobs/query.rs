//! The jobs that ask back ends what they have, while no device waits.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sync_jobs::{NewJob, Priority, QueueName, Rule, Schedule};

use crate::model::{SourceName, UserId};
use crate::ports::hex;

/// How often a back end that cannot be asked is asked again. The next device that syncs begins anew.
const ATTEMPTS: u32 = 5;

/// Asks the back end for one copy of a source.
pub struct Query;

/// Sees to it that all copies of a source are refreshed: one copy for everybody, or those of all users.
pub struct QueryAll;

/// Which copy, and how it is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct QueryPayload {
    pub(crate) source: SourceName,
    pub(crate) user: UserId,
    #[serde(default)]
    pub(crate) parameters: Vec<(String, String)>,
}

/// Which source, and after which user to go on.
#[derive(Debug, Deserialize)]
pub(crate) struct QueryAllPayload {
    pub(crate) source: SourceName,
    pub(crate) after: Option<String>,
}

impl Query {
    /// What its jobs are called.
    pub const NAME: &str = "query";

    /// The job that asks for a user's copy.
    pub(crate) fn job(
        queue: &QueueName,
        source: &SourceName,
        partition: &str,
        user: &UserId,
        parameters: &[(String, String)],
    ) -> NewJob {
        let payload = json!({ "source": source, "user": user, "parameters": parameters });
        // With other parameters it is another question.
        let asked = Sha256::digest(json!(parameters).to_string());
        NewJob {
            name: Self::NAME.to_owned(),
            queue: queue.clone(),
            payload: payload.to_string(),
            turn: Some(user.as_str().to_owned()),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay: Duration::ZERO,
            unique: Some(format!(
                "{} {source}/{partition} {}",
                Self::NAME,
                hex(&asked)
            )),
        }
    }
}

impl QueryAll {
    /// What its jobs are called.
    pub const NAME: &str = "query-all";

    /// The job that begins with the first user, or goes on after one.
    pub(crate) fn job(queue: QueueName, source: &SourceName, after: Option<&str>) -> NewJob {
        let begins = after.unwrap_or_default();
        NewJob {
            name: Self::NAME.to_owned(),
            queue,
            payload: json!({ "source": source, "after": after }).to_string(),
            turn: None,
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            delay: Duration::ZERO,
            unique: Some(format!("{} {source} {begins}", Self::NAME)),
        }
    }

    /// The name and the schedule by which a source's back end is asked, whether a device asks or not.
    pub(crate) fn schedule(
        source: &SourceName,
        seconds: u64,
        queue: &QueueName,
    ) -> (String, Schedule) {
        let name = format!("query:{source}");
        let job = NewJob {
            unique: Some(format!("schedule:{name}")),
            ..Self::job(queue.clone(), source, None)
        };
        let rule = Rule::every(seconds);
        (name, Schedule { rule, job })
    }
}
