//! Asks back ends what they have, while no device waits.

use std::time::Duration;

use async_trait::async_trait;
use sync_jobs::{JobError, JobHandler, RunningJob};

use crate::engine::{Engine, RefreshOutcome, SyncError};
use crate::jobs::{Query, QueryAll, QueryAllPayload, QueryPayload};
use crate::model::PartitionRule;
use crate::ports::Ports;

/// Users of whom one job sees to it that their copies are refreshed.
const USERS_PER_JOB: usize = 500;

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for Query {
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
            Ok(RefreshOutcome::Yes) => Ok("asked".to_owned()),
            Ok(RefreshOutcome::NotDue) => Ok("was asked a moment ago".to_owned()),
            Ok(RefreshOutcome::Unfinished) => Err(JobError::Later {
                reason: "there is more to ask for".to_owned(),
                after: Duration::ZERO,
            }),
            // Devices are told; a dead job would tell nobody anything new.
            Ok(RefreshOutcome::Failed { message }) if job.is_last_attempt() => Ok(message),
            Ok(RefreshOutcome::Failed { message }) => Err(JobError::retry(message)),
            Err(SyncError::UnknownSource { name }) => {
                Ok(format!("there is no source {name:?} any more"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for QueryAll {
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
            .query_in_background(queue, &source, settings, &users)
            .await?;
        let more = users.len() == USERS_PER_JOB && settings.partition != PartitionRule::App;
        if let (true, Some(last)) = (more, users.last()) {
            let next = Self::job(queue.clone(), &source, Some(last));
            engine.enqueue(&next).await?;
        }
        Ok(format!("{asked} copies"))
    }
}
