//! Blobs: files of any size that objects refer to by an address.
//!
//! A blob is known by the SHA-256 of its content: the same content twice is kept once. What is known of it (who refers
//! to it, whom it is charged to) is in `store/blobs`; its content is in a [`content::ContentStore`].

mod attach;
mod collect;
pub(crate) mod content;
mod error;
mod parts;
mod s3;
mod spool;
mod upload;

use std::rc::Rc;

use async_trait::async_trait;
use futures_util::future::try_join_all;

use crate::memory::Memory;
use crate::model::{BlobId, DocumentId, Millis, UserId, blob_at};
use crate::ports::Ports;
use crate::settings::BlobSettings;
use crate::store::{BlobRecord, BlobStore, Document, Place};

pub use attach::Files;
pub use collect::CollectedBlobs;
use content::Contents;
pub use content::{Blob, ContentError};
pub use error::BlobError;
pub use parts::{BlobPart, BlobProgress, PartUpload};
pub(crate) use spool::{Spool, UPLOAD_LIFETIME_MS};
use upload::discard;
pub use upload::{Upload, Uploader};

/// How long a blob is kept that nobody refers to, in milliseconds. Much longer than anything takes that is about to.
const GRACE_MS: u64 = 86_400_000;

/// Opens blobs by the addresses that stand in objects.
#[async_trait(?Send)]
pub trait BlobOpener {
    /// Opens the blob at an address; `None` for an address that is none of this server's blobs.
    ///
    /// # Errors
    /// The store's.
    async fn open_blob_at(&self, address: &str) -> Result<Option<Blob>, ContentError>;
}

/// The files of this server: taken in, handed out, and collected when nobody refers to them.
pub struct Blobs<P> {
    ports: Rc<P>,
    settings: BlobSettings,
    contents: Contents,
}

impl<P: Ports> Blobs<P> {
    /// The blobs of this store.
    pub fn new(ports: &Rc<P>, settings: BlobSettings, memory: &Memory) -> Self {
        Self {
            ports: Rc::clone(ports),
            contents: Contents::new(ports, settings.s3.clone(), memory),
            settings,
        }
    }

    /// Takes in the files of one request of a user.
    pub fn uploader(&self, user: &UserId) -> Uploader<P> {
        let settings = &self.settings;
        Uploader::new(
            Rc::clone(&self.ports),
            user.clone(),
            settings.max_bytes,
            settings.quota_bytes,
        )
    }

    /// Removes the uploads of a user's request that is over, but for those that have become blobs.
    pub async fn end_uploads(&self, user: &UserId, uploads: &[Upload]) {
        discard(self.ports.as_ref(), user, uploads).await;
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] for a blob that is not there, and the store's.
    pub async fn open(&self, blob: &BlobId) -> Result<Blob, BlobError> {
        let record = self.store().get(blob).await?.ok_or(BlobError::Unknown)?;
        Ok(self.opened(blob, record)?)
    }

    /// Whether a user has put a blob there.
    pub(crate) async fn is_put_by(&self, user: &UserId, blob: &BlobId) -> Result<bool, BlobError> {
        Ok(self.store().put_by(blob, user).await?.is_some())
    }

    /// Whether there is such a blob.
    pub(crate) async fn is_there(&self, blob: &BlobId) -> Result<bool, BlobError> {
        Ok(self.store().get(blob).await?.is_some())
    }

    /// Opens a blob that an object of one of these documents refers to.
    pub(crate) async fn open_of(
        &self,
        documents: &[DocumentId],
        blob: &BlobId,
    ) -> Result<Blob, BlobError> {
        let found = self.store().get_held(blob, documents).await?;
        let (record, held) = found.ok_or(BlobError::Unknown)?;
        let redis = self.ports.redis();
        let documents: Vec<_> = held.iter().map(|id| Document::new(redis, id)).collect();
        let asked = documents.iter().map(|document| document.refers_to(blob));
        if try_join_all(asked).await?.contains(&true) {
            Ok(self.opened(blob, record)?)
        } else {
            Err(BlobError::Unknown)
        }
    }

    /// Opens a content by its place, as a blob without a type.
    pub(crate) fn open_place(
        &self,
        place: &Place,
        id: BlobId,
        size: u64,
    ) -> Result<Blob, ContentError> {
        let (store, key) = self.contents.at(place)?;
        Ok(Blob {
            id,
            size,
            content_type: String::new(),
            store: Rc::clone(store),
            key: key.to_owned(),
        })
    }

    /// Keeps a content that was spooled, until a time. Says where it is, and the digest of what it is.
    pub(crate) async fn keep_until(
        &self,
        spool: Spool,
        until: Millis,
    ) -> Result<(Place, BlobId), BlobError> {
        let (key, size, digest) = spool.finish();
        let place = self.contents.place_for(&key);
        let (contents, key) = self.contents.at(&place)?;
        // The collector removes contents at their time, this one too.
        self.store().plan_removal(&place, until).await?;
        contents.keep(key, size).await?;
        Ok((place, digest))
    }

    /// Lets a content that was kept until a time go at another.
    pub(crate) async fn keep_no_longer_than(
        &self,
        place: &Place,
        until: Millis,
    ) -> Result<(), BlobError> {
        Ok(self.store().plan_removal(place, until).await?)
    }

    /// Bytes of blobs charged to a user.
    ///
    /// # Errors
    /// A name that cannot be one, and the store's.
    pub async fn bytes_of(&self, user: &str) -> Result<u64, BlobError> {
        let user = UserId::parse(user)?;
        Ok(self.store().charged(&user).await?)
    }

    fn opened(&self, blob: &BlobId, record: BlobRecord) -> Result<Blob, ContentError> {
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

    fn store(&self) -> BlobStore<'_, P::Redis> {
        BlobStore::new(self.ports.redis())
    }
}

#[async_trait(?Send)]
impl<P: Ports> BlobOpener for Blobs<P> {
    async fn open_blob_at(&self, address: &str) -> Result<Option<Blob>, ContentError> {
        let Some(blob) = blob_at(address) else {
            return Ok(None);
        };
        let record = self.store().get(&blob).await?;
        record.map(|record| self.opened(&blob, record)).transpose()
    }
}
