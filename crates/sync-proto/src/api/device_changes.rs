//! What devices have sent, and what became of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SentAttributes;

/// A change that a device sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ChangeInfo {
    /// Id.
    pub id: String,
    /// What became of it.
    pub state: ChangeState,
    /// What it does.
    pub kind: ChangeKind,
    /// The source.
    pub source: String,
    /// The user who made it.
    pub user: String,
    /// The client that sent it.
    pub client: String,
    /// Id of the object; of a create, the temporary one.
    pub object: String,
    /// How often the back end was asked.
    pub attempts: u64,
    /// When it was taken in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<u64>,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<u64>,
    /// Why it has not been done, in the back end's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the device wants the attributes to be; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, String>>,
    /// What the attributes of the object are on the server; not in lists, and missing if there is no such object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<BTreeMap<String, String>>,
}

/// How to try a change again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeRetry {
    /// Corrected attributes; without them, those that the device sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<SentAttributes>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    /// It waits for its turn, or for the back end.
    Waiting,
    /// It was given up: nobody tries it again unless told to.
    Dead,
    /// The back end refused it; the device has not said yet that it was told.
    Refused,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Creates an object.
    Create,
    /// Changes attributes.
    Update,
    /// Deletes an object.
    Delete,
}
