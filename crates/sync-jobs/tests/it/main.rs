//! The job queue and its workers, on a Redis of their own.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what tests share fails where it cannot go on"
)]

mod dead;
mod faults;
mod hosts;
mod missing;
mod model;
mod queue;
mod scripted;
mod turns;
mod worker;
mod world;
