#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a history that cannot go on has failed, and the place says why"
)]

mod device;
mod files;
mod history;
mod network;
mod server;

pub use history::play;
