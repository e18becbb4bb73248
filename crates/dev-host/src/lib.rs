#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod allow;
mod application;
mod bindings;
mod engine;
mod files;
mod guest_log;
mod http;
mod loader;
mod manifest;
mod mysql_host;
mod options;
mod outbound;
mod postgres_host;
mod redis_host;
mod redis_trigger;
mod row_stream;
mod selection;
mod source;
mod state;
mod variables;
mod variables_host;

pub use application::{Application, Host};
pub use options::Options;
