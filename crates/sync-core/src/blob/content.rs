//! Keeps and reads the contents of blobs.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{LocalBoxStream, StreamExt as _, try_unfold};

use crate::blob::s3::S3;
use crate::memory::{Memory, OutOfMemory};
use crate::model::BlobId;
use crate::ports::Ports;
use crate::settings::S3Settings;
use crate::store::{BlobStore, PIECE_BYTES, Place, StoreError};

/// Keeps contents, each under a key that is used once.
#[async_trait(?Send)]
pub(crate) trait ContentStore {
    /// Keeps what was spooled to Redis under the same key.
    async fn keep(&self, key: &str, size: u64) -> Result<(), ContentError>;

    /// Reads from the beginning of a range as much as is convenient, which is at least one byte.
    async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes, ContentError>;

    /// Deletes a content; one that is not there is no error.
    async fn delete(&self, key: &str) -> Result<(), ContentError>;
}

/// Why a content could not be read or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no memory now for what is to be sent.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// The S3 store failed, or refused.
    #[error("the S3 store: {0}")]
    S3(String),
    /// A piece of the content is not there.
    #[error("the content of a blob is incomplete at byte {at}")]
    Incomplete {
        /// Where.
        at: u64,
    },
}

/// Every store of contents there is. New contents go to S3 where one is configured; what was kept before stays where it is.
pub(crate) struct Contents {
    redis: Rc<dyn ContentStore>,
    s3: Option<Rc<dyn ContentStore>>,
}

impl Contents {
    pub(crate) fn new<P: Ports>(ports: &Rc<P>, s3: Option<S3Settings>, memory: &Memory) -> Self {
        Self {
            redis: Rc::new(RedisContents(Rc::clone(ports))),
            s3: s3
                .map(|settings| Rc::new(S3::new(Rc::clone(ports), settings, memory.clone())) as _),
        }
    }

    /// Where the content of an upload is to be kept.
    pub(crate) fn place_for(&self, upload: &str) -> Place {
        if self.s3.is_some() {
            Place::S3(upload.to_owned())
        } else {
            Place::Redis(upload.to_owned())
        }
    }

    /// The store of a place, and the key there.
    pub(crate) fn at<'a>(
        &self,
        place: &'a Place,
    ) -> Result<(&Rc<dyn ContentStore>, &'a str), ContentError> {
        match place {
            Place::Redis(key) => Ok((&self.redis, key)),
            Place::S3(key) => {
                let s3 = self.s3.as_ref().ok_or_else(|| {
                    ContentError::S3("there are contents in it, but none is configured".to_owned())
                })?;
                Ok((s3, key))
            }
        }
    }
}

/// Contents in Redis: what was spooled stays where it is.
struct RedisContents<P>(Rc<P>);

#[async_trait(?Send)]
impl<P: Ports> ContentStore for RedisContents<P> {
    async fn keep(&self, _: &str, _: u64) -> Result<(), ContentError> {
        Ok(())
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes, ContentError> {
        read_spooled(self.0.as_ref(), key, range).await
    }

    async fn delete(&self, key: &str) -> Result<(), ContentError> {
        Ok(BlobStore::new(self.0.redis()).delete_content(key).await?)
    }
}

/// Reads from the beginning of a range to the end of a piece, or of the range.
pub(super) async fn read_spooled<P: Ports>(
    ports: &P,
    key: &str,
    range: Range<u64>,
) -> Result<Bytes, ContentError> {
    let piece_bytes = PIECE_BYTES as u64;
    let incomplete = ContentError::Incomplete { at: range.start };
    let number = range.start / piece_bytes;
    let piece = BlobStore::new(ports.redis())
        .read_piece(key, number)
        .await?
        .map(Bytes::from)
        .ok_or_else(|| incomplete.clone())?;
    let first = usize::try_from(range.start % piece_bytes).unwrap_or(PIECE_BYTES);
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let last = piece.len().min(first.saturating_add(wanted));
    if first >= last {
        return Err(incomplete);
    }
    Ok(piece.slice(first..last))
}

/// A blob that may be read.
#[derive(Clone)]
pub struct Blob {
    /// Its content's digest.
    pub id: BlobId,
    /// Its length in bytes.
    pub size: u64,
    /// The media type it was uploaded with.
    pub content_type: String,
    pub(crate) store: Rc<dyn ContentStore>,
    pub(crate) key: String,
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, size, .. } = self;
        write!(f, "Blob({id}, {size} bytes)")
    }
}

impl Blob {
    /// Reads a range piece by piece. No more than one piece, of at most a megabyte, is held at a time.
    pub fn read(&self, range: Range<u64>) -> LocalBoxStream<'static, Result<Bytes, ContentError>> {
        let blob = self.clone();
        let range = range.start..range.end.min(self.size);
        try_unfold((blob, range), |(blob, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let piece = blob.store.read(&blob.key, range.clone()).await?;
            let start = range.start + piece.len() as u64;
            Ok(Some((piece, (blob, start..range.end))))
        })
        .boxed_local()
    }
}
