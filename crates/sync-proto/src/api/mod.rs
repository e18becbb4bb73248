//! The API for new integrations, `/api/v1`.
//!
//! Times are milliseconds since 1970-01-01 UTC. Lists come in parts: `next` of one part is the `cursor` of the request for
//! the following.

mod administration;
mod device_changes;
mod devices;
mod overview;
mod statistics;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::SentAttributes;
pub use administration::{
    AdministratorInfo, AdministratorPatch, AuditEntry, NewAdministrator, PasswordChange,
    PingRecord, PushCheck, Role, ScheduleInfo, SessionInfo, SettingInfo, SettingOrigin,
};
pub use device_changes::{ChangeInfo, ChangeKind, ChangeRetry, ChangeState};
pub use devices::{
    ClientHealth, ClientPush, ClientSourceSummary, ClientSummary, Diagnostics, DifferenceKind,
    ObjectChangeKind, ObjectDifference, ObjectNews, ObjectVersions, SyncEvent, SyncPreview,
    VersionedValue,
};
pub use overview::{
    Attention, AttentionKind, ClientCounts, CopySummary, Overview, PushServiceInfo,
    SourceErrorKind, SourceHealth, SourceState, StoreInfo, TrafficPoint, Urgency,
};
pub use statistics::{MetricInfo, QueueHistory, QueuePoint, Series, Statistics};

/// The answer to a refused or failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ApiError {
    /// What is wrong.
    pub error: ApiErrorDetails,
}

/// What is wrong, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ApiErrorDetails {
    /// Stable code, for programs. `docs/errors.md` explains each.
    pub code: String,
    /// Message, for people.
    pub message: String,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Listing<T> {
    /// The items of this part.
    pub items: Vec<T>,
    /// The `cursor` of the request for the next part; missing at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The administrator's login.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiLogin {
    /// Name of the administrator.
    pub login: String,
    /// Password.
    pub password: String,
    /// Whether the token comes in a cookie that no script can read, and the answer is a `SessionInfo`. For the console only.
    #[serde(default)]
    pub cookie: bool,
}

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TokenInfo {
    /// Id.
    pub id: String,
    /// Name that its maker gave it.
    pub name: String,
    /// What it allows, for example `users:read`; `admin` is everything.
    pub scopes: Vec<String>,
    /// The administrator who made it; missing where nobody has written that down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<u64>,
    /// When it ends; missing if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
}

/// An API token to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Name for people.
    pub name: String,
    /// What it allows, for example `users:read`; `admin` is everything.
    pub scopes: Vec<String>,
    /// Seconds until it ends; without them it does not.
    #[serde(default)]
    pub expires_in: Option<u64>,
}

/// An API token that was just made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CreatedToken {
    /// The token itself, to be sent as `Authorization: Bearer`. It is shown only this once.
    pub token: String,
    /// What is known of the token.
    pub info: TokenInfo,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UserInfo {
    /// Name.
    pub login: String,
    /// Email address, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Attributes, by which sources tell whose objects are whose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: u64,
    /// Number of its clients.
    pub clients: u64,
}

/// The name of a user in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UserName {
    /// Name.
    pub login: String,
}

/// A user to create.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUserInfo {
    /// Name.
    pub login: String,
    /// Password.
    pub password: String,
    /// Email address.
    #[serde(default)]
    pub email: Option<String>,
    /// Attributes.
    #[serde(default)]
    pub attributes: Option<BTreeMap<String, String>>,
}

/// Changes to a user; what is missing stays.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// New password. It ends every session of the user.
    #[serde(default)]
    pub password: Option<String>,
    /// New email address.
    #[serde(default)]
    pub email: Option<String>,
    /// New attributes, in place of all that it has.
    #[serde(default)]
    pub attributes: Option<BTreeMap<String, String>>,
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
    /// The user it belongs to.
    pub user: String,
    /// When it was registered.
    pub created_at: u64,
    /// What the device says about itself: `device_type`, `device_pin`, ….
    pub device: BTreeMap<String, String>,
    /// The sources it syncs.
    pub sources: Vec<String>,
    /// When it was last heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<u64>,
    /// How it is pushed to; missing if it runs on nothing that has a push service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<ClientPush>,
}

/// The sources that a client is to start over with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientReset {
    /// Names of sources; without them, all that the client syncs.
    #[serde(default)]
    pub sources: Option<Vec<String>>,
}

/// How far a client has come with a source.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClientSourceInfo {
    /// The last token it acknowledged, as devices send it.
    pub token: String,
    /// The version that the token stands for.
    pub version: u64,
    /// Version of the document's last change.
    pub latest: u64,
    /// Number of its operations that wait for the back end.
    pub waiting: u64,
    /// What it will be told beside objects, as the device protocol writes it: links, errors, rollbacks.
    pub outbox: Value,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SourceSummary {
    /// Name.
    pub name: String,
    /// Who shares a copy: `app`, `user`, or `computed` where its name is computed for each user.
    pub partition: String,
    /// Seconds between queries of the back end; 0: with every sync; -1: never.
    pub poll_interval: i64,
    /// Whether the server keeps none of its objects.
    pub pass_through: bool,
    /// Whether it was made at run time, and no settings file names it.
    pub dynamic: bool,
    /// What connects it to its back end: `rest`, `plugin`, `rust`, `push-only` or `app-server`.
    pub adapter: String,
    /// Whether it is paused: its back end is neither queried nor sent changes.
    pub paused: bool,
    /// The queue of the jobs that do that, if the settings name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

/// Changes to a source; what is missing stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SourcePatch {
    /// Seconds between queries of the back end; 0: with every sync; -1: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_interval: Option<i64>,
    /// `true` pauses it: its back end is neither queried nor sent changes until it is resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// A user's copy of a source.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DocumentInfo {
    /// Version of its last change.
    pub version: u64,
    /// Number of objects.
    pub objects: u64,
    /// When the back end was last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed_at: Option<u64>,
    /// What is wrong with the source, by kind, for example `query-error`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
    /// The source's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// The source's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// When to refresh a copy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// Refresh with the first sync after so many seconds; 0: with the next.
    #[serde(default)]
    pub in_seconds: u64,
    /// Refresh as soon as a job can, whether a device syncs or not.
    #[serde(default)]
    pub now: bool,
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

/// An object's new content; values of any type become texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectPut {
    /// All attributes that the object has from then on.
    pub attributes: SentAttributes,
}

/// Changes to an object.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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

/// Changes to many objects.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectBatch {
    /// Attributes to merge, by object id. Objects that do not exist are created.
    #[serde(default)]
    pub merge: BTreeMap<String, SentAttributes>,
    /// Ids of objects to delete; unknown ones are skipped.
    #[serde(default)]
    pub delete: Vec<String>,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SystemInfo {
    /// Its version.
    pub version: String,
    /// Address of the app server, the back end of dynamic sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_server: Option<String>,
    /// Number of sources.
    pub sources: usize,
}

/// The app server, the back end of dynamic sources.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AppServer {
    /// Its address; without one, there is no app server.
    #[serde(default)]
    pub url: Option<String>,
}

/// A request to remove everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// What came of a request to work on jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JobsRun {
    /// Jobs that were done.
    pub done: u64,
    /// Attempts that failed; most are tried again.
    pub failed: u64,
}

/// A ping: whom to wake, and what to tell them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPing {
    /// Names of users, all devices of whom are pinged.
    #[serde(default)]
    pub users: Vec<String>,
    /// Ids of clients to ping by themselves. Users and clients are at most 10 000 together.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Sources that their devices should sync.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Message to show. A ping without message, badge and sound is silent.
    pub message: Option<String>,
    /// Number to show on the application's icon.
    pub badge: Option<u32>,
    /// Name of the sound to play.
    pub sound: Option<String>,
    /// Seconds to vibrate, for clients that do it themselves.
    pub vibrate: Option<u32>,
    /// A newer ping with the same key replaces this one while the device is out of reach.
    pub collapse_key: Option<String>,
    /// Whether it may wait until a sleeping device wakes up by itself.
    #[serde(default)]
    pub may_wait: bool,
    /// Seconds for which the push service keeps it for a device that is out of reach; a day by default.
    pub time_to_live: Option<u32>,
}

/// A ping that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PingInfo {
    /// Id.
    pub id: String,
    /// Number of users whose devices jobs will ping.
    pub users: u64,
    /// Number of clients that jobs will ping by themselves.
    pub clients: u64,
    /// Names of users that do not exist, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_users: Vec<String>,
    /// Ids of clients that do not exist, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_clients: Vec<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JobInfo {
    /// Id.
    pub id: String,
    /// `ready`, `delayed`, `leased`, `dead` or `done`.
    pub state: String,
    /// What it does: the name of its handler.
    pub name: String,
    /// The queue it is in.
    pub queue: String,
    /// What it works on; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<serde_json::Value>,
    /// The user in whose turn it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Number of attempts so far.
    pub attempts: u64,
    /// Number of attempts after which it is dead.
    pub max_attempts: u64,
    /// When it was enqueued.
    pub created_at: u64,
    /// When the last attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<u64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<u64>,
    /// Key that no other job that waits or runs has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<String>,
    /// The worker it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The last errors, the oldest first.
    pub errors: Vec<JobErrorInfo>,
    /// How far it has come, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// What it has done, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why it is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A failed attempt at a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JobErrorInfo {
    /// When it failed.
    pub at: u64,
    /// Number of the attempt; the first is 1.
    pub attempt: u64,
    /// What went wrong.
    pub error: String,
}

/// How to retry a dead job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobRetry {
    /// New payload; without it, the old one.
    #[serde(default)]
    pub payload: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Dead jobs that were retried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JobsRetried {
    /// Number of jobs that will be tried again.
    pub retried: u64,
    /// Number of jobs that are still dead: another job has their unique key, or there were too many for one request.
    pub dead: u64,
}

/// A queue of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct QueueInfo {
    /// Name: a component's, or a component's with a dot and more behind it.
    pub name: String,
    /// Whether it is paused: none of its jobs is begun.
    pub paused: bool,
    /// Number of jobs, by state.
    pub jobs: BTreeMap<String, u64>,
    /// What happened in the last ten whole minutes: `enqueued`, `claimed`, `completed`, `failed`, `died`, `crashed`, `lost`.
    pub last_minutes: BTreeMap<String, u64>,
}

/// Changes to a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct QueuePatch {
    /// `true` pauses it, `false` resumes it.
    pub paused: bool,
}
