//! What can go wrong.

use sync_store::StoreError;

/// Why a call came to nothing. How a sync ended is no error: [`crate::SyncReport`] says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("the database file: {reason}")]
    Storage {
        /// Why.
        reason: String,
    },
    /// The file cannot be read by the key. It was left as it is.
    #[error(
        "the database file cannot be read by this key: it was made with another one, or without"
    )]
    WrongKey,
    /// The call does not fit what is in the database: an object that is not there, a query that may not be asked.
    #[error("{reason}")]
    Invalid {
        /// Why.
        reason: String,
    },
    /// The database was opened without this source.
    #[error("the database has no source {source_name:?}")]
    UnknownSource {
        /// It.
        source_name: String,
    },
    /// There is no such object.
    #[error("{source_name} has no object {id:?}")]
    UnknownObject {
        /// Its source.
        source_name: String,
        /// It.
        id: String,
    },
    /// Name or password are wrong, or the token.
    #[error("the server does not let this user in: {reason}")]
    LoginRefused {
        /// The server's words.
        reason: String,
    },
    /// No answer came.
    #[error("the server does not answer: {reason}")]
    Offline {
        /// Why.
        reason: String,
    },
    /// The server cannot do it now.
    #[error("the server is busy: {reason}")]
    ServerBusy {
        /// The server's words.
        reason: String,
        /// When to try again, in milliseconds.
        retry_in_ms: u64,
    },
    /// The server does not take it.
    #[error("the server refuses ({status} {code}): {reason}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// For programs.
        code: String,
        /// The server's words.
        reason: String,
    },
    /// A sync is under way, here or in another process.
    #[error("a sync of this database is under way")]
    SyncRunning,
    /// It was cancelled.
    #[error("it was cancelled")]
    Cancelled,
    /// The database was opened without a transport, and is asked for a call that needs one.
    #[error("the database has no transport")]
    NoTransport,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownSource { source_name } => Self::UnknownSource { source_name },
            StoreError::UnknownObject { source_name, id } => {
                Self::UnknownObject { source_name, id }
            }
            StoreError::WrongKey => Self::WrongKey,
            StoreError::Sqlite(_)
            | StoreError::Newer { .. }
            | StoreError::Unreadable
            | StoreError::Keying { .. } => Self::Storage {
                reason: error.to_string(),
            },
            StoreError::InvalidKey
            | StoreError::NoEncryption
            | StoreError::NotEncrypted
            | StoreError::ObjectExists { .. }
            | StoreError::UnknownChange { .. }
            | StoreError::NoRoom { .. }
            | StoreError::TooManyParameters { .. }
            | StoreError::Query { .. }
            | StoreError::NotSearchable { .. } => Self::Invalid {
                reason: error.to_string(),
            },
        }
    }
}
