//! The API for new integrations, `/api/v1`.
//!
//! Times are milliseconds since 1970-01-01 UTC. Lists come in parts: `next` of one part is the `cursor` of the request for
//! the following.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::SentAttributes;

/// What every refused or failed request is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ApiError {
    /// What is wrong.
    pub error: ApiErrorDetails,
}

/// See [`ApiError`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ApiErrorDetails {
    /// A stable code, for programs; see [`ErrorCode`](crate::ErrorCode).
    pub code: String,
    /// For people.
    pub message: String,
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Listing<T> {
    /// The part.
    pub items: Vec<T>,
    /// Where the next part begins; missing at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The administrator's login.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiLogin {
    /// User name.
    pub login: String,
    /// Password.
    pub password: String,
}

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TokenInfo {
    /// Id.
    pub id: String,
    /// What its maker called it.
    pub name: String,
    /// What it is good for, `users:read` for instance; `admin` is everything.
    pub scopes: Vec<String>,
    /// Since when it exists.
    pub created_at: u64,
    /// When it was used last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<u64>,
    /// Until when it is good; missing where it does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
}

/// A token to be made.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What to call it.
    pub name: String,
    /// What it shall be good for.
    pub scopes: Vec<String>,
    /// For how many seconds; for ever where it is missing.
    #[serde(default)]
    pub expires_in: Option<u64>,
}

/// A token that was just made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CreatedToken {
    /// The token itself, to be sent as `Authorization: Bearer`. It is told this once.
    pub token: String,
    /// What it is.
    pub info: TokenInfo,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UserInfo {
    /// Name.
    pub login: String,
    /// Address, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Since when it exists.
    pub created_at: u64,
}

/// The name of a user in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UserName {
    /// Name.
    pub login: String,
}

/// A user to be made.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUserInfo {
    /// Name.
    pub login: String,
    /// Password.
    pub password: String,
    /// Address.
    #[serde(default)]
    pub email: Option<String>,
}

/// What to change of a user; what is missing stays.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// Another password. Every session of the user ends.
    #[serde(default)]
    pub password: Option<String>,
    /// Another address.
    #[serde(default)]
    pub email: Option<String>,
}

/// The id of a client in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClientName {
    /// Id.
    pub id: String,
}

/// A client: one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClientInfo {
    /// Id.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// Since when it is registered.
    pub created_at: u64,
    /// What the device says of itself: `device_type`, `device_pin`, ….
    pub device: BTreeMap<String, String>,
    /// The sources it syncs.
    pub sources: Vec<String>,
}

/// Which of a client's sources start over.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientReset {
    /// The sources; all that it syncs where none is named.
    #[serde(default)]
    pub sources: Option<Vec<String>>,
}

/// How far a client is with a source.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClientSourceInfo {
    /// What it acknowledged last, as devices send it.
    pub token: String,
    /// The version that stands for.
    pub version: u64,
    /// Version of the document's last change.
    pub latest: u64,
    /// Its operations that wait for the back end.
    pub waiting: u64,
    /// What it will be told besides objects, as the device protocol writes it: links, errors, rollbacks.
    pub outbox: Value,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SourceSummary {
    /// Name.
    pub name: String,
    /// Who shares a copy: `app` or `user`.
    pub partition: String,
    /// Seconds between queries of the back end; 0: with every sync, -1: never.
    pub poll_interval: i64,
    /// Whether objects are never kept here.
    pub pass_through: bool,
    /// Whether it came to be at run time, and stands in no settings file.
    pub dynamic: bool,
}

/// What to change of a source.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SourcePatch {
    /// Seconds between queries of the back end; 0: with every sync, -1: never.
    pub poll_interval: i64,
}

/// A user's copy of a source.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DocumentInfo {
    /// Version of its last change.
    pub version: u64,
    /// Objects there are.
    pub objects: u64,
    /// When the back end was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed_at: Option<u64>,
    /// What is wrong with the source: by kind, `query-error` for instance.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
    /// The source's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// The source's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// When a copy is to be brought up to date.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// By the first sync after so many seconds; 0: by the next.
    #[serde(default)]
    pub in_seconds: u64,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ObjectInfo {
    /// Id.
    pub id: String,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
}

/// Attributes to set; values of any type become texts.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectPut {
    /// All attributes the object has from then on.
    pub attributes: SentAttributes,
}

/// How an object changes.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectChange {
    /// Attributes to set.
    #[serde(default)]
    pub set: SentAttributes,
    /// Attributes to remove.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// Changes of many objects.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectBatch {
    /// Attributes to merge, by object id. Objects that are not there are made.
    #[serde(default)]
    pub merge: BTreeMap<String, SentAttributes>,
    /// Ids of objects to delete; unknown ones are passed over.
    #[serde(default)]
    pub delete: Vec<String>,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SystemInfo {
    /// Its version.
    pub version: String,
    /// The back end of sources that are in no settings file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_server: Option<String>,
    /// How many sources there are.
    pub sources: usize,
}

/// The back end of sources that are in no settings file.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AppServer {
    /// Its address; missing: there is none.
    #[serde(default)]
    pub url: Option<String>,
}

/// A wish to remove everything.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SystemReset {
    /// Must be `rhosync`, so that nobody does it by mistake.
    pub confirm: String,
}

/// A document of the application's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StoredDocument {
    /// A text, or texts by name.
    pub data: Value,
}

/// What came of working on jobs for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JobsRun {
    /// Jobs that were done.
    pub done: u64,
    /// Attempts that failed; most are tried again.
    pub failed: u64,
}

/// Whom to wake, and what to tell.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPing {
    /// Names of users, at most 10 000.
    pub users: Vec<String>,
    /// Sources their devices should sync.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Shown to the user. Without it, a badge or a sound, the push is silent.
    pub message: Option<String>,
    /// Number on the application's icon.
    pub badge: Option<u32>,
    /// Name of the sound to play.
    pub sound: Option<String>,
    /// Seconds to vibrate, for clients that do it themselves.
    pub vibrate: Option<u32>,
    /// A newer push with the same key takes this one's place while the device is out of reach.
    pub collapse_key: Option<String>,
    /// Whether it may wait until a sleeping device wakes up by itself.
    #[serde(default)]
    pub may_wait: bool,
    /// How long the push service keeps it for a device that is out of reach, in seconds; a day where it is missing.
    pub time_to_live: Option<u32>,
}

/// What becomes of a ping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PingInfo {
    /// Users whose devices are pushed to, by jobs.
    pub users: usize,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JobInfo {
    /// Id.
    pub id: String,
    /// `ready`, `delayed`, `leased`, `dead` or `done`.
    pub state: String,
    /// What is to be done.
    pub name: String,
    /// The queue it is in.
    pub queue: String,
    /// With what; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<serde_json::Value>,
    /// The user in whose turn it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How often it was tried.
    pub attempts: u64,
    /// How often it is tried at most.
    pub max_attempts: u64,
    /// When it was taken in, in milliseconds since 1970.
    pub created_at: u64,
    /// When the last attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<u64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<u64>,
    /// What no two jobs that wait or run have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<String>,
    /// Who works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The last errors, the oldest first.
    pub errors: Vec<JobErrorInfo>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why it is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What went wrong with an attempt at a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JobErrorInfo {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Which attempt; the first is 1.
    pub attempt: u64,
    /// What has happened.
    pub error: String,
}

/// How a dead job is tried again.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobRetry {
    /// Another payload; the old one where it is missing.
    #[serde(default)]
    pub payload: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Dead jobs that are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JobsRetried {
    /// How many are.
    pub retried: u64,
    /// How many are dead still: another job has their unique key, or there were too many for one request.
    pub dead: u64,
}

/// A queue of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct QueueInfo {
    /// Name: a component's, or one that begins with a component's and a dot.
    pub name: String,
    /// Nothing is begun.
    pub paused: bool,
    /// How many jobs there are, by state.
    pub jobs: BTreeMap<String, u64>,
    /// What happened in the last ten whole minutes: `enqueued`, `claimed`, `completed`, `failed`, `died`, `crashed`.
    pub last_minutes: BTreeMap<String, u64>,
}

/// What to change of a queue.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct QueuePatch {
    /// Whether nothing is begun until this is `false` again.
    pub paused: bool,
}
