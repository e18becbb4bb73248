#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod client;
mod error;
mod object;
mod page;
mod replica;
mod session;
mod sync;
mod transport;

pub use client::DeviceClient;
pub use error::ClientError;
pub use object::{Attributes, ObjectId, Objects};
pub use page::{Command, Operation, Page, PageError, Rejection, SourceError, Token};
pub use replica::{Applied, Push, PushCounts, Replica};
pub use session::Session;
pub use sync::{Progress, Start, SyncObserver, SyncOptions, SyncReport};
pub use transport::{Transport, TransportError, UreqTransport};
