//! Idempotent writes: a write that is repeated has no second effect.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ports::{Ports, Random as _, hex};
use crate::store::{Idempotency, StoreError};

/// How long a write may take before another request with its key may begin it anew, in seconds.
const LEASE_SECONDS: u64 = 60;

/// How long an answer is kept, in seconds.
const KEPT_SECONDS: u64 = 86_400;

/// Most bytes of an answer that is kept; a larger one is not expected of a write.
const MAX_KEPT_BYTES: usize = 256 * 1024;

/// A write and the key its sender gave it.
#[derive(Debug, Clone, Copy)]
pub struct IdempotentRequest<'a> {
    /// Id of the sender's token: keys of others are others.
    pub token: &'a str,
    /// The key.
    pub key: &'a str,
    /// Method and path.
    pub request: &'a str,
    /// Body.
    pub body: &'a [u8],
}

/// What a write was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// Status.
    pub status: u16,
    /// Where what was made is, if something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Body.
    pub body: String,
}

/// A write that has begun.
#[derive(Debug, PartialEq, Eq)]
pub enum BegunWrite {
    /// It is the sender's to do. What is written down of it tells this request from another that begins it anew.
    Ours(String),
    /// It was done before.
    Answered(StoredAnswer),
}

impl IdempotentRequest<'_> {
    /// Tells this request from others with the same key.
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update((self.request.len() as u64).to_le_bytes());
        digest.update(self.request);
        digest.update(self.body);
        hex(&digest.finalize())
    }
}

/// Why a write is not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyError {
    /// The key stands for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The same request is being worked on.
    #[error("a request with the same idempotency key is being worked on; try again")]
    InProgress,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Remembers writes and what they were answered with.
pub struct IdempotentWrites<'a, P> {
    ports: &'a P,
}

impl<'a, P: Ports> IdempotentWrites<'a, P> {
    /// The writes this store knows of.
    pub fn new(ports: &'a P) -> Self {
        Self { ports }
    }

    /// Begins a write, or answers what it was answered with before.
    ///
    /// # Errors
    /// [`IdempotencyError::KeyReused`] when the key stands for another request, [`IdempotencyError::InProgress`] when the same is
    /// being worked on, and the store's.
    pub async fn begin(
        &self,
        request: &IdempotentRequest<'_>,
    ) -> Result<BegunWrite, IdempotencyError> {
        let digest = request.digest();
        let begun = format!("{digest}{}", self.ports.random().hex::<8>());
        let kept = self.kept(request);
        let kept = match kept.begin(&begun, LEASE_SECONDS).await {
            // Only the answer may have been lost. Then this write would be in its own way for as long as its lease.
            Err(_) => kept.begin(&begun, LEASE_SECONDS).await?,
            Ok(kept) => kept,
        };
        let Some(kept) = kept.filter(|kept| kept != begun.as_bytes()) else {
            return Ok(BegunWrite::Ours(begun));
        };
        let (known, answer) = kept.split_at(digest.len().min(kept.len()));
        if known != digest.as_bytes() {
            return Err(IdempotencyError::KeyReused);
        }
        if !answer.starts_with(b"{") {
            return Err(IdempotencyError::InProgress);
        }
        let answer = serde_json::from_slice(answer).map_err(|error| StoreError::Damaged {
            what: "a kept answer",
            reason: error.to_string(),
        })?;
        Ok(BegunWrite::Answered(answer))
    }

    /// Keeps the answer of a write that has begun; nothing, where there was none to keep. If it took so long that another
    /// request has begun it anew, that one's answer counts.
    ///
    /// # Errors
    /// The store's.
    pub async fn end(
        &self,
        request: &IdempotentRequest<'_>,
        begun: &str,
        answer: Option<&StoredAnswer>,
    ) -> Result<(), IdempotencyError> {
        let answer = answer.filter(|answer| answer.body.len() <= MAX_KEPT_BYTES);
        let kept = answer.map_or_else(Vec::new, |answer| {
            let mut kept = request.digest().into_bytes();
            kept.extend(serde_json::to_vec(answer).unwrap_or_default());
            kept
        });
        let write = self.kept(request);
        if write.end(begun, &kept, KEPT_SECONDS).await.is_err() {
            // The connection was lost: by another, the next one need not wait for the lease to run out.
            write.end(begun, &kept, KEPT_SECONDS).await?;
        }
        Ok(())
    }

    fn kept(&self, request: &IdempotentRequest<'_>) -> Idempotency<'_, P::Redis> {
        let key = hex(&Sha256::digest(request.key));
        Idempotency::new(self.ports.redis(), request.token, &key)
    }
}
