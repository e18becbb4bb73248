//! What the app works with.

use serde::Serialize;
use sync_device::{Attributes, Change, Op};
use sync_store::KeptChange;
pub use sync_store::{ChangeState, Object, Rows};

/// One change of a transaction.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub enum Operation {
    /// An object is made.
    Create {
        /// Its source.
        source: String,
        /// Its id: one that was never used, or none for a new one.
        id: Option<String>,
        /// Its attributes.
        attributes: Attributes,
    },
    /// Attributes of an object change.
    Update {
        /// Its source.
        source: String,
        /// Its id.
        id: String,
        /// Attributes that get a value.
        set: Attributes,
        /// Attributes that lose theirs.
        unset: Vec<String>,
    },
    /// An object goes.
    Delete {
        /// Its source.
        source: String,
        /// Its id.
        id: String,
    },
}

impl Operation {
    /// As the store takes it, with an id for a new object.
    pub(crate) fn to_store(&self, new_id: impl FnOnce() -> String) -> sync_store::Operation {
        let (source, object, change) = match self {
            Self::Create {
                source,
                id,
                attributes,
            } => (
                source,
                id.clone().unwrap_or_else(new_id),
                Change::new(Op::Create, attributes.clone(), Vec::new()),
            ),
            Self::Update {
                source,
                id,
                set,
                unset,
            } => (
                source,
                id.clone(),
                Change::new(Op::Update, set.clone(), unset.clone()),
            ),
            Self::Delete { source, id } => (
                source,
                id.clone(),
                Change::new(Op::Delete, Attributes::new(), Vec::new()),
            ),
        };
        sync_store::Operation {
            source: source.clone(),
            object,
            change,
        }
    }
}

/// A change that has no verdict yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    /// Its id.
    pub id: String,
    /// What is done.
    pub operation: Operation,
    /// How far it is.
    pub state: ChangeState,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
}

/// A change of which nothing was done, or not all. It waits to be retried or discarded.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedChange {
    /// Its id.
    pub id: String,
    /// What was not done: in a conflict the app's values.
    pub operation: Operation,
    /// Whether it is a conflict: others have changed the same.
    pub is_conflict: bool,
    /// Why, for programs: `refused`, `conflict`, `invalid_value`, `not_created`, …
    pub code: String,
    /// Why, for people.
    pub reason: Option<String>,
    /// The object as the server has it: in a conflict the others' values.
    pub current: Option<Attributes>,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
}

fn operation_of(source: String, object: String, change: Change) -> Operation {
    let Change { op, set, unset } = change;
    match op {
        Op::Create => Operation::Create {
            source,
            id: Some(object),
            attributes: set,
        },
        Op::Update => Operation::Update {
            source,
            id: object,
            set,
            unset,
        },
        Op::Delete => Operation::Delete { source, id: object },
    }
}

impl From<KeptChange> for PendingChange {
    fn from(kept: KeptChange) -> Self {
        let KeptChange {
            id,
            source,
            object,
            change,
            state,
            code: _,
            reason: _,
            current: _,
            made_at_ms,
        } = kept;
        Self {
            id,
            operation: operation_of(source, object, change),
            state,
            made_at_ms,
        }
    }
}

impl From<KeptChange> for FailedChange {
    fn from(kept: KeptChange) -> Self {
        let KeptChange {
            id,
            source,
            object,
            change,
            state,
            code,
            reason,
            current,
            made_at_ms,
        } = kept;
        let code = code.unwrap_or_default();
        Self {
            id,
            operation: operation_of(source, object, change),
            is_conflict: state == ChangeState::Partly || code == "conflict",
            code,
            reason,
            current,
            made_at_ms,
        }
    }
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Objects that the server has, as far as the device knows.
    pub count: u64,
    /// Whether it was synced at least once.
    pub is_begun: bool,
    /// The schema, as JSON, if it has one.
    pub schema: Option<String>,
    /// What the back end tells apps of the source.
    pub metadata: Option<String>,
    /// What is wrong with it.
    pub problem: Option<SourceProblem>,
}

/// What is wrong with a source. Its objects are there all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceProblem {
    /// For programs.
    pub code: String,
    /// For people.
    pub reason: String,
}

impl From<sync_store::SourceStatus> for SourceStatus {
    fn from(status: sync_store::SourceStatus) -> Self {
        let sync_store::SourceStatus {
            name,
            count,
            is_begun,
            schema,
            metadata,
            error,
        } = status;
        Self {
            name,
            count,
            is_begun,
            schema,
            metadata,
            problem: error.map(|(code, reason)| SourceProblem { code, reason }),
        }
    }
}
