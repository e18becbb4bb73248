//! The host as a program, running the guests: every case is a world of its own, with its own host, its own folder
//! and, where it needs one, its own Redis.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what cases share may fail like the cases themselves"
)]

mod http;
mod limits;
mod outbound;
mod redis_trigger;
mod startup;
mod tls;
mod wasi_p2;
mod world;
