#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod conversation;
mod database;
mod diagnostics;
mod download;
mod error;
mod files;
mod follow;
mod following;
#[cfg(feature = "json")]
pub mod json;
mod model;
mod options;
mod platform;
mod report;
#[cfg(feature = "rhoconnect")]
pub mod rhoconnect;
mod search;
mod shared;
mod sign_in;
mod sync;
mod upload;
#[cfg(feature = "ureq")]
mod ureq_transport;
mod watch;

pub use conversation::{Conversation, Header, HttpRequest, Transport, TransportError};
pub use database::Database;
pub use error::Error;
pub use follow::{FollowListener, FollowStep};
pub use model::{
    ChangeState, FailedChange, Object, Operation, PendingChange, Rows, SourceProblem, SourceStatus,
};
pub use options::{Credentials, DeviceOptions, Options, SourceOptions, SyncOptions};
#[cfg(not(target_family = "wasm"))]
pub use platform::SystemPlatform;
pub use platform::{Platform, new_id};
pub use report::{
    AppliedChange, Ended, Progress, ProgressListener, Removal, RemovalReason, SignedIn, SyncReport,
};
pub use sync_device::{Attributes, FollowEnd, Value};
pub use sync_store::{FileState, FileStatus, Key};
#[cfg(feature = "ureq")]
pub use ureq_transport::UreqTransport;
pub use watch::ChangeListener;
