//! How far a device is that keeps its cursor itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{ClientId, DocumentId, SourceName, Version, digest_of};

/// Which device reads which document: another place has another digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ReadingPlace(String);

impl ReadingPlace {
    /// The place of a client in a document.
    pub(crate) fn of(client: &ClientId, document: &DocumentId) -> Self {
        let DocumentId { source, partition } = document;
        let partition = partition.to_stored();
        Self(digest_of([client.as_str(), source.as_str(), &partition]))
    }
}

/// How far a device is in a document. The device keeps it, sealed, and the server does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceCursor {
    #[serde(rename = "p")]
    pub(crate) place: ReadingPlace,
    /// The document's life: it was not removed or set back since.
    #[serde(rename = "l")]
    pub(crate) life: String,
    /// The version up to which the device has met everything.
    #[serde(rename = "v")]
    pub(crate) version: Version,
    /// The version up to which it surely has every attribute: the last end of the log that it reached.
    #[serde(rename = "b")]
    pub(crate) base: Version,
    /// Where it started: what was deleted before, it never had.
    #[serde(rename = "s")]
    pub(crate) since: Version,
    /// The day on which the store was last told of the device.
    #[serde(rename = "d")]
    pub(crate) day: u64,
    /// The mark of the source's last reset when the device began: one with a later mark makes the cursor useless.
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    pub(crate) reset: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(mark: &u64) -> bool {
    *mark == 0
}

/// The marks of a client's resets by administrators, by source. They only grow; a source without one was never reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Resets(BTreeMap<SourceName, u64>);

impl Resets {
    /// Adds the mark of a source.
    pub(crate) fn add(&mut self, source: SourceName, mark: u64) {
        self.0.insert(source, mark);
    }

    /// The mark of a source, 0 without one.
    pub(crate) fn of(&self, source: &SourceName) -> u64 {
        self.0.get(source).copied().unwrap_or(0)
    }

    /// The newest of all, 0 without one.
    pub(crate) fn newest(&self) -> u64 {
        self.0.values().copied().max().unwrap_or(0)
    }

    /// Whether no source was ever reset.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl DeviceCursor {
    /// Nothing that happened before this is of interest to the device.
    pub(crate) fn acknowledged(&self) -> Version {
        match self.base {
            Version::ZERO => self.version.max(self.since),
            _ => self.version,
        }
    }

    /// Whether the device has met everything there was at some moment, and does not stand between two pages.
    pub(crate) fn is_at_end(&self) -> bool {
        self.base == self.version
    }
}
