//! What became of a sync or of signing in.

use serde::Serialize;

use crate::model::FailedChange;

/// Who has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The user, as the server calls him.
    pub user: String,
    /// The device's id at the server.
    pub client: String,
    /// Whether the database had another user's data, or another device's, which was erased.
    pub has_erased: bool,
}

/// What a sync did. Nothing is lost, however it ended: the next goes on from there.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncReport {
    /// How it ended.
    pub ended: Ended,
    /// When the next one is due, in milliseconds, unless there is something to send before.
    pub next_in_ms: u64,
    /// Changes that were sent.
    pub sent: u64,
    /// Changes that the back end has done now.
    pub applied: Vec<AppliedChange>,
    /// Changes that were refused, or in conflict with those of others. They wait to be retried or discarded.
    pub failed: Vec<FailedChange>,
    /// Objects that came or changed.
    pub received: u64,
    /// Objects that went.
    pub deleted: u64,
    /// Objects that were damaged, lost or too many in the file, and are as they should be again.
    pub mended: u64,
    /// Sources whose objects were removed as a whole.
    pub removed: Vec<Removal>,
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(tag = "how", rename_all = "camelCase")]
pub enum Ended {
    /// Everything is said.
    Complete,
    /// No whole answer came.
    Offline {
        /// Why.
        reason: String,
    },
    /// The server asks to come back later.
    ServerBusy {
        /// For programs.
        code: String,
        /// For people.
        reason: String,
    },
    /// Nobody is signed in, or the session has ended.
    SignedOut,
    /// The server does not take what the device says.
    Refused {
        /// The answer's status.
        status: u16,
        /// For programs.
        code: String,
        /// For people.
        reason: String,
    },
    /// Somebody has cancelled it.
    #[default]
    Cancelled,
    /// Its time was over.
    DeadlinePassed,
}

/// A change that the back end has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedChange {
    /// The change.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its object, by the id that the app knows.
    pub object: String,
    /// What the back end says of it to the user. It is said here and nowhere else.
    pub message: Option<String>,
}

/// A source whose objects were removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// The source.
    pub source: String,
    /// Why.
    pub reason: RemovalReason,
}

/// Why objects of a source were removed. But for `Revoked` the source begins anew by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RemovalReason {
    /// The user sees another part of the source now.
    Moved,
    /// The user does not see the source any more.
    Revoked,
    /// The server's store was set back.
    Restored,
    /// The objects have another shape.
    Schema,
    /// The device was silent for too long.
    TooOld,
    /// An administrator lets the device start over.
    Requested,
}

/// Hears how far a sync is.
pub trait ProgressListener: Send + Sync {
    /// Something came.
    fn progressed(&self, progress: Progress);
}

/// How far a sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Changes that were sent.
    pub sent: u64,
    /// Verdicts that came.
    pub verdicts: u64,
    /// Objects that came, changed or went.
    pub objects: u64,
}
