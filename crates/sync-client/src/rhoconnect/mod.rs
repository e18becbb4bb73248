//! The device's side of the protocols that RhoConnect's devices speak: for tests, tools, and servers without `/sync/v1`.
//!
//! It has two layers:
//!
//! - [`Replica`]: the local copy of one source, with what was changed in it offline. Pure state, no I/O. It serialises whole, so
//!   that it can be kept in a file.
//! - [`DeviceClient`]: the routes of RhoConnect 4 and later over any [`Transport`], and [`DeviceClient::sync`], which sends what is
//!   queued and pulls until there is nothing more.
//!
//! ```no_run
//! use sync_client::rhoconnect::{DeviceClient, Replica, Session, SyncOptions, UreqTransport};
//!
//! let mut device = DeviceClient::new(UreqTransport::default(), "http://127.0.0.1:9292", Session::default());
//! device.login("demo", "demo-password")?;
//! device.create_client()?;
//!
//! let mut products = Replica::new("Product");
//! products.create([("name", "Lamp"), ("price", "12.50")]);   // no network needed
//! device.sync(&mut products, SyncOptions::default(), &mut ())?;
//! for (id, product) in products.objects() {
//!     println!("{id}: {product:?}");
//! }
//! # Ok::<(), sync_client::rhoconnect::ClientError>(())
//! ```
//!
//! What it promises:
//!
//! - Nothing queued is forgotten before the server has answered that it has it. A create that was sent once is repeated unchanged
//!   until its link or its error comes, however often answers are lost. Changes made to the object meanwhile follow under the back
//!   end's id.
//! - A page never overwrites a value that is still to be sent.
//! - A page is acknowledged only after it is applied and saved.
//!
//! It depends on `sync-proto` for names only, and reads pages as the devices in the field do, strict where they are strict, so that
//! a server that passes here passes there. Sessions are cookies.

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
