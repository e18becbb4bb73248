//! The jobs there are: their names, what they are done with, and which of them stand for each other.
//!
//! What does them is in `handlers`, which knows the engine; the engine asks for them, so they know nothing of it.

mod bulk_data;
mod changes;
mod collecting;
mod deliver;
mod image;
mod ping;
mod query;
mod subscribe;

pub use bulk_data::BULK_DATA;
pub(crate) use bulk_data::bulk_data_job;
pub use changes::SendChanges;
pub(crate) use changes::SendChangesPayload;
pub(crate) use collecting::CollectTombstonesPayload;
pub use collecting::{Collect, CollectBlobs, CollectTombstones};
pub use deliver::Deliver;
pub(crate) use deliver::UndeliveredChange;
pub(crate) use image::image_job;
pub use image::{IMAGE, ImagePayload};
pub use ping::{CheckPush, Ping, PingAll, Push};
pub(crate) use ping::{CheckPushPayload, PingAllPayload, PingPayload, PushPayload};
pub use query::{Query, QueryAll};
pub(crate) use query::{QueryAllPayload, QueryPayload};
pub use subscribe::Subscribe;
pub(crate) use subscribe::SubscribePayload;
