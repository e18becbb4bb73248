#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backoff;
mod handler;
mod ids;
mod job;
mod keys;
mod noop;
mod queue;
mod schedule;
mod scripts;
mod settings;
mod sweeper;
mod worker;

pub use backoff::Backoff;
pub use handler::{JobError, JobHandler, JobHandlers, RunningJob};
pub use ids::{InvalidJobId, InvalidQueueName, JobId, QueueName};
pub use job::{JobState, NewJob, Priority};
pub use noop::Noop;
pub use queue::{
    Cancelled, Claim, ClaimedJob, EnqueueError, Enqueued, Failure, Heartbeat, JobDetails,
    JobFilter, Jobs, Leased, MAX_PAYLOAD_BYTES, QueueCounts, QueueMinute, Refused, Retry, Standing,
    StoredError, Swept, Tick, is_ring,
};
pub use schedule::{Rule, Schedule};
pub use settings::{History, JobsSettings, QueueLimits, Rate};
pub use sweeper::Sweeper;
pub use worker::{Budget, Worked, Worker};
