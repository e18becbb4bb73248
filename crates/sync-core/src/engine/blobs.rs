//! Whoever may see an object may read its files.

use futures_util::future::try_join_all;
use futures_util::try_join;

use crate::account::Session;
use crate::blob::Blob;
use crate::engine::{Engine, SyncError};
use crate::model::{BlobId, DocumentId, UserId};
use crate::ports::Ports;

/// Who wants to read a blob.
#[derive(Debug, Clone, Copy)]
pub enum BlobReader<'a> {
    /// A user, who may read what the own objects refer to.
    User(&'a Session),
    /// The administrator, who may read everything.
    Administrator,
}

impl<P: Ports> Engine<P> {
    /// Opens a blob.
    ///
    /// # Errors
    /// [`BlobError::Unknown`](crate::BlobError::Unknown) for a blob that is not there or that the reader may not read, a session that is not good,
    /// and the store's.
    pub async fn open_blob(
        &self,
        reader: BlobReader<'_>,
        blob: &BlobId,
    ) -> Result<Blob, SyncError> {
        let BlobReader::User(session) = reader else {
            return Ok(self.blobs.open(blob).await?);
        };
        let documents = self.documents_of(&session.user).await?;
        let checked = async { Ok::<_, SyncError>(self.accounts.check_session(session).await?) };
        let opened = async { Ok(self.blobs.open_of(&documents, blob).await) };
        // Who is not let in is told so, whatever there is.
        let ((), opened) = try_join!(checked, opened)?;
        Ok(opened?)
    }
    /// The user's copies of all sources.
    pub(super) async fn documents_of(&self, user: &UserId) -> Result<Vec<DocumentId>, SyncError> {
        let sources = self.sources(None).await?;
        let documents = sources
            .iter()
            .map(|source| self.copy_of(&source.name, &source.settings, user));
        try_join_all(documents).await
    }
}
