#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backoff;
mod change;
mod events;
mod file;
mod follow;
mod hash;
mod line;
mod ping;
mod replica;
mod run;
mod value;

pub use backoff::backoff_ms;
pub use change::{Change, Merged, Op, merge, take_over};
pub use events::{EventReader, LiveEvent};
pub use file::{FILE_SUFFIX, file_address, file_at, files_of};
pub use follow::{Follow, FollowEnd, FollowStep, FollowedSync, StreamEnd};
pub use hash::{BUCKETS, Sum, bucket, object_hash};
pub use line::{
    GarbledLine, ImageOffer, Line, LineReader, News, ResetReason, Verdict, VerdictStatus,
};
pub use ping::pinged_sources;
pub use replica::{Settled, settle, shown, with_news};
pub use run::{Answer, Exchange, Limits, Outcome, Step, SyncRun};
pub use value::{Attributes, Value, attributes_of, to_map};
