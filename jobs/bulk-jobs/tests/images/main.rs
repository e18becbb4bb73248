//! Images on a real store: who is told of them, what is in them, and how devices go on from them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod device;
mod faults;
mod first_sync;
mod moving;
mod sharing;
