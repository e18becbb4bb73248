//! A content that comes in parts, in as many requests as it takes: the device says before what it will be.
//!
//! What has come is a number of whole pieces, and the state of their digest beside them. Requests may come twice, late, or at the
//! same time: each piece is added on condition that those before it are the same, so that what is digested is what is kept.

use sha2::digest::common::hazmat::SerializableState as _;
use sha2::{Digest as _, Sha256};

use crate::blob::{BlobError, Blobs, GRACE_MS, Upload};
use crate::model::{BlobId, Millis, UserId};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{NewBlob, PIECE_BYTES, Place, Reserved, Settlement, StoreError};

/// How long what has come of a content is kept, in milliseconds, after its last piece: a device may be without a network for a while.
const PARTS_LIFETIME_MS: u64 = 86_400_000;

/// What a user brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobPart {
    /// The digest of the whole content.
    pub blob: BlobId,
    /// Bytes of the whole content.
    pub bytes: u64,
    /// The place of the part's first byte in it.
    pub first: u64,
    /// The media type.
    pub content_type: String,
}

/// How much of a content has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobProgress {
    /// Bytes that have come, from the first on. If it is all of them, the blob is there.
    pub received: u64,
    /// Bytes of the whole.
    pub bytes: u64,
}

impl BlobProgress {
    /// Whether the blob is there.
    pub fn is_complete(self) -> bool {
        self.received == self.bytes
    }
}

/// A part that arrives.
pub struct PartUpload<'a, P> {
    blobs: &'a Blobs<P>,
    user: UserId,
    part: BlobPart,
    state: State,
    /// What has come of the next piece.
    piece: Vec<u8>,
}

/// How far the content is.
enum State {
    /// The blob is there.
    Complete,
    /// It grows.
    Growing(Growing),
}

struct Growing {
    key: String,
    expires: Millis,
    pieces: u64,
    digest: Sha256,
    /// Whether the part goes on where the content ends.
    takes: bool,
}

impl<P: Ports> Blobs<P> {
    /// Takes in a part of a content that a user brings.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::QuotaExceeded`] for what no quota could hold, [`BlobError::TooManyUploads`], and the
    /// store's.
    pub(crate) async fn begin_part(
        &self,
        user: &UserId,
        part: BlobPart,
    ) -> Result<PartUpload<'_, P>, BlobError> {
        let (max_bytes, quota_bytes) = (self.settings.max_bytes, self.settings.quota_bytes);
        if part.bytes > max_bytes {
            return Err(BlobError::TooLarge { max_bytes });
        }
        if part.bytes > quota_bytes {
            return Err(BlobError::QuotaExceeded { quota_bytes });
        }
        let state = match self.is_put(user, &part).await? {
            true => State::Complete,
            false => State::Growing(self.grown(user, &part).await?),
        };
        Ok(PartUpload {
            blobs: self,
            user: user.clone(),
            part,
            state,
            piece: Vec::new(),
        })
    }

    /// Whether the user has put the blob there before. If so, it stays for as long as if it had come now.
    async fn is_put(&self, user: &UserId, part: &BlobPart) -> Result<bool, BlobError> {
        let store = self.store();
        let BlobPart {
            blob,
            bytes,
            content_type,
            ..
        } = part;
        if store.put_by(blob, user).await? != Some(*bytes) {
            return Ok(false);
        }
        let known = NewBlob {
            blob,
            size: *bytes,
            content_type,
            place: None,
        };
        let now = self.ports.clock().now();
        let (quota, look_at) = (self.settings.quota_bytes, now.plus(GRACE_MS));
        let settled = store.settle(user, quota, now, look_at, &[known]).await?;
        Ok(settled == Settlement::Done)
    }

    /// What has come of a content.
    async fn grown(&self, user: &UserId, part: &BlobPart) -> Result<Growing, BlobError> {
        let candidate = self.ports.random().hex::<16>();
        let (key, expires) = self.reserve_part(user, part, &candidate).await?;
        let (pieces, digest) = match self.store().pieces(&key).await? {
            None => (0, Sha256::new()),
            Some((pieces, state)) => {
                let state = state.as_slice().try_into().ok();
                let digest = state.and_then(|state| Sha256::deserialize(state).ok());
                let digest = digest.ok_or_else(|| StoreError::Damaged {
                    what: "the digest of an upload in parts",
                    reason: key.clone(),
                })?;
                (pieces, digest)
            }
        };
        let mut growing = Growing {
            key,
            expires,
            pieces,
            digest,
            takes: false,
        };
        growing.takes = growing.received(part) == part.first && part.first < part.bytes;
        Ok(growing)
    }

    /// Counts a content that comes in parts, and keeps the collector from it for a while.
    async fn reserve_part(
        &self,
        user: &UserId,
        part: &BlobPart,
        key: &str,
    ) -> Result<(String, Millis), BlobError> {
        let now = self.ports.clock().now();
        let expires = now.plus(PARTS_LIFETIME_MS);
        let reserved = Reserved {
            key,
            bytes: part.bytes,
            expires,
            in_parts: Some(&part.blob),
        };
        let most_bytes = self.settings.quota_bytes;
        let store = self.store();
        let key = store.reserve(user, &reserved, now, most_bytes).await?;
        Ok((key.ok_or(BlobError::TooManyUploads)?, expires))
    }

    /// Lets a content go that came in parts, unless it has become a blob's. Its removal stays planned: somebody may be about to add a
    /// piece.
    async fn let_go_of_parts(&self, user: &UserId, key: &str) -> Result<(), BlobError> {
        let store = self.store();
        store.release(user, [key]).await?;
        let place = Place::Redis(key.to_owned());
        if store.is_planned(&place).await? {
            store.delete_content(key).await?;
            let now = self.ports.clock().now();
            store.plan_removal(&place, now).await?;
        }
        Ok(())
    }
}

impl Growing {
    /// Bytes that are in the store.
    fn received(&self, part: &BlobPart) -> u64 {
        let whole = self.pieces.saturating_mul(PIECE_BYTES as u64);
        whole.min(part.bytes)
    }
}

impl<P: Ports> PartUpload<'_, P> {
    /// Whether what comes is taken in. Anything else has come before, or follows what has not.
    pub fn takes(&self) -> bool {
        matches!(&self.state, State::Growing(growing) if growing.takes)
    }

    /// Takes some of the part. What is beyond the content's end is passed over.
    ///
    /// # Errors
    /// [`BlobError::TooManyUploads`], and the store's.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        while self.takes() && !bytes.is_empty() {
            let State::Growing(growing) = &self.state else {
                return Ok(());
            };
            let left = self.part.bytes - growing.received(&self.part);
            let wanted = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            if self.piece.is_empty() {
                self.piece.reserve_exact(wanted);
            }
            let (now, later) = bytes.split_at(bytes.len().min(wanted - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == wanted {
                self.keep_piece().await?;
            }
        }
        Ok(())
    }

    async fn keep_piece(&mut self) -> Result<(), BlobError> {
        let State::Growing(growing) = &mut self.state else {
            return Ok(());
        };
        let piece = std::mem::take(&mut self.piece);
        let (blobs, part) = (self.blobs, &self.part);
        // The device may have taken its time.
        let (key, expires) = blobs.reserve_part(&self.user, part, &growing.key).await?;
        if key != growing.key {
            growing.takes = false;
            return Ok(());
        }
        growing.expires = expires;
        growing.digest.update(&piece);
        let state = growing.digest.serialize().to_vec();
        let added = blobs
            .store()
            .add_piece(&key, growing.pieces, piece, state)
            .await?;
        if added {
            growing.pieces += 1;
            growing.takes = growing.received(part) < part.bytes;
        } else {
            // Somebody else brings the same: where that is, the device is told.
            *growing = blobs.grown(&self.user, part).await?;
            growing.takes = false;
        }
        Ok(())
    }

    /// Ends the part. What has not become a piece of it is to be sent again. If all of the content is there, it becomes a blob.
    ///
    /// # Errors
    /// [`BlobError::OtherContent`], [`BlobError::QuotaExceeded`], and the store's.
    pub async fn end(self) -> Result<BlobProgress, BlobError> {
        let Self {
            blobs,
            user,
            part,
            state,
            ..
        } = self;
        let bytes = part.bytes;
        let growing = match state {
            State::Complete => {
                let received = bytes;
                return Ok(BlobProgress { received, bytes });
            }
            State::Growing(growing) => growing,
        };
        let received = growing.received(&part);
        let progress = BlobProgress { received, bytes };
        if !progress.is_complete() {
            return Ok(progress);
        }
        let Growing {
            key,
            expires,
            digest,
            ..
        } = growing;
        let blob = BlobId::of(&digest.finalize().into());
        let is_other = blob != part.blob;
        let upload = Upload {
            part: String::new(),
            file_name: String::new(),
            content_type: part.content_type,
            size: bytes,
            blob,
            key: key.clone(),
            expires,
        };
        let settled = match is_other {
            true => Err(BlobError::OtherContent),
            false => blobs.settle(&user, std::slice::from_ref(&upload)).await,
        };
        // What may succeed another time goes on from here.
        if settled
            .as_ref()
            .err()
            .is_none_or(|error| !error.is_retryable())
        {
            blobs.let_go_of_parts(&user, &key).await?;
        }
        settled.map(|()| progress)
    }
}
