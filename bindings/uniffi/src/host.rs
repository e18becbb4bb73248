//! What the app's language brings: the network, and who is told of something.

use std::sync::Arc;

use sync_client::{Header, HttpRequest, Progress};

use crate::types::RhoSyncError;

/// What the app's own code has failed with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum HostError {
    /// It did.
    #[error("{reason}")]
    Failed {
        /// Why.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for HostError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed {
            reason: error.reason,
        }
    }
}

/// Carries requests: by URLSession, OkHttp, or what else the language has. It follows no redirects, and sends no cookies. Of an answer's
/// headers `Retry-After`, `ETag` and `Content-Range` are read.
#[uniffi::export(with_foreign)]
pub trait Transport: Send + Sync {
    /// Sends a request, and hands the answer to the conversation as it comes: first `answer_head`, whatever the status is, and then
    /// `answer_chunk` for each piece of the body, decompressed. Returns when the body is complete. If one of the two answers `false`,
    /// nobody wants the rest: it returns at once. Fails if no answer came, or it broke off.
    ///
    /// # Errors
    /// No answer came, or it broke off.
    fn send(&self, request: HttpRequest, conversation: Arc<Conversation>) -> Result<(), HostError>;
}

/// Is told when something may be to be seen that was not before.
#[uniffi::export(with_foreign)]
pub trait ChangeListener: Send + Sync {
    /// These sources have changed. It is called after each transaction, on the thread that made it: return soon, and ask the database
    /// again.
    ///
    /// # Errors
    /// Its own, which are its own affair.
    fn changed(&self, sources: Vec<String>) -> Result<(), HostError>;
}

/// Hears how far a sync is.
#[uniffi::export(with_foreign)]
pub trait ProgressListener: Send + Sync {
    /// Something came.
    ///
    /// # Errors
    /// Its own, which are its own affair.
    fn progressed(&self, progress: Progress) -> Result<(), HostError>;
}

/// What takes the answer to a request.
#[derive(uniffi::Object)]
pub struct Conversation(Arc<sync_client::Conversation>);

#[uniffi::export]
impl Conversation {
    /// Takes the head of an answer. `false` says that nobody wants the rest.
    pub fn answer_head(&self, status: u16, headers: Vec<Header>) -> bool {
        self.0.answer_head(status, headers)
    }

    /// Takes a piece of an answer's body. What it says is kept before this returns. `false` says that nobody wants the rest.
    pub fn answer_chunk(&self, bytes: Vec<u8>) -> bool {
        self.0.answer_chunk(bytes)
    }

    /// Whether somebody has called `cancel` since it began.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// A transport of the app's, as the library calls it.
pub(crate) struct Carrier(pub(crate) Arc<dyn Transport>);

impl sync_client::Transport for Carrier {
    fn send(
        &self,
        request: HttpRequest,
        conversation: Arc<sync_client::Conversation>,
    ) -> Result<(), sync_client::TransportError> {
        let conversation = Arc::new(Conversation(conversation));
        self.0
            .send(request, conversation)
            .map_err(|HostError::Failed { reason }| sync_client::TransportError { reason })
    }
}

/// A listener of the app's, as the library calls it. One that fails has failed at its own work: the database's goes on.
pub(crate) struct Teller<T: ?Sized>(pub(crate) Arc<T>);

impl sync_client::ChangeListener for Teller<dyn ChangeListener> {
    fn changed(&self, sources: Vec<String>) {
        let _ = self.0.changed(sources);
    }
}

impl sync_client::ProgressListener for Teller<dyn ProgressListener> {
    fn progressed(&self, progress: Progress) {
        let _ = self.0.progressed(progress);
    }
}

/// What the app's call comes to.
pub(crate) type Result<T, E = RhoSyncError> = std::result::Result<T, E>;
