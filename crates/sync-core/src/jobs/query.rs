//! Asks back ends what they have, while no device waits.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{JobError, JobHandler, NewJob, Priority, RunningJob};
use crate::engine::{Engine, Refreshed, SyncError};
use crate::ids::{Millis, QueueName, SourceName, UserId};
use crate::model::PartitionRule;
use crate::ports::{Clock as _, Ports, hex};

/// How often a back end that cannot be asked is asked again. The next device that syncs begins anew.
const ATTEMPTS: u32 = 5;

/// Users of whom one job sees to it that their copies are refreshed.
const USERS_PER_JOB: usize = 500;

/// Asks the back end for one copy of a source.
pub struct Query;

/// Sees to it that all copies of a source are refreshed: one copy for everybody, or those of all users.
pub struct QueryAll;

/// Which copy, and how it is asked for.
#[derive(Debug, Deserialize)]
struct QueryPayload {
    source: SourceName,
    user: UserId,
    #[serde(default)]
    parameters: Vec<(String, String)>,
}

/// Which source, and after which user to go on.
#[derive(Debug, Deserialize)]
struct QueryAllPayload {
    source: SourceName,
    after: Option<String>,
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
        due: Millis,
    ) -> NewJob {
        let payload = json!({ "source": source, "user": user, "parameters": parameters });
        // With other parameters it is another question.
        let asked = Sha256::digest(json!(parameters).to_string());
        NewJob {
            name: Self::NAME.to_owned(),
            queue: queue.clone(),
            payload: payload.to_string(),
            user: user.as_str().to_owned(),
            priority: Priority::Normal,
            max_attempts: ATTEMPTS,
            due,
            unique: Some(format!(
                "{} {source}/{partition} {}",
                Self::NAME,
                hex(&asked)
            )),
        }
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<P> for Query {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let QueryPayload {
            source,
            user,
            parameters,
        } = job.payload()?;
        let refreshed = engine
            .refresh_by_job(source.as_str(), &user, &parameters)
            .await;
        match refreshed {
            Ok(Refreshed::Yes) => Ok("asked".to_owned()),
            Ok(Refreshed::NotDue) => Ok("was asked a moment ago".to_owned()),
            // Devices are told; a dead job would tell nobody anything new.
            Ok(Refreshed::Failed { message }) if job.is_last_attempt() => Ok(message),
            Ok(Refreshed::Failed { message }) => Err(JobError::retry(message)),
            Err(SyncError::UnknownSource { name }) => {
                Ok(format!("there is no source {name:?} any more"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl QueryAll {
    /// What its jobs are called.
    pub const NAME: &str = "query-all";

    /// What its jobs are done with; without `after` they begin with the first user.
    pub(crate) fn payload(source: &SourceName, after: Option<&str>) -> String {
        json!({ "source": source, "after": after }).to_string()
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<P> for QueryAll {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let QueryAllPayload { source, after } = job.payload()?;
        let configured = engine.settings().source(source.as_str());
        let Some((settings, queue)) =
            configured.and_then(|(_, source)| Some((source, source.query_queue.as_ref()?)))
        else {
            return Ok(format!("{source} has no queue for this any more"));
        };
        let users = engine
            .accounts()
            .list_users(after.as_deref(), USERS_PER_JOB)
            .await
            .map_err(SyncError::from)?;
        let asked = engine
            .query_in_background(queue, &source, settings.partition, &users)
            .await?;
        let more = users.len() == USERS_PER_JOB && settings.partition == PartitionRule::User;
        if let (true, Some(last)) = (more, users.last()) {
            let next = NewJob {
                name: Self::NAME.to_owned(),
                queue: queue.clone(),
                payload: Self::payload(&source, Some(last)),
                user: String::new(),
                priority: Priority::Normal,
                max_attempts: ATTEMPTS,
                due: engine.ports().clock().now(),
                unique: Some(format!("{} {source} {last}", Self::NAME)),
            };
            engine.enqueue(&next).await?;
        }
        Ok(format!("{asked} copies"))
    }
}
