//! What can go wrong with the store.

use crate::RedisError;

/// The store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or refused a command.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// The store answered something this version does not know: another program writes to the same keys, or a newer
    /// version does.
    #[error("unexpected reply to {command}: {found}")]
    UnexpectedReply {
        /// The command or script.
        command: &'static str,
        /// What was found instead.
        found: String,
    },
    /// A stored value cannot be read.
    #[error("damaged {what}: {reason}")]
    Damaged {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same may succeed later, though nobody mends anything.
    ///
    /// What the store refuses now (out of memory, read-only, loading) it takes later, and a reply that is not understood
    /// may be another version's, which is being replaced.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Redis(RedisError::Unreachable(_) | RedisError::Refused(_))
            | Self::UnexpectedReply { .. } => true,
            Self::Damaged { .. } => false,
        }
    }
}
