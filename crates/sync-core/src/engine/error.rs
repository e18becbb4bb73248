//! What can go wrong with a request.

use crate::account::{AccountError, MOVED};
use crate::blob::BlobError;
use crate::model::{DamagedRecord, InvalidAttributes, InvalidId};
use crate::store::StoreError;

/// Why a request was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// Whoever asks is not let in, or is not known.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The files that came with changes, or the file that is asked for, are not as they must be.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// No such client is registered.
    #[error("Unknown client")]
    UnknownClient,
    /// No such source is configured.
    #[error("there is no source {name:?}")]
    UnknownSource {
        /// The name.
        name: String,
    },
    /// There is no such copy of a source, or no longer.
    #[error("there is no copy {id:?} of {source_name}")]
    UnknownCopy {
        /// The source.
        source_name: String,
        /// What lists of copies call it.
        id: String,
    },
    /// There are as many sources that are not in the settings file as there may be.
    #[error(
        "there are {limit} sources beside those of the settings file already; no more are made"
    )]
    TooManySources {
        /// The most there may be.
        limit: usize,
    },
    /// What an administrator wants to set cannot be set.
    #[error("{setting}: {reason}")]
    InvalidSetting {
        /// What should be set.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An identifier is not one.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// What a device calls a change is no name.
    #[error("the id of a change has between 1 and 64 letters, digits and hyphens")]
    InvalidChangeName,
    /// The sums of a copy's parts are none.
    #[error("buckets are 256 sums of 16 hexadecimal digits each")]
    InvalidBuckets,
    /// A device has its copies compared more often than it may.
    #[error(
        "copies may be compared {limit} times in {seconds} seconds; drop the cursor to get the source anew"
    )]
    TooManyVerifications {
        /// The most there may be.
        limit: u64,
        /// In how long.
        seconds: u64,
    },
    /// A device sends more changes, or asks after more, than are looked at at once.
    #[error("a request may have at most {limit} changes, and ask after as many")]
    TooManyChanges {
        /// The most it may have.
        limit: usize,
    },
    /// An object's attributes cannot be taken.
    #[error("object {id:?}: {reason}")]
    InvalidAttributes {
        /// The object.
        id: String,
        /// What is wrong.
        #[source]
        reason: InvalidAttributes,
    },
    /// A query or a search has more parameters than are passed on to a back end.
    #[error(
        "a request may have at most {limit} parameters for the back end, of {max_bytes} bytes in all"
    )]
    TooManyParameters {
        /// The most it may have.
        limit: usize,
        /// The most bytes their names and values may have.
        max_bytes: usize,
    },
    /// A search names too many sources.
    #[error("a search may name at most {limit} sources")]
    SearchTooWide {
        /// The most it may name.
        limit: usize,
    },
    /// The back end that has to be asked does not answer, or says that it cannot now.
    #[error("{message}")]
    BackEndUnavailable {
        /// What is known of the reason.
        message: String,
    },
    /// The client has more operations waiting than are kept for it.
    #[error("too many changes of this device wait for the back end; try again later")]
    QueueFull,
    /// Somebody has changed what was to be changed since it was read.
    #[error("{MOVED}")]
    Moved,
    /// Others kept changing the same objects.
    #[error("too many others are changing the same objects; try again")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DamagedRecord> for SyncError {
    fn from(error: DamagedRecord) -> Self {
        Self::Store(error.into())
    }
}

impl SyncError {
    /// Whether the same may succeed later, without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Account(error) => error.is_retryable(),
            Self::Blob(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
            Self::BackEndUnavailable { .. }
            | Self::TooManyVerifications { .. }
            | Self::QueueFull
            | Self::Busy => true,
            Self::UnknownClient
            | Self::UnknownSource { .. }
            | Self::UnknownCopy { .. }
            | Self::Moved
            | Self::TooManySources { .. }
            | Self::InvalidSetting { .. }
            | Self::InvalidId(_)
            | Self::InvalidChangeName
            | Self::InvalidBuckets
            | Self::TooManyChanges { .. }
            | Self::InvalidAttributes { .. }
            | Self::TooManyParameters { .. }
            | Self::SearchTooWide { .. } => false,
        }
    }
}
