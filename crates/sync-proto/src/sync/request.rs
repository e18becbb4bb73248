//! What a device asks for, and what it sends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SentAttributes;

/// Images whose content is lines of JSON, compressed by gzip.
pub const NDJSON: &str = "ndjson";

/// Images whose content is an SQLite file, compressed by gzip.
pub const SQLITE: &str = "sqlite";

/// What sources are narrowed down by: source → names and values of parameters for its back end.
pub type SourceParameters = BTreeMap<String, BTreeMap<String, String>>;

/// The body of `POST /sync/v1/sync`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The sources that the device wants, each with the cursor it has kept, or nothing.
    #[serde(default)]
    pub have: BTreeMap<String, Option<String>>,
    /// What the device narrows its sources down by: it follows the part that the back end answers to that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: SourceParameters,
    /// What was done on the device, in order.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// Changes sent earlier whose verdict has not come: source → ids.
    #[serde(default)]
    pub pending: BTreeMap<String, Vec<String>>,
    /// Changes whose refusal needs nobody's attention any more, as they were retried or discarded on the device: source → ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settled: BTreeMap<String, Vec<String>>,
    /// How many seconds the answer may wait for something that is new.
    #[serde(default)]
    pub wait: Option<u64>,
    /// Most bytes of the answer's objects.
    #[serde(default)]
    pub max_bytes: Option<usize>,
    /// The forms of images that the device can read, the one that it likes best first; none where it wants pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

/// The body of `POST /sync/v1/search`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceSearch {
    /// The source.
    pub source: String,
    /// What is searched for: names and values, which the back end understands.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// The body of `POST /sync/v1/verify`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// The source.
    pub source: String,
    /// What the device narrows it down by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The cursor that the device has.
    pub cursor: String,
    /// The sums of the objects of each of the 256 buckets.
    pub buckets: Vec<String>,
}

/// One change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// The device's own id of the change, a UUID.
    pub id: String,
    /// The source.
    pub source: String,
    /// What is done.
    pub op: ChangeOp,
    /// The object: for a create, an id that the device makes up.
    pub object: String,
    /// Attributes that get a value.
    #[serde(default)]
    pub set: SentAttributes,
    /// Attributes that lose theirs.
    #[serde(default)]
    pub unset: Vec<String>,
    /// The cursor that the device had of the source when the change was made.
    #[serde(default)]
    pub base: Option<String>,
}

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeOp {
    /// It is made.
    Create,
    /// Some of its attributes change.
    Update,
    /// It goes.
    Delete,
}
