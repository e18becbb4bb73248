#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod changes;
mod compare;
mod error;
mod file;
mod files;
mod found;
mod images;
mod keep;
mod key;
mod lock;
mod objects;
mod outgoing;
mod parameters;
mod query;
mod read;
mod session;
mod settle;
mod sources;
mod write;

pub use changes::{ChangeState, KeptChange};
pub use error::StoreError;
pub use file::{OpenOptions, Store};
pub use files::{FileState, FileStatus};
pub use images::{ImageReading, ImageStep, PendingImage};
pub use keep::Kept;
pub use key::Key;
pub use lock::SyncLock;
pub use query::Rows;
pub use read::Object;
pub use session::SessionState;
pub use settle::Told;
pub use sources::{SourceSpec, SourceStatus};
pub use write::Operation;
