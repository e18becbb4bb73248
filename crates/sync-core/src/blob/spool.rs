//! A content on its way into the store, piece by piece.

use sha2::{Digest as _, Sha256};

use crate::blob::BlobError;
use crate::model::{BlobId, Millis};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{BlobStore, PIECE_BYTES, Place, StoreError};

/// How long a content nobody has taken over is left alone, in milliseconds. One that is still coming says so in between.
pub(crate) const UPLOAD_LIFETIME_MS: u64 = 3_600_000;

/// A content that is coming. Until somebody takes it over, the collector removes it at its time.
pub(crate) struct Spool {
    key: String,
    expires: Millis,
    digest: Sha256,
    piece: Vec<u8>,
    pieces: u64,
    size: u64,
}

impl Spool {
    /// Begins a content, under a key of its own.
    pub(crate) async fn begin<P: Ports>(ports: &P) -> Result<Self, StoreError> {
        let key = ports.random().hex::<16>();
        let expires = ports.clock().now().plus(UPLOAD_LIFETIME_MS);
        // Known to the collector before there is anything to collect.
        BlobStore::new(ports.redis())
            .plan_removal(&Place::Redis(key.clone()), expires)
            .await?;
        Ok(Self {
            key,
            expires,
            digest: Sha256::new(),
            piece: Vec::new(),
            pieces: 0,
            size: 0,
        })
    }

    /// The key it is kept under.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// When it may be gone.
    pub(crate) fn expires(&self) -> Millis {
        self.expires
    }

    /// Whether all of it is in the store.
    pub(crate) fn is_flushed(&self) -> bool {
        self.piece.is_empty()
    }

    /// Takes bytes until there is a piece. Says whether there is: then it is to be flushed, and what is left to be taken.
    pub(crate) fn fill(&mut self, bytes: &mut &[u8]) -> bool {
        if self.piece.is_empty() && !bytes.is_empty() {
            // One allocation of the size it will have: pieces that grow leave holes in a small memory.
            self.piece.reserve_exact(PIECE_BYTES);
        }
        let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.piece.len()));
        self.piece.extend_from_slice(now);
        self.digest.update(now);
        self.size += now.len() as u64;
        *bytes = later;
        self.piece.len() == PIECE_BYTES
    }

    /// Sees to it that the collector leaves it alone for a while.
    ///
    /// # Errors
    /// [`BlobError::UploadExpired`] if the collector may be at it already, and the store's.
    pub(crate) async fn stay_alive<P: Ports>(&mut self, ports: &P) -> Result<(), BlobError> {
        let now = ports.clock().now();
        if now >= self.expires {
            return Err(BlobError::UploadExpired);
        }
        if now.plus(UPLOAD_LIFETIME_MS / 2) >= self.expires {
            self.expires = now.plus(UPLOAD_LIFETIME_MS);
            let place = Place::Redis(self.key.clone());
            BlobStore::new(ports.redis())
                .plan_removal(&place, self.expires)
                .await?;
        }
        Ok(())
    }

    /// Brings what was taken to the store.
    pub(crate) async fn flush<P: Ports>(&mut self, ports: &P) -> Result<(), StoreError> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() {
            return Ok(());
        }
        BlobStore::new(ports.redis())
            .write_piece(&self.key, self.pieces, piece)
            .await?;
        self.pieces += 1;
        Ok(())
    }

    /// Key, length and digest of what has come.
    pub(crate) fn finish(self) -> (String, u64, BlobId) {
        let digest = self.digest.finalize();
        (self.key, self.size, BlobId::of(&digest.into()))
    }
}
