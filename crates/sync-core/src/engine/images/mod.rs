//! Images: a first sync of many objects downloads what was made once for all who share the copy, and goes on from there.

mod download;
mod make;
mod offer;

pub use make::{ImageBegin, ImageScan};
pub(super) use offer::NamedImage;

use sync_jobs::QueueName;

use crate::engine::Engine;
use crate::model::{Image, Millis};
use crate::ports::Ports;
use crate::store::{Head, Images};

/// Where jobs that make images wait.
const QUEUE: QueueName = QueueName::constant("bulk");

/// How long devices are told of an image, in milliseconds.
const NAMED_MS: u64 = 86_400_000;

/// How long an image can be downloaded after devices were told of it last, in milliseconds: they go on where they were cut off.
const DOWNLOAD_MS: u64 = 3_600_000;

/// How long before its content an image's entry goes, in milliseconds: whoever has read it may begin to read the content.
const ENTRY_MARGIN_MS: u64 = 600_000;

/// How long an image is good enough, however much has changed since, in milliseconds: a document that never rests would have one
/// made after the other.
const REST_MS: u64 = 600_000;

/// Which part of the objects may have changed since an image was made before another is wanted.
const CHANGED_PART: u64 = 4;

/// What an image is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// Devices begin with it.
    Good,
    /// They do, but another is wanted.
    Aged,
    /// Nobody can go on from it.
    None,
}

/// What an image of a document that has this head is worth.
fn worth(image: &Image, head: &Head, now: Millis) -> Worth {
    let schema = head.described.schema.map(|mark| mark.version);
    let goes_on = head.life.as_ref() == Some(&image.life)
        && (head.floor..=head.version).contains(&image.version)
        && schema.is_none_or(|version| version <= image.version);
    let changed = head.version.0.saturating_sub(image.version.0);
    let age = now.0.saturating_sub(image.made_at.0);
    // Pages bring less than an image of which nothing is true any more.
    if !goes_on || age >= NAMED_MS || changed > head.live {
        return Worth::None;
    }
    match changed > head.live / CHANGED_PART && age >= REST_MS {
        true => Worth::Aged,
        false => Worth::Good,
    }
}

impl<P: Ports> Engine<P> {
    fn images(&self) -> Images<'_, P::Redis> {
        Images::new(self.ports.redis())
    }
}
