//! Work that is done later, or elsewhere, or again: a durable queue, and what works on it.
//!
//! The queue itself is in the store (`store/jobs`); here is what a job is, who works on jobs, and when those that recur
//! are due.

mod backoff;
mod bulk_data;
mod cud;
mod deliver;
mod handler;
mod job;
mod noop;
mod ping;
mod query;
mod schedule;
mod sweep;
mod worker;

pub use backoff::backoff_ms;
pub use bulk_data::BULK_DATA;
pub(crate) use bulk_data::bulk_data_job;
pub use cud::Cud;
pub use deliver::Deliver;
pub use handler::{JobError, JobHandler, JobHandlers, RunningJob};
pub use job::{JobState, NewJob, Priority};
pub use noop::Noop;
pub use ping::{Ping, PingAll, Push};
pub use query::{Query, QueryAll};
pub(crate) use schedule::Rule;
pub use worker::{Budget, Worked, Worker};
