#![doc = include_str!("../README.md")]

mod admission;
mod app;
mod argument;
mod audit;
mod body;
mod client_address;
mod compress;
mod console_cookie;
mod cors;
mod download;
mod error;
mod form;
mod nested;
mod request;
mod request_counter;
mod request_id;
mod respond;
mod router;
mod routes;

#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(all(target_arch = "wasm32", feature = "entry"))]
mod entry;

pub use app::App;
pub use body::{Body, MAX_BODY_BYTES, RequestBody};
#[cfg(target_arch = "wasm32")]
pub use component::handle;
pub use router::{routes, template_of};
