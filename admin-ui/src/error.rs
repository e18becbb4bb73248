//! What can go wrong between the console and the server.

/// Why there is no answer to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// The server can't be reached, or takes too long.
    #[error("The server does not answer.")]
    Unreachable,
    /// The server answered with an error.
    #[error("The server answered with status {0}.")]
    Status(u16),
    /// The answer is not what this version of the console understands.
    #[error("The server's answer can't be read: {0}")]
    Unreadable(String),
}
