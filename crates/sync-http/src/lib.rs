#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod api_error;
mod cors;
mod request_id;

pub use api_error::api_error;
pub use cors::Cors;
pub use request_id::sent_request_id;
