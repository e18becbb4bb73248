//! What nobody should send: it is refused or taken for what it is, and never moves anything else.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

mod names;
mod no_http;
mod refusals;
mod routes;
mod sessions;
mod world;
