//! How requests travel: by what the host has.

use std::sync::Arc;

use super::Conversation;

/// A header of a request or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A request to the server.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Headers, the token among them.
    pub headers: Vec<Header>,
    /// The body, often empty. That of a file is no text.
    pub body: Vec<u8>,
    /// How long the whole may take.
    pub timeout_ms: u64,
}

/// Shows no tokens and no data.
impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} ({} bytes)",
            self.method,
            self.url,
            self.body.len()
        )
    }
}

/// Carries requests: URLSession, OkHttp, fetch, or [`UreqTransport`](crate::UreqTransport).
///
/// It follows no redirects, and sends no cookies. Every header goes as it is: a part of a file is asked for by `Range`.
pub trait Transport: Send + Sync {
    /// Sends a request, and hands the answer to the conversation as it comes: first [`Conversation::answer_head`], whatever the
    /// status is, and then [`Conversation::answer_chunk`] for each piece of the body, decompressed. Returns when the body is
    /// complete. If one of the two answers `false`, nobody wants the rest: it returns at once.
    ///
    /// # Errors
    /// No answer came, or it broke off.
    fn send(
        &self,
        request: HttpRequest,
        conversation: Arc<Conversation>,
    ) -> Result<(), TransportError>;

    /// Whether pieces of a body are handed over as they come, and a request may take minutes: then [`crate::Database::follow`] reads
    /// event streams, each of which is a `send` on a thread of its own. Look at [`Conversation::is_cancelled`] at least once a second
    /// while nothing comes. Without streams, syncs wait for news.
    fn can_stream(&self) -> bool {
        false
    }
}

/// No answer came, or it broke off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer: {reason}")]
pub struct TransportError {
    /// Why.
    pub reason: String,
}
