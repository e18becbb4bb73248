//! What does the jobs that the engine asks for, each for the context it needs.
//!
//! Bulk data files are made where SQLite is, in a component of its own; its handler is there.

mod changes;
mod collecting;
mod deliver;
mod ping;
mod query;
mod subscribe;

pub use ping::PingContext;
use sync_jobs::{JobError, JobHandlers, Noop};

use crate::engine::{Engine, SyncError};
use crate::jobs::{
    CheckPush, Collect, CollectTombstones, Deliver, Ping, PingAll, Push, Query, QueryAll,
    SendChanges, Subscribe,
};
use crate::ports::Ports;

/// What does the jobs that call back ends: those of the component `adapter`.
pub fn adapter_handlers<P: Ports>() -> JobHandlers<Engine<P>> {
    JobHandlers::new()
        .with(Query::NAME, Query)
        .with(QueryAll::NAME, QueryAll)
        .with(SendChanges::NAME, SendChanges)
        .with(Deliver::NAME, Deliver)
        .with(Collect::NAME, Collect)
        .with(CollectTombstones::NAME, CollectTombstones)
        .with(Subscribe::NAME, Subscribe)
        .with(Noop::NAME, Noop)
}

/// What does the jobs that wake devices: those of the component `push`.
pub fn ping_handlers<P: Ports>() -> JobHandlers<PingContext<P>> {
    JobHandlers::new()
        .with(Ping::NAME, Ping)
        .with(PingAll::NAME, PingAll)
        .with(Push::NAME, Push)
        .with(CheckPush::NAME, CheckPush)
}

/// Whether a job is tried again is decided by what went wrong, not by how it reads.
impl From<SyncError> for JobError {
    fn from(error: SyncError) -> Self {
        if error.is_retryable() {
            Self::retry(error)
        } else {
            Self::dead(error)
        }
    }
}
