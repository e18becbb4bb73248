//! Bad input: it is refused or taken for what it is, and never changes anything else.

mod names;
mod no_http;
mod refusals;
mod routes;
mod server;
mod sessions;

pub(crate) use routes::{fill, usual};
pub(crate) use server::{Bad, Server};
