#![doc = include_str!("../README.md")]

mod app;
mod body;
mod cors;
mod counted;
mod download;
mod error;
mod form;
mod request;
mod request_id;
mod respond;
mod router;
mod routes;

#[cfg(target_arch = "wasm32")]
mod entry;

pub use app::App;
pub use body::{Body, MAX_BODY_BYTES, RequestBody};
pub use router::{routes, template_of};
