#![doc = include_str!("../README.md")]

mod database;
mod host;
mod types;

pub use database::Database;
pub use host::{ChangeListener, Conversation, HostError, ProgressListener, Transport};
pub use types::{Row, Rows, message_of};

uniffi::setup_scaffolding!("rhosync_native");
