//! What can go wrong with blobs.

use crate::blob::ContentError;
use crate::model::InvalidId;
use crate::store::StoreError;

/// Why files are not taken in, or not handed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// A file is larger than a blob may be.
    #[error("a file has more than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The files do not fit into what the user may have.
    #[error(
        "the files do not fit: a user may have {quota_bytes} bytes of files; delete objects that have some"
    )]
    QuotaExceeded {
        /// What the user may have.
        quota_bytes: u64,
    },
    /// A request has too many files.
    #[error("a request has at most {most} files")]
    TooManyFiles {
        /// The limit.
        most: usize,
    },
    /// So much of the user's is on its way that the files would not fit together.
    #[error("too many files of this user are on their way; try again later")]
    TooManyUploads,
    /// It cannot be told which object a file belongs to.
    #[error(
        "the file {part:?} belongs to no object: its name has to be that of an attribute of a created or updated object, a dash, and the object's id"
    )]
    MisplacedFile {
        /// The name of its part.
        part: String,
    },
    /// The files took so long to arrive that the first ones may be gone.
    #[error("the files took too long; send them again")]
    UploadExpired,
    /// A content that came in parts is not what it was said to be. Nothing of it is kept.
    #[error(
        "what has come is not the content that the digest names; send it again from its first byte"
    )]
    OtherContent,
    /// No such blob is there, or the user has no object that refers to it.
    #[error("there is no such file")]
    Unknown,
    /// An identifier is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// Blobs that the files have in common with others were collected again and again meanwhile.
    #[error("too many others are changing the same files; try again")]
    Busy,
    /// The contents of blobs cannot be reached.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BlobError {
    /// Whether the same may succeed later, without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TooManyUploads | Self::Busy | Self::Content(_) | Self::Store(_) => true,
            Self::TooLarge { .. }
            | Self::QuotaExceeded { .. }
            | Self::TooManyFiles { .. }
            | Self::MisplacedFile { .. }
            | Self::UploadExpired
            | Self::OtherContent
            | Self::Unknown
            | Self::InvalidId(_) => false,
        }
    }
}
