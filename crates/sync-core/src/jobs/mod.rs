//! Work that is done later, or elsewhere, or again: a durable queue, and what works on it.
//!
//! The queue itself is in the store (`store/jobs`); here is what a job is, who works on jobs, and when those that recur
//! are due.

mod backoff;
mod job;

pub use backoff::backoff_ms;
pub use job::{JobState, NewJob, Priority};
