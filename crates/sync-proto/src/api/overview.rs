//! How the system is doing as a whole.

use serde::{Deserialize, Serialize};

use super::QueueInfo;

/// Everything an administrator looks at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Overview {
    /// Version of the server.
    pub version: String,
    /// When this was put together.
    pub at: u64,
    /// The store.
    pub store: StoreInfo,
    /// Devices.
    pub clients: ClientCounts,
    /// Number of users, with the administrator.
    pub users: u64,
    /// The last sixty whole minutes, the oldest first.
    pub traffic: Vec<TrafficPoint>,
    /// What needs attention, the most urgent first.
    pub attention: Vec<Attention>,
    /// Sources by name.
    pub sources: Vec<SourceHealth>,
    /// Queues of jobs by name.
    pub queues: Vec<QueueInfo>,
    /// Push services.
    pub push_services: Vec<PushServiceInfo>,
}

/// The store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct StoreInfo {
    /// Bytes it uses.
    pub bytes: u64,
    /// Bytes it may use, if that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Keys in its database.
    pub keys: u64,
    /// How long it took to answer just now, in microseconds.
    pub took_us: u64,
}

/// How many devices there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ClientCounts {
    /// Heard of in the last five minutes.
    pub active_now: u64,
    /// Heard of in the last 24 hours.
    pub active_today: u64,
    /// All.
    pub registered: u64,
}

/// What happened in one minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TrafficPoint {
    /// When the minute began.
    pub at: u64,
    /// Pages that devices asked for, and pushes.
    pub syncs: u64,
    /// Requests of any kind.
    pub requests: u64,
    /// Requests that were answered with a status of 500 or more.
    pub failed: u64,
    /// Half of the answers took at most so many milliseconds; missing where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 95 of 100 answers took at most so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
}

/// Something that needs attention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Attention {
    /// How bad it is.
    pub urgency: Urgency,
    /// What it is.
    pub kind: AttentionKind,
    /// What it is about: the name of a source, a queue, a push service.
    pub subject: String,
    /// Number of devices, jobs, changes or copies concerned. A device counts once for each copy in which its changes wait.
    pub count: u64,
    /// A device concerned, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// What went wrong, in the words of whoever said it: a back end, a push service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How a source is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SourceHealth {
    /// Name.
    pub name: String,
    /// How it is.
    pub state: SourceState,
    /// Objects in all copies, as of their last refresh, feed or change; parts of sources are not counted.
    pub objects: u64,
    /// Number of copies.
    pub partitions: u64,
    /// When the back end was last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed_at: Option<u64>,
    /// How long that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Since when its queries fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<u64>,
    /// What went wrong with its last query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<SourceErrorKind>,
    /// Why, in the words of the back end or of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A copy of a source in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CopySummary {
    /// Name of the source.
    pub source: String,
    /// What the paths below `/sources/{source}/partitions/` call it; one text, whatever is in it.
    pub id: String,
    /// Whose it is: `app`, `user/` and a name, `named/` and what is computed for its users, `narrowed/`, a name and a digest of parameters, or
    /// `combined/` and the partitions that it is made of.
    pub partition: String,
    /// The user whose it is; missing if others share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A user in whose name its back end can be asked; missing of the one that everybody shares, for which nobody is needed, and where nobody
    /// is known: of parts, whose parameters only devices know, and of copies that no device has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_as: Option<String>,
    /// Version of its last change.
    pub version: u64,
    /// Number of objects.
    pub objects: u64,
    /// Number of devices that have it.
    pub clients: u64,
    /// When the back end was last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed_at: Option<u64>,
    /// How long that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// When it is to be asked next; missing if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<u64>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A push service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PushServiceInfo {
    /// `apns`, `fcm` or `web-push`.
    pub name: String,
    /// Whether the settings file has a table for it.
    pub configured: bool,
    /// The tables it still needs.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Pings it has taken in the last 24 hours.
    pub delivered: u64,
    /// Attempts at pings it has refused in the last 24 hours.
    pub failed: u64,
    /// What it said last, if that was an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// Something is lost or stands still until somebody acts.
    Bad,
    /// It may get better by itself.
    Warning,
}

/// What needs attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AttentionKind {
    /// Devices whose changes have waited for a back end for long, or were given up.
    StuckClients,
    /// Changes of devices that were given up.
    DeadChanges,
    /// Jobs that were given up.
    DeadJobs,
    /// Queries of a back end fail.
    SourceFailing,
    /// A source has not been refreshed for far longer than it should.
    SourceOld,
    /// A back end is left alone for a while, since it did not answer.
    CircuitOpen,
    /// A back end does not let the server in.
    CredentialRefused,
    /// A queue is paused.
    QueuePaused,
    /// A source is paused.
    SourcePaused,
    /// Jobs wait, and nobody does them.
    JobsWaiting,
    /// A push service refuses pings.
    PushFailing,
    /// The store is nearly full.
    StoreFull,
}

/// What went wrong with a query of a source. Devices know the kinds by these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SourceErrorKind {
    /// The query failed, or brought objects that devices cannot keep.
    QueryError,
    /// The back end did not let the server in.
    LoginError,
    /// The query was answered, but the back end could not be left.
    LogoffError,
}

/// How a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// As up to date as its poll interval wants.
    Fresh,
    /// Not refreshed for far longer than it should.
    Old,
    /// Its queries fail.
    Failing,
    /// Its back end is never queried; it feeds objects.
    Fed,
    /// The server keeps none of its objects.
    PassThrough,
    /// It is paused.
    Paused,
    /// No device has asked for it yet.
    Unused,
}
