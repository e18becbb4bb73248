//! Spools the files of a request to the store, in pieces, while they arrive.

use std::rc::Rc;

use crate::blob::BlobError;
use crate::blob::spool::Spool;
use crate::model::{BlobId, Millis, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{BlobStore, Place, Reserved};

/// Most files of one request.
const MAX_FILES: usize = 100;

/// A file that has arrived, but is nobody's yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The name of its part, `<attribute>-<object id>`.
    pub part: String,
    /// Its own name.
    pub file_name: String,
    /// Its media type.
    pub content_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its digest.
    pub blob: BlobId,
    /// The key it was spooled under.
    pub(crate) key: String,
    /// When it may be gone.
    pub(crate) expires: Millis,
}

/// Takes the files of one request in.
pub struct Uploader<P> {
    ports: Rc<P>,
    user: UserId,
    max_file_bytes: u64,
    max_bytes: u64,
    current: Option<Arriving>,
    done: Vec<Upload>,
}

/// The file that is arriving.
struct Arriving {
    part: String,
    file_name: String,
    content_type: String,
    spool: Spool,
}

impl<P: Ports> Uploader<P> {
    pub(crate) fn new(ports: Rc<P>, user: UserId, max_file_bytes: u64, max_bytes: u64) -> Self {
        Self {
            ports,
            user,
            max_file_bytes,
            max_bytes,
            current: None,
            done: Vec::new(),
        }
    }

    /// Begins a file.
    ///
    /// # Errors
    /// [`BlobError::TooManyFiles`], and the store's.
    pub async fn begin(
        &mut self,
        part: String,
        file_name: String,
        content_type: String,
    ) -> Result<(), BlobError> {
        if self.done.len() >= MAX_FILES {
            return Err(BlobError::TooManyFiles { most: MAX_FILES });
        }
        self.current = Some(Arriving {
            part,
            file_name,
            content_type,
            spool: Spool::begin(self.ports.as_ref()).await?,
        });
        Ok(())
    }

    /// Takes more of the file that was begun.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::QuotaExceeded`] for a request that no quota could hold,
    /// [`BlobError::TooManyUploads`], [`BlobError::UploadExpired`], and the store's.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        let before: u64 = self.done.iter().map(|upload| upload.size).sum();
        let Self {
            ports,
            user,
            current,
            ..
        } = self;
        let Some(Arriving { spool, .. }) = current else {
            return Ok(());
        };
        let size = spool.size() + bytes.len() as u64;
        if size > self.max_file_bytes {
            return Err(BlobError::TooLarge {
                max_bytes: self.max_file_bytes,
            });
        }
        if before + size > self.max_bytes {
            return Err(BlobError::QuotaExceeded {
                quota_bytes: self.max_bytes,
            });
        }
        while spool.fill(&mut bytes) {
            flush(spool, ports.as_ref(), user, self.max_bytes).await?;
        }
        Ok(())
    }

    /// Ends the file that was begun.
    ///
    /// # Errors
    /// As [`Uploader::write`].
    pub async fn end(&mut self) -> Result<(), BlobError> {
        // It stays the current one until it is all there: a discard has to find it.
        if let Some(Arriving { spool, .. }) = &mut self.current {
            flush(spool, self.ports.as_ref(), &self.user, self.max_bytes).await?;
        }
        if let Some(arrived) = self.current.take() {
            self.done.push(arrived.into_upload());
        }
        Ok(())
    }

    /// The files that have arrived.
    pub fn finish(self) -> Vec<Upload> {
        self.done
    }

    /// Removes what has arrived: there will be no more. What cannot be removed now the collector removes.
    pub async fn discard(self) {
        let Self {
            ports,
            user,
            current,
            mut done,
            ..
        } = self;
        done.extend(current.map(Arriving::into_upload));
        discard(ports.as_ref(), &user, &done).await;
    }
}

/// Removes the contents of uploads, but for those that have become blobs.
pub(crate) async fn discard<P: Ports>(ports: &P, user: &UserId, uploads: &[Upload]) {
    let store = BlobStore::new(ports.redis());
    let keys = uploads.iter().map(|upload| upload.key.as_str());
    if let Err(error) = store.release(user, keys).await {
        tracing::warn!(user.id = %user, %error, "uploads that have ended count for another hour");
    }
    for upload in uploads {
        let removed = async {
            let place = Place::Redis(upload.key.clone());
            if store.is_planned(&place).await? {
                store.delete_content(&upload.key).await?;
                store.removed(&place).await?;
            }
            Ok::<(), crate::store::StoreError>(())
        };
        if let Err(error) = removed.await {
            tracing::warn!(user.id = %user, %error, "an upload is left to the collector");
        }
    }
}

/// Counts what has arrived for the user, and brings it to the store.
async fn flush<P: Ports>(
    spool: &mut Spool,
    ports: &P,
    user: &UserId,
    most_bytes: u64,
) -> Result<(), BlobError> {
    if spool.is_flushed() {
        return Ok(());
    }
    spool.stay_alive(ports).await?;
    let reserved = Reserved {
        key: spool.key(),
        bytes: spool.size(),
        expires: spool.expires(),
        in_parts: None,
    };
    BlobStore::new(ports.redis())
        .reserve(user, &reserved, ports.clock().now(), most_bytes)
        .await?
        .ok_or(BlobError::TooManyUploads)?;
    spool.flush(ports).await?;
    Ok(())
}

impl Arriving {
    fn into_upload(self) -> Upload {
        let Self {
            part,
            file_name,
            content_type,
            spool,
        } = self;
        let expires = spool.expires();
        let (key, size, blob) = spool.finish();
        Upload {
            part,
            file_name,
            content_type,
            size,
            blob,
            key,
            expires,
        }
    }
}
