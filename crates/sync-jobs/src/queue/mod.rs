//! The job queue as it is kept: who may move a job from where to where is decided by scripts, each of them at once.

mod lease;
mod operate;
mod show;
mod sweep;

use sync_redis::{Millis, RedisConn, Reply, Script, StoreError, args, script_time};

use crate::settings::millis;
use crate::{JobId, NewJob, QueueName, keys, scripts};

pub use lease::{Claim, ClaimedJob, Failure, Heartbeat, Leased, Retry, Standing};
pub use operate::{Cancelled, Refused};
pub use show::{JobDetails, JobFilter, QueueCounts, QueueMinute, StoredError};
pub use sweep::Swept;

/// Longest payload, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 10;

/// Longest name, unique key and turn, in bytes.
const MAX_KEY_BYTES: usize = 1_024;

/// Why a job cannot be taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnqueueError {
    /// A part of it is too long.
    #[error("the {part} of a job has at most {max_bytes} bytes")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// The limit.
        max_bytes: usize,
    },
    /// The store failed; the job may have been taken in.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a job that was to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits.
    New(JobId),
    /// This one, with the same unique key, waits and stands for it; or it runs, where that will do.
    Waiting(JobId),
    /// This one, with the same unique key, runs and will run once more.
    Again(JobId),
    /// Somebody else has seen to the tick of its schedule.
    Ticked,
}

/// The tick of a schedule.
pub struct Tick<'a> {
    /// Which schedule.
    pub field: &'a str,
    /// The tick as it was read.
    pub seen: Option<Millis>,
    /// The one after it.
    pub next: Millis,
}

/// What is done where a job with the same unique key is known.
#[derive(Clone, Copy)]
enum IfKnown {
    /// One that waits stands for this one too; one that runs is run once more.
    Again,
    /// One that waits or runs will do as it is.
    Once,
    /// It is run at its time or later, even if one runs before.
    Insure,
}

impl IfKnown {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Once => "once",
            Self::Insure => "insure",
        }
    }
}

/// What the doorbell says.
const RING: &[u8] = b"ring";

/// Whether a message means that there may be something to do: the doorbell was rung, or the key that expires when
/// something is due has.
pub fn is_ring(message: &[u8]) -> bool {
    message == RING || message == keys::alarm().as_bytes()
}

/// Jobs of this store.
pub struct Jobs<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> Jobs<'a, R> {
    /// Jobs kept in this store.
    pub fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Takes a job in.
    pub async fn enqueue(&self, job: &NewJob) -> Result<Enqueued, EnqueueError> {
        self.take_in(job, IfKnown::Again, None).await
    }

    /// Takes a job in unless one with the same unique key waits or runs, which will do as it is.
    pub async fn enqueue_once(&self, job: &NewJob) -> Result<Enqueued, EnqueueError> {
        self.take_in(job, IfKnown::Once, None).await
    }

    /// Takes a job in that runs at its time or later, even if one with the same unique key runs before: something it has
    /// to see may not be there yet.
    pub async fn insure(&self, job: &NewJob) -> Result<Enqueued, EnqueueError> {
        self.take_in(job, IfKnown::Insure, None).await
    }

    /// Takes back a job that [`insure`](Self::insure) has taken in, where what it was for is done: unless somebody else counts
    /// on it by now, or it has begun.
    pub async fn withdraw(&self, id: &JobId) -> Result<(), StoreError> {
        self.run(&scripts::WITHDRAW, args![id.as_str()])
            .await
            .map(drop)
    }

    /// Takes the job of a schedule in, unless somebody else has seen to the tick.
    pub async fn tick(&self, job: &NewJob, tick: &Tick<'_>) -> Result<Enqueued, EnqueueError> {
        self.take_in(job, IfKnown::Again, Some(tick)).await
    }

    async fn take_in(
        &self,
        job: &NewJob,
        known: IfKnown,
        tick: Option<&Tick<'_>>,
    ) -> Result<Enqueued, EnqueueError> {
        let NewJob {
            name,
            queue,
            payload,
            turn,
            priority,
            max_attempts,
            delay,
            unique,
        } = job;
        let unique = unique.as_deref().unwrap_or_default();
        let turn = turn.as_deref().unwrap_or_default();
        for (part, text, max_bytes) in [
            ("name", name.as_str(), MAX_KEY_BYTES),
            ("payload", payload, MAX_PAYLOAD_BYTES),
            ("turn", turn, MAX_KEY_BYTES),
            ("unique key", unique, MAX_KEY_BYTES),
        ] {
            if text.len() > max_bytes {
                return Err(EnqueueError::TooLong { part, max_bytes });
            }
        }
        let mut args = args![
            name,
            queue.as_str(),
            payload,
            turn,
            priority.lane(),
            u64::from((*max_attempts).max(1)),
            millis(*delay),
            unique,
            known.as_str(),
        ];
        if let Some(Tick { field, seen, next }) = tick {
            let seen = seen.map(|seen| seen.to_string()).unwrap_or_default();
            args.extend(args![*field, seen, next.0]);
        }
        let mut reply = self.run(&scripts::ENQUEUE, args).await?;
        let outcome = reply.required_text()?;
        let make = match outcome.as_str() {
            "new" => Enqueued::New,
            "waiting" => Enqueued::Waiting,
            "again" => Enqueued::Again,
            "ticked" => return Ok(Enqueued::Ticked),
            other => return Err(reply.unknown_outcome(other).into()),
        };
        Ok(make(job_id(&reply.required_text()?)?))
    }

    /// Takes the job of a schedule in at once, beside its ticks. `field` is what those are kept by.
    pub async fn run_schedule(&self, field: &str, job: &NewJob) -> Result<Enqueued, EnqueueError> {
        let enqueued = self.enqueue(job).await?;
        if let Enqueued::New(id) | Enqueued::Waiting(id) | Enqueued::Again(id) = &enqueued {
            let command = args!["HSET", keys::ticked(), field, id.as_str()];
            self.redis.run(command).await.map_err(StoreError::from)?;
        }
        Ok(enqueued)
    }

    /// Opens or closes a queue: from a paused one nothing is claimed.
    pub async fn set_paused(&self, queue: &QueueName, paused: bool) -> Result<(), StoreError> {
        let key = keys::queue(queue);
        let command = if paused {
            args!["HSET", key, "paused", "1"]
        } else {
            args!["HDEL", key, "paused"]
        };
        self.redis.run(command).await?;
        Ok(())
    }

    async fn run(&self, script: &Script, args: Vec<Vec<u8>>) -> Result<Reply, StoreError> {
        let mut all = args![script_time(self.redis)];
        all.extend(args);
        script.run(self.redis, &[keys::all()], all).await
    }
}

/// Reads which ids a script has found that have no job any more, and says so: what they were for is not done.
fn tell_lost(reply: &mut Reply) -> Result<(), StoreError> {
    for _ in 0..reply.number()? {
        let id = reply.required_text()?;
        tracing::error!(
            job.id = id,
            "a job is not in the store any more, though it was to be done"
        );
    }
    Ok(())
}

fn job_id(text: &str) -> Result<JobId, StoreError> {
    JobId::parse(text).map_err(|error| StoreError::Damaged {
        what: "job id",
        reason: error.to_string(),
    })
}
