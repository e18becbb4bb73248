//! What can go wrong with signing in, and with those who may.

use crate::model::InvalidId;
use crate::store::StoreError;

/// What whoever edits something is told that somebody else has edited meanwhile.
pub(crate) const MOVED: &str =
    "somebody has changed this since it was read; read it again, and then change it";

/// Why somebody does not get in, or why a user or a token is not as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// There is no session, or it was forged, has ended or was revoked.
    #[error("Not authenticated")]
    NotAuthenticated,
    /// User name or password are wrong.
    #[error("Unable to authenticate '{login}'")]
    LoginFailed {
        /// The name that was tried.
        login: String,
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
    /// Too many logins were tried.
    #[error("Too many failed logins. Try again in {seconds} seconds")]
    TooManyAttempts {
        /// When it may be tried again at the latest.
        seconds: u64,
    },
    /// The identity provider's keys cannot be had, so that nobody can tell whether its token is good.
    #[error("{message}")]
    KeysUnavailable {
        /// What is known of the reason.
        message: String,
    },
    /// Another request is asking the identity provider for its keys at this moment.
    #[error("the identity provider's keys are being asked for; try again")]
    KeysPending,
    /// The API token is missing or wrong.
    #[error("No API token provided")]
    InvalidApiToken,
    /// The user is not the administrator.
    #[error("Invalid/missing API user")]
    NotAdministrator,
    /// A name is none.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// A password is empty or too long.
    #[error("a password has between 1 and {max_bytes} bytes")]
    InvalidPassword {
        /// The most it may have.
        max_bytes: usize,
    },
    /// An administrator's password is too easily guessed.
    #[error("an administrator's password has at least {min_chars} characters")]
    ShortPassword {
        /// The least it may have.
        min_chars: usize,
    },
    /// An address of a user cannot be one.
    #[error("an address has at most {max_bytes} bytes and no control characters")]
    InvalidEmail {
        /// The most it may have.
        max_bytes: usize,
    },
    /// Attributes of a user cannot be that.
    #[error(
        "a user has at most {max_attributes} attributes, with names of letters, digits and \"_\" other than \"name\" and values \
         without control characters, each of at most {max_bytes} bytes"
    )]
    InvalidUserAttributes {
        /// The most there may be.
        max_attributes: usize,
        /// The most a name or a value may have.
        max_bytes: usize,
    },
    /// A user of that name exists.
    #[error("Record already exists for '{login}'")]
    UserExists {
        /// The name.
        login: String,
    },
    /// Somebody has changed the user or the administrator since it was read.
    #[error("{MOVED}")]
    Moved,
    /// No such user exists.
    #[error("there is no user {login:?}")]
    UnknownUser {
        /// The name.
        login: String,
    },
    /// An administrator of that name exists.
    #[error("there is an administrator {login:?} already")]
    AdministratorExists {
        /// The name.
        login: String,
    },
    /// No such administrator exists.
    #[error("there is no administrator {login:?}")]
    UnknownAdministrator {
        /// The name.
        login: String,
    },
    /// There are as many administrators as there may be.
    #[error("there are {limit} administrators already; remove some")]
    TooManyAdministrators {
        /// The most there may be.
        limit: u64,
    },
    /// The first administrator cannot be removed or demoted.
    #[error(
        "the first administrator stays one: back ends and the old protocols get in by its token"
    )]
    FirstAdministrator,
    /// The present password, which has to come with a new one, is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// A script's token has no password.
    #[error("nobody has logged in for this token")]
    NoSession,
    /// An API token cannot be made like that.
    #[error(transparent)]
    InvalidTokenRequest(#[from] InvalidTokenRequest),
    /// No such API token exists.
    #[error("there is no such API token")]
    UnknownApiToken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an API token cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTokenRequest {
    /// Its name is empty or too long.
    #[error("a token's name has between 1 and {max_bytes} bytes")]
    NameLength {
        /// The most it may have.
        max_bytes: usize,
    },
    /// Its name has control characters.
    #[error("a token's name has no control characters")]
    NameCharacters,
    /// It would be good for nothing.
    #[error("a token needs at least one scope")]
    NoScope,
    /// A scope is none.
    #[error("there is no scope {scope:?}")]
    UnknownScope {
        /// What was asked for.
        scope: String,
    },
    /// It would end at once.
    #[error("a token has to be good for some time")]
    NoLifetime,
    /// There are as many as there may be.
    #[error("there are {limit} tokens already; delete some")]
    TooMany {
        /// The most there may be.
        limit: usize,
    },
}

impl AccountError {
    /// Whether the same may succeed later, without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::LoginUnavailable { .. }
            | Self::TooManyAttempts { .. }
            | Self::KeysUnavailable { .. }
            | Self::KeysPending
            | Self::Store(_) => true,
            Self::NotAuthenticated
            | Self::LoginFailed { .. }
            | Self::LoginRefused { .. }
            | Self::InvalidApiToken
            | Self::NotAdministrator
            | Self::InvalidId(_)
            | Self::InvalidPassword { .. }
            | Self::ShortPassword { .. }
            | Self::InvalidEmail { .. }
            | Self::InvalidUserAttributes { .. }
            | Self::Moved
            | Self::UserExists { .. }
            | Self::UnknownUser { .. }
            | Self::AdministratorExists { .. }
            | Self::UnknownAdministrator { .. }
            | Self::TooManyAdministrators { .. }
            | Self::FirstAdministrator
            | Self::WrongPassword
            | Self::NoSession
            | Self::InvalidTokenRequest(_)
            | Self::UnknownApiToken => false,
        }
    }
}
