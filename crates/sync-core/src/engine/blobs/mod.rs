//! Files of devices: taken in, handed out, and collected when nobody refers to them.

mod attach;
mod collect;

use std::rc::Rc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use futures_util::try_join;

use crate::account::Session;
use crate::blob::{Blob, BlobError, Upload, Uploader, discard};
use crate::engine::{Engine, SyncError};
use crate::model::{BlobId, DocumentId, UserId, blob_at};
use crate::ports::Ports;
use crate::store::{BlobRecord, Blobs};

pub use collect::CollectedBlobs;

/// How long a blob is kept that nobody refers to, in milliseconds. Much longer than anything takes that is about to.
const GRACE_MS: u64 = 86_400_000;

/// Requests collect by the way, but not more often than this, in milliseconds.
const COLLECT_EVERY_MS: u64 = 60_000;

/// Files that came with a push.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files<'a> {
    /// The files.
    pub uploads: &'a [Upload],
    /// The server's address as the device knows it.
    pub base_url: &'a str,
}

/// Who wants to read a blob.
#[derive(Debug, Clone, Copy)]
pub enum BlobReader<'a> {
    /// A user, who may read what the own objects refer to.
    User(&'a Session),
    /// The administrator, who may read everything.
    Administrator,
}

/// Opens blobs by the addresses that stand in objects.
#[async_trait(?Send)]
pub trait BlobOpener {
    /// Opens the blob at an address; `None` for an address that is none of this server's blobs.
    ///
    /// # Errors
    /// The store's.
    async fn open_blob_at(&self, address: &str) -> Result<Option<Blob>, BlobError>;
}

impl<P: Ports> Engine<P> {
    /// Takes in the files of a request, for a session that is good.
    ///
    /// # Errors
    /// [`SyncError::NotAuthenticated`], and the store's.
    pub async fn uploader(&self, session: &Session) -> Result<Uploader<P>, SyncError> {
        self.check_session(session).await?;
        let settings = &self.settings.blobs;
        Ok(Uploader::new(
            Rc::clone(&self.ports),
            session.user.clone(),
            settings.max_bytes,
            settings.quota_bytes,
        ))
    }

    /// Removes the uploads of a request that is over, but for those that have become blobs; then collects, if it is time.
    pub async fn end_uploads(&self, session: &Session, uploads: &[Upload]) {
        discard(self.ports.as_ref(), &session.user, uploads).await;
        self.collect_blobs_by_the_way().await;
    }

    /// Collects blobs and contents, if it is time. What cannot be collected now is another time.
    pub(super) async fn collect_blobs_by_the_way(&self) {
        let collected = async {
            if self.blobs().take_turn(COLLECT_EVERY_MS).await? {
                self.collect_blobs().await?;
            }
            Ok::<(), SyncError>(())
        };
        if let Err(error) = collected.await {
            tracing::warn!(%error, "blobs could not be collected");
        }
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// [`SyncError::UnknownBlob`] for a blob that is not there or that the reader may not read,
    /// [`SyncError::NotAuthenticated`], and the store's.
    pub async fn open_blob(
        &self,
        reader: BlobReader<'_>,
        blob: &BlobId,
    ) -> Result<Blob, SyncError> {
        let store = self.blobs();
        let record = match reader {
            BlobReader::Administrator => store.get(blob).await?,
            BlobReader::User(session) => {
                let sources = self.sources(None).await?;
                let documents: Vec<DocumentId> = sources
                    .iter()
                    .map(|source| {
                        source
                            .settings
                            .partition
                            .document(&source.name, &session.user)
                    })
                    .collect();
                let found = async { Ok(store.get_held(blob, &documents).await?) };
                let ((), found) = try_join!(self.check_session(session), found)?;
                match found {
                    None => None,
                    Some((record, held)) => {
                        let documents: Vec<_> = held.iter().map(|id| self.document(id)).collect();
                        let asked = documents.iter().map(|document| document.refers_to(blob));
                        let refers = try_join_all(asked).await?;
                        refers.contains(&true).then_some(record)
                    }
                }
            }
        };
        match record {
            Some(record) => Ok(self.opened(blob, record)?),
            None => Err(SyncError::UnknownBlob),
        }
    }

    fn opened(&self, blob: &BlobId, record: BlobRecord) -> Result<Blob, BlobError> {
        let BlobRecord {
            size,
            content_type,
            place,
        } = record;
        let (store, key) = self.contents.at(&place)?;
        Ok(Blob {
            id: blob.clone(),
            size,
            content_type,
            store: Rc::clone(store),
            key: key.to_owned(),
        })
    }

    fn blobs(&self) -> Blobs<'_, P::Redis> {
        Blobs::new(self.ports.redis())
    }

    /// Bytes of blobs charged to a user.
    ///
    /// # Errors
    /// A name that cannot be one, and the store's.
    pub async fn blob_bytes(&self, user: &str) -> Result<u64, SyncError> {
        let user = UserId::parse(user)?;
        Ok(self.blobs().charged(&user).await?)
    }
}

#[async_trait(?Send)]
impl<P: Ports> BlobOpener for Engine<P> {
    async fn open_blob_at(&self, address: &str) -> Result<Option<Blob>, BlobError> {
        let Some(blob) = blob_at(address) else {
            return Ok(None);
        };
        let record = self.blobs().get(&blob).await?;
        record.map(|record| self.opened(&blob, record)).transpose()
    }
}
