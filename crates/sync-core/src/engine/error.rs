//! What can go wrong with a request.

use crate::blob::BlobError;
use crate::model::{DamagedRecord, InvalidAttributes, InvalidId, InvalidToken};
use crate::store::StoreError;

/// Why a request was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// There is no session, or it was forged, has ended or was revoked.
    #[error("Not authenticated")]
    NotAuthenticated,
    /// User name or password are wrong.
    #[error("Unable to authenticate '{login}'")]
    LoginFailed {
        /// The name that was tried.
        login: String,
    },
    /// Too many logins were tried.
    #[error("Too many failed logins. Try again in {seconds} seconds")]
    TooManyAttempts {
        /// When it may be tried again at the latest.
        seconds: u64,
    },
    /// The API token is missing or wrong.
    #[error("No API token provided")]
    InvalidApiToken,
    /// The user is not the administrator.
    #[error("Invalid/missing API user")]
    NotAdministrator,
    /// A password is empty or too long.
    #[error("a password has between 1 and {max_bytes} bytes")]
    InvalidPassword {
        /// The most it may have.
        max_bytes: usize,
    },
    /// A user of that name exists.
    #[error("Record already exists for '{login}'")]
    UserExists {
        /// The name.
        login: String,
    },
    /// An address of a user cannot be one.
    #[error("an address has at most {max_bytes} bytes and no control characters")]
    InvalidEmail {
        /// The most it may have.
        max_bytes: usize,
    },
    /// An API token cannot be made like that.
    #[error("{reason}")]
    InvalidApiTokenRequest {
        /// What is wrong.
        reason: String,
    },
    /// An idempotency key stands for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The same request is being worked on.
    #[error("a request with the same idempotency key is being worked on; try again")]
    InProgress,
    /// A document cannot be kept.
    #[error("document {name:?}: {reason}")]
    InvalidDocument {
        /// Its name or key.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// No such API token exists.
    #[error("there is no such API token")]
    UnknownApiToken,
    /// No such user exists.
    #[error("there is no user {login:?}")]
    UnknownUser {
        /// The name.
        login: String,
    },
    /// No such client is registered.
    #[error("Unknown client")]
    UnknownClient,
    /// No such source is configured.
    #[error("there is no source {name:?}")]
    UnknownSource {
        /// The name.
        name: String,
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
    /// The token is no number.
    #[error(transparent)]
    InvalidToken(#[from] InvalidToken),
    /// The token was never given out to this client.
    #[error("the token was never given out to this client")]
    FutureToken,
    /// An object's attributes cannot be taken.
    #[error("object {id:?}: {reason}")]
    InvalidAttributes {
        /// The object.
        id: String,
        /// What is wrong.
        #[source]
        reason: InvalidAttributes,
    },
    /// Objects are pushed to a source that keeps none.
    #[error("{name} is a pass-through source: the server keeps no objects of it")]
    PassThrough {
        /// The source.
        name: String,
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
    /// A file is larger than a blob may be.
    #[error("a file has more than {max_bytes} bytes")]
    BlobTooLarge {
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
    /// No such blob is there, or the user has no object that refers to it.
    #[error("there is no such file")]
    UnknownBlob,
    /// The contents of blobs cannot be reached.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The back end that has to be asked does not answer, or says that it cannot now.
    #[error("{message}")]
    BackEndUnavailable {
        /// What is known of the reason.
        message: String,
    },
    /// The back end that knows the users does not let this one in.
    #[error("{message}")]
    LoginRefused {
        /// Its own words.
        message: String,
    },
    /// The back end that knows the users cannot be asked.
    #[error("{message}")]
    LoginUnavailable {
        /// What is known of the reason.
        message: String,
    },
    /// The client has more operations waiting than are kept for it.
    #[error("too many changes of this device wait for the back end; try again later")]
    QueueFull,
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
