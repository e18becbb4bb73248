//! Whoever works on a job has a lease on it, and says so again before it runs out.

use std::time::Duration;

use sync_redis::{Millis, RedisConn, StoreError, args};

use super::{Jobs, job_id, tell_lost};
use crate::settings::millis;
use crate::{History, JobId, QueueLimits, QueueName, scripts};

/// Longest error that is kept, in bytes.
const MAX_ERROR_BYTES: usize = 1_000;

/// Longest result that is kept, in bytes.
const MAX_RESULT_BYTES: usize = 4_000;

/// Longest progress that is kept, in bytes.
const MAX_PROGRESS_BYTES: usize = 250;

/// What somebody who can work wants.
pub struct Claim<'a> {
    /// Of which queue.
    pub queue: &'a QueueName,
    /// Most jobs.
    pub most: usize,
    /// A text that nobody has used before.
    pub lease: &'a str,
    /// How long the lease is.
    pub lease_time: Duration,
    /// Who asks.
    pub worker: &'a str,
    /// The queue's.
    pub limits: QueueLimits,
    /// Whether whoever asks runs nothing else.
    pub idle: bool,
}

/// A job that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Which.
    pub id: JobId,
    /// Of which queue.
    pub queue: QueueName,
    /// What is to be done.
    pub name: String,
    /// With what.
    pub payload: String,
    /// In whose turn it runs.
    pub turn: Option<String>,
    /// Which attempt this is; the first is 1.
    pub attempt: u32,
    /// How many attempts it has.
    pub max_attempts: u32,
    /// When it was taken in.
    pub created: Millis,
    /// Its workers have disappeared again and again: nothing may run beside it.
    pub runs_alone: bool,
}

/// A job and the lease on it.
#[derive(Clone, Copy)]
pub struct Leased<'a> {
    /// The job.
    pub id: &'a JobId,
    /// The lease it was claimed under.
    pub lease: &'a str,
}

/// A sign of life of whoever works on a job.
pub struct Heartbeat<'a> {
    /// What is worked on.
    pub job: Leased<'a>,
    /// How far it is; empty: as before.
    pub progress: &'a str,
}

/// Whether work on a job should go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The lease was extended.
    Held,
    /// It was, but somebody wants the job to end.
    Cancelled,
    /// The lease is somebody else's, or nobody's: whatever comes out will be ignored.
    Lost,
}

/// What is done about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It is tried again after this time, if it has attempts left.
    After(Duration),
    /// It is tried again after this time, and the attempt does not count.
    Uncounted(Duration),
    /// It is dead.
    Never,
}

/// An attempt that came to nothing.
pub struct Failure<'a> {
    /// Which attempt; the first is 1.
    pub attempt: u32,
    /// What has happened.
    pub error: &'a str,
    /// What is done about it.
    pub retry: Retry,
}

impl<R: RedisConn> Jobs<'_, R> {
    /// Leases the next jobs of a queue.
    pub async fn claim(&self, claim: &Claim<'_>) -> Result<Vec<ClaimedJob>, StoreError> {
        let QueueLimits { concurrency, rate } = claim.limits;
        let args = args![
            claim.queue.as_str(),
            claim.most,
            claim.lease,
            millis(claim.lease_time),
            claim.worker,
            concurrency.unwrap_or(0),
            rate.map_or(0, |rate| rate.starts),
            rate.map_or(0, |rate| millis(rate.period)),
            if claim.idle { "1" } else { "0" },
        ];
        let mut reply = self.run(&scripts::CLAIM, args).await?;
        reply.required_text()?;
        tell_lost(&mut reply)?;
        let mut claimed = Vec::with_capacity(reply.len() / 8);
        while !reply.is_empty() {
            claimed.push(ClaimedJob {
                id: job_id(&reply.required_text()?)?,
                queue: claim.queue.clone(),
                name: reply.required_text()?,
                payload: reply.required_text()?,
                turn: Some(reply.required_text()?).filter(|turn| !turn.is_empty()),
                attempt: u32::try_from(reply.number()?).unwrap_or(u32::MAX),
                max_attempts: u32::try_from(reply.number()?).unwrap_or(u32::MAX),
                created: Millis(reply.number()?),
                runs_alone: reply.required_text()? == "1",
            });
        }
        Ok(claimed)
    }

    /// Extends leases; says of each job whether to go on.
    pub async fn heartbeat(
        &self,
        lease_time: Duration,
        beats: &[Heartbeat<'_>],
    ) -> Result<Vec<Standing>, StoreError> {
        let mut args = args![millis(lease_time)];
        for Heartbeat { job, progress } in beats {
            let progress = shortened(progress, MAX_PROGRESS_BYTES);
            args.extend(args![job.id.as_str(), job.lease, progress]);
        }
        let mut reply = self.run(&scripts::HEARTBEAT, args).await?;
        reply.required_text()?;
        beats
            .iter()
            .map(|_| match reply.required_text()?.as_str() {
                "ok" => Ok(Standing::Held),
                "cancelled" => Ok(Standing::Cancelled),
                "lost" => Ok(Standing::Lost),
                other => Err(reply.unknown_outcome(other)),
            })
            .collect()
    }

    /// Ends a job that was done. `false` when the lease was lost: nothing has changed then.
    pub async fn complete(
        &self,
        job: Leased<'_>,
        result: &str,
        history: History,
    ) -> Result<bool, StoreError> {
        let args = args![
            job.id.as_str(),
            job.lease,
            shortened(result, MAX_RESULT_BYTES),
            millis(history.retention),
            history.max_jobs,
        ];
        let mut reply = self.run(&scripts::COMPLETE, args).await?;
        Ok(reply.required_text()? == "ok")
    }

    /// Ends an attempt that came to nothing. `false` when the lease was lost: nothing has changed then.
    pub async fn fail(
        &self,
        job: Leased<'_>,
        failure: &Failure<'_>,
        dead: History,
    ) -> Result<bool, StoreError> {
        let (after, counts) = match failure.retry {
            Retry::After(wait) => (millis(wait).to_string(), "1"),
            Retry::Uncounted(wait) => (millis(wait).to_string(), "0"),
            Retry::Never => (String::new(), "1"),
        };
        let args = args![
            job.id.as_str(),
            job.lease,
            u64::from(failure.attempt),
            shortened(failure.error, MAX_ERROR_BYTES),
            after,
            counts,
            dead.max_jobs,
        ];
        let mut reply = self.run(&scripts::FAIL, args).await?;
        Ok(reply.required_text()? != "lost")
    }
}

/// The text, or as much of it as is kept.
fn shortened(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
