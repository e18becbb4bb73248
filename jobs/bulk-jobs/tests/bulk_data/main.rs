//! Bulk data on a real store: what devices are answered, what is in the file, and how they go on from it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod device;
mod file;
mod going_on;
mod moving;
