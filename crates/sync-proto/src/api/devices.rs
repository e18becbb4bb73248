//! Devices: how each is doing, and what is the matter with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{ChangeInfo, ClientInfo};

/// A client in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClientSummary {
    /// Id.
    pub id: String,
    /// The user it belongs to.
    pub user: String,
    /// What it runs on, as it says: `Android`, `Apple`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// When it was last heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<u64>,
    /// How it is.
    pub state: ClientHealth,
    /// Number of its changes that wait for a back end.
    pub waiting: u64,
    /// Number of its changes that were given up.
    pub failed: u64,
    /// What is wrong, in the words of whoever said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How a client is pushed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClientPush {
    /// `apns`, `fcm` or `web-push`.
    pub service: String,
    /// Whether the device has told where it is pushed to.
    pub has_token: bool,
    /// When it was last pinged, if that is still known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinged_at: Option<u64>,
    /// What went wrong then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a client is doing with a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClientSourceSummary {
    /// Name of the source.
    pub source: String,
    /// What the paths below `/sources/{source}/partitions/` call the copy it has.
    pub copy: String,
    /// Whose copy that is: `app`, `user/` and a name, `named/` and what is computed for its users, or `narrowed/`, a name and a digest of parameters.
    pub partition: String,
    /// Version up to which it has everything, as it has acknowledged.
    pub version: u64,
    /// Version of the last change.
    pub latest: u64,
    /// Number of objects that changed since its version.
    pub behind: u64,
    /// Number of those among them that it was not sent yet. A device with our own library acknowledges what it was sent when it is next sent something.
    pub unsent: u64,
    /// When it was last heard of, if it is behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_since: Option<u64>,
    /// Number of its changes that wait for the back end.
    pub waiting: u64,
    /// Since when the oldest of them waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<u64>,
    /// Number of its changes that were refused, of which it has not heard yet, or given up.
    pub failed: u64,
    /// What went wrong last, in the back end's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Something a client did, or that was done with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SyncEvent {
    /// When.
    pub at: u64,
    /// `pull`, `push`, `search`, `bulk-data`, `register`, `reset`, `ping`.
    pub kind: String,
    /// The source, if it was about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Status of the answer.
    pub status: u16,
    /// Number of changes or acknowledgements it sent.
    pub sent: u64,
    /// Number of objects it got.
    pub received: u64,
    /// How long the answer took.
    pub took_ms: u64,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// All that is known of a client, without what lets somebody in or reaches the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Diagnostics {
    /// Version of the server.
    pub version: String,
    /// When this was put together.
    pub at: u64,
    /// The client.
    pub client: ClientInfo,
    /// How it is.
    pub summary: ClientSummary,
    /// How it is doing with each of its sources.
    pub sources: Vec<ClientSourceSummary>,
    /// What it did lately, the latest first.
    pub events: Vec<SyncEvent>,
    /// Its changes that are not done, at most a hundred, without attributes.
    pub changes: Vec<ChangeInfo>,
}

/// What a client would get with its next sync. Nothing is changed by looking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SyncPreview {
    /// Objects, in the order in which it would get them.
    pub objects: Vec<ObjectNews>,
    /// Number of objects that would follow on further pages.
    pub more: u64,
    /// What it would be told beside objects, as the device protocol writes it: links, errors, rollbacks.
    pub outbox: Value,
}

/// What a client would hear of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ObjectNews {
    /// Id of the object.
    pub id: String,
    /// What happened to it.
    pub change: ObjectChangeKind,
    /// Attributes that are new or have changed.
    pub set: BTreeMap<String, String>,
    /// Attributes that went.
    #[serde(default)]
    pub removed: Vec<String>,
}

/// An object in which a client's copy differs from the server's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ObjectDifference {
    /// Id of the object.
    pub id: String,
    /// How it differs.
    pub difference: DifferenceKind,
    /// Version of its last change; missing if the server does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Attributes that the client lacks, has otherwise, or has too many.
    pub attributes: Vec<String>,
}

/// An object with its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ObjectVersions {
    /// Id.
    pub id: String,
    /// Version of its last change.
    pub version: u64,
    /// The client that made it; missing if the back end did, or if the client has to be told of it like everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// Attributes.
    pub attributes: BTreeMap<String, VersionedValue>,
    /// Attributes that were removed, with the version.
    pub removed: BTreeMap<String, u64>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct VersionedValue {
    /// Value.
    pub value: String,
    /// Version in which it became that.
    pub version: u64,
}

/// How a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ClientHealth {
    /// Nothing is wrong.
    Ok,
    /// Changes of it wait for a back end.
    Waiting,
    /// Changes of it have waited for long, or were given up.
    Stuck,
    /// What it asks for fails.
    Failing,
    /// It has not been heard of for a week.
    Silent,
}

/// How a client's copy differs from the server's in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// The client lacks it, or every attribute of it has changed since.
    Missing,
    /// The client has it in another version.
    Outdated,
    /// The client has it, or may have it, and is to drop it.
    Surplus,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ObjectChangeKind {
    /// It is new.
    Create,
    /// It has changed.
    Update,
    /// It is gone.
    Delete,
}
