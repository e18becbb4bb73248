//! Files of a request, spooled to the store in pieces while they arrive.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::engine::SyncError;
use crate::ids::{BlobId, Millis, UserId};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{Blobs, PIECE_BYTES, Place};

/// How long a content nobody has taken over is left alone, in milliseconds. An upload that goes on says so in between.
pub(crate) const UPLOAD_LIFETIME_MS: u64 = 3_600_000;

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
    current: Option<Spool>,
    done: Vec<Upload>,
}

/// The file that is arriving.
struct Spool {
    part: String,
    file_name: String,
    content_type: String,
    key: String,
    expires: Millis,
    digest: Sha256,
    piece: Vec<u8>,
    pieces: u64,
    size: u64,
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
    /// [`SyncError::TooManyFiles`], and the store's.
    pub async fn begin(
        &mut self,
        part: String,
        file_name: String,
        content_type: String,
    ) -> Result<(), SyncError> {
        if self.done.len() >= MAX_FILES {
            return Err(SyncError::TooManyFiles { most: MAX_FILES });
        }
        let key = self.ports.random().hex::<16>();
        let expires = self.ports.clock().now().plus(UPLOAD_LIFETIME_MS);
        // Known to the collector before there is anything to collect.
        Blobs::new(self.ports.redis())
            .plan_removal(&Place::Redis(key.clone()), expires)
            .await?;
        self.current = Some(Spool {
            part,
            file_name,
            content_type,
            key,
            expires,
            digest: Sha256::new(),
            piece: Vec::new(),
            pieces: 0,
            size: 0,
        });
        Ok(())
    }

    /// Takes more of the file that was begun.
    ///
    /// # Errors
    /// [`SyncError::BlobTooLarge`], [`SyncError::QuotaExceeded`] for a request that no quota could hold,
    /// [`SyncError::TooManyUploads`], [`SyncError::UploadExpired`], and the store's.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), SyncError> {
        let before: u64 = self.done.iter().map(|upload| upload.size).sum();
        let Self {
            ports,
            user,
            current,
            ..
        } = self;
        let Some(spool) = current else {
            return Ok(());
        };
        spool.size += bytes.len() as u64;
        if spool.size > self.max_file_bytes {
            return Err(SyncError::BlobTooLarge {
                max_bytes: self.max_file_bytes,
            });
        }
        if before + spool.size > self.max_bytes {
            return Err(SyncError::QuotaExceeded {
                quota_bytes: self.max_bytes,
            });
        }
        spool.digest.update(bytes);
        while !bytes.is_empty() {
            if spool.piece.is_empty() {
                // One allocation of the size it will have: pieces that grow leave holes in a small memory.
                spool.piece.reserve_exact(PIECE_BYTES);
            }
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - spool.piece.len()));
            spool.piece.extend_from_slice(now);
            bytes = later;
            if spool.piece.len() == PIECE_BYTES {
                spool.flush(ports.as_ref(), user, self.max_bytes).await?;
            }
        }
        Ok(())
    }

    /// Ends the file that was begun.
    ///
    /// # Errors
    /// As [`Uploader::write`].
    pub async fn end(&mut self) -> Result<(), SyncError> {
        // It stays the current one until it is all there: a discard has to find it.
        if let Some(spool) = &mut self.current {
            spool
                .flush(self.ports.as_ref(), &self.user, self.max_bytes)
                .await?;
        }
        if let Some(spool) = self.current.take() {
            self.done.push(spool.into_upload());
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
        done.extend(current.map(Spool::into_upload));
        discard(ports.as_ref(), &user, &done).await;
    }
}

/// Removes the contents of uploads, but for those that have become blobs.
pub(crate) async fn discard<P: Ports>(ports: &P, user: &UserId, uploads: &[Upload]) {
    let store = Blobs::new(ports.redis());
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

impl Spool {
    async fn flush<P: Ports>(
        &mut self,
        ports: &P,
        user: &UserId,
        most_bytes: u64,
    ) -> Result<(), SyncError> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let now = ports.clock().now();
        // The collector may be at it already.
        if now >= self.expires {
            return Err(SyncError::UploadExpired);
        }
        let store = Blobs::new(ports.redis());
        if now.plus(UPLOAD_LIFETIME_MS / 2) >= self.expires {
            self.expires = now.plus(UPLOAD_LIFETIME_MS);
            let place = Place::Redis(self.key.clone());
            store.plan_removal(&place, self.expires).await?;
        }
        let so_far = self.pieces * PIECE_BYTES as u64 + self.piece.len() as u64;
        let has_room = store
            .reserve(user, &self.key, so_far, now, self.expires, most_bytes)
            .await?;
        if !has_room {
            return Err(SyncError::TooManyUploads);
        }
        let piece = std::mem::take(&mut self.piece);
        store.write_piece(&self.key, self.pieces, piece).await?;
        self.pieces += 1;
        Ok(())
    }

    fn into_upload(self) -> Upload {
        Upload {
            part: self.part,
            file_name: self.file_name,
            content_type: self.content_type,
            size: self.size,
            blob: BlobId::of(&self.digest.finalize().into()),
            key: self.key,
            expires: self.expires,
        }
    }
}
