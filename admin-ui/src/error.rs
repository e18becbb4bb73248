//! What can go wrong between the console and the server.

/// Why there is no answer to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// The server can't be reached, or takes too long.
    #[error("The server does not answer.")]
    Unreachable,
    /// The server has said nothing to something that was to be done.
    #[error(
        "The server does not answer. It may have done this all the same; it is safe to try again, as nothing is done twice."
    )]
    Unanswered,
    /// Nobody is signed in, or no longer.
    #[error("Sign in to go on.")]
    SignedOut,
    /// The server refuses the request, or fails at it.
    #[error("{message}")]
    Refused {
        /// Status of the answer.
        status: u16,
        /// Stable code, from `docs/errors.md`; empty where the answer has none.
        code: String,
        /// What the server says, as a sentence.
        message: String,
        /// After how many seconds it wants to be asked again; 0 where it does not say.
        retry_after: u32,
    },
    /// The answer is not what this version of the console understands.
    #[error("The server's answer can't be read: {0}")]
    Unreadable(String),
}

impl ApiError {
    /// After how many seconds the server wants to be asked again.
    pub(crate) fn retry_after(&self) -> u32 {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => 0,
        }
    }

    /// Whether the server says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}
