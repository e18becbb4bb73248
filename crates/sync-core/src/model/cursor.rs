//! How far a device is that keeps its cursor itself.

use serde::{Deserialize, Serialize};

use crate::model::{ClientId, DocumentId, Version, digest_of};

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
    /// The client's last reset of which the cursor knows: a later one of the source makes the cursor useless.
    #[serde(rename = "r", default)]
    pub(crate) reset: ResetMark,
}

/// When an administrator last let a client start something over, by the store's clock in ms; 0 for never. Of one client they only
/// grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ResetMark(pub(crate) u64);

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
