//! `rhosync source` against a back end that is a few lines, with no RhoSync around it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot set up its world has failed"
)]

mod check;
mod messages;
mod new;
mod world;
