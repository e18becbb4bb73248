//! The lines of the answer to a sync.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::sync::request::NDJSON;

/// One line.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// What became of a change.
    Verdict {
        /// It.
        verdict: Verdict,
    },
    /// What the device has of a source is to be thrown away.
    Reset {
        /// The source.
        source: String,
        /// Why.
        reset: ResetReason,
        /// Nothing: the source begins anew.
        cursor: (),
    },
    /// What is new of a source.
    News(Box<SourceNews>),
    /// What the device begins with instead of pages.
    Image {
        /// The source.
        source: String,
        /// Where it is.
        image: ImageOffer,
    },
    /// What a part of a copy has, where the device's differs.
    Bucket {
        /// Which part.
        bucket: u8,
        /// Its objects' hashes.
        hashes: BTreeMap<String, String>,
    },
    /// What a search has found.
    Found(FoundObjects),
    /// A source cannot be had.
    Failed {
        /// The source.
        source: String,
        /// Why.
        error: SourceFailure,
    },
    /// The last line.
    End {
        /// When to come again.
        end: SyncEnd,
    },
}

/// What became of a change.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verdict {
    /// The change.
    pub id: String,
    /// What became of it.
    pub status: VerdictStatus,
    /// The object, by the id that the back end gave it, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// For programs, where the change was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// In a conflict, the attributes that stay as others have set them; the rest of the change was applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// The object as it is, where the change was not applied as a whole; `null` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Option<ObjectFields>>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerdictStatus {
    /// It is on its way.
    #[default]
    Accepted,
    /// The back end has it.
    Applied,
    /// It was refused.
    Refused,
    /// Others had changed the object.
    Conflict,
}

/// Why a source begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetReason {
    /// The user follows another copy of the source now.
    Moved,
    /// The user may not see the source any more.
    Revoked,
    /// The server does not know what the device has: its store was set back or emptied, or its key is another.
    Restored,
    /// The objects have another shape.
    Schema,
    /// The device was silent for so long that nobody knows what it would have to remove.
    TooOld,
    /// An administrator lets the device start over.
    Requested,
}

/// What is new of a source.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SourceNews {
    /// The source.
    pub source: String,
    /// How the objects are made, where that is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Box<RawValue>>,
    /// What the application is to know of the source, where that is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Attributes to set, by object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, ObjectFields>,
    /// Attributes to remove, by object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unset: BTreeMap<String, Vec<String>>,
    /// Objects to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<String>,
    /// What to keep with all this; missing where the device's own stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether there is more, to be asked for at once.
    pub more: bool,
    /// What the device has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CopyCheck>,
    /// What is wrong with the back end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<SourceFailure>,
}

/// Objects that a search has found.
#[derive(Debug, Clone, Serialize)]
pub struct FoundObjects {
    /// The source.
    pub source: String,
    /// They, whole.
    pub found: BTreeMap<String, ObjectFields>,
    /// Whether more lines follow.
    pub more: bool,
    /// With the last line: whether they are all that the back end has, and not only what was searched for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

/// How many objects a copy has, and the sum of their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyCheck {
    /// How many.
    pub count: u64,
    /// 16 hexadecimal digits; missing where the server does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

/// Everything of a copy up to a version, to be downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageOffer {
    /// Where, below the server's address.
    pub url: String,
    /// In which of the forms that the device has named.
    #[serde(default = "ndjson")]
    pub form: String,
    /// How many bytes.
    pub bytes: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// What to keep once the device has it.
    pub cursor: String,
}

fn ndjson() -> String {
    NDJSON.to_owned()
}

/// What is wrong with a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFailure {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}

/// When to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncEnd {
    /// In so many seconds, unless the device has something to send.
    pub after: u64,
    /// Why then.
    pub why: EndReason,
}

/// Why a device should come again when it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// There is more.
    More,
    /// Changes wait for their verdict.
    Pending,
    /// There is nothing to do.
    Idle,
}

/// An object's attributes.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum ObjectFields {
    /// As they are stored.
    Raw(Box<RawValue>),
    /// As values.
    Values(Map<String, Value>),
}
