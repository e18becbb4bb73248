//! The stable codes of error answers.

use std::fmt;

/// Why a request was refused; a client acts on this, people read the message beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body is not what its content type says, or has the wrong shape.
    MalformedBody,
    /// A field, parameter or header has a value that is not allowed.
    InvalidValue,
    /// The body, one of its values or the number of operations is over the limit.
    TooLarge,
    /// The files do not fit into what the user may have. Delete objects that have files.
    QuotaExceeded,
    /// The page size is 0, not a number, or beyond any sensible page.
    InvalidPageSize,
    /// The token is not a decimal number, or was never given out to this client.
    InvalidToken,
    /// There is no session, or it was forged, has expired or was revoked. Log in again.
    NotAuthenticated,
    /// The user name or the password is wrong.
    LoginFailed,
    /// Too many failed logins for this account or from this address. Wait.
    TooManyAttempts,
    /// The API token is missing or wrong.
    InvalidApiToken,
    /// The login is not an administrator's.
    NotAdministrator,
    /// The client id is missing, or no such client is registered. Create a client.
    UnknownClient,
    /// No such source is configured.
    UnknownSource,
    /// There are as many sources beside those of the settings file as there may be.
    TooManySources,
    /// No such user exists.
    UnknownUser,
    /// No such API token exists.
    UnknownApiToken,
    /// A user of that name exists already.
    UserExists,
    /// The device speaks a version of the protocol that is not served.
    OldProtocol,
    /// The call is known, but this server does not do it.
    NotServed,
    /// The API token does not allow this.
    Forbidden,
    /// The body's content type is not JSON.
    UnsupportedMediaType,
    /// No such object exists.
    UnknownObject,
    /// No such job exists.
    UnknownJob,
    /// No job was ever in such a queue.
    UnknownQueue,
    /// What is asked for is not possible in the state something is in.
    WrongState,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// A request with the same idempotency key is being worked on.
    RequestInProgress,
    /// No such path.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The client has sent more changes than are kept for it while the back end cannot take them.
    QueueFull,
    /// Others kept changing the same objects. Nothing was lost; send the request again.
    Busy,
    /// The back end that has to be asked does not answer now. Try again later.
    BackEndUnavailable,
    /// The store or the settings are not usable now; the log says why.
    Unavailable,
    /// The server is at fault; the log says why.
    Internal,
}

impl ErrorCode {
    /// The code as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedBody => "malformed_body",
            Self::InvalidValue => "invalid_value",
            Self::TooLarge => "too_large",
            Self::QuotaExceeded => "quota_exceeded",
            Self::InvalidPageSize => "invalid_page_size",
            Self::InvalidToken => "invalid_token",
            Self::NotAuthenticated => "not_authenticated",
            Self::LoginFailed => "login_failed",
            Self::TooManyAttempts => "too_many_attempts",
            Self::InvalidApiToken => "invalid_api_token",
            Self::NotAdministrator => "not_administrator",
            Self::UnknownClient => "unknown_client",
            Self::UnknownSource => "unknown_source",
            Self::TooManySources => "too_many_sources",
            Self::UnknownUser => "unknown_user",
            Self::UnknownApiToken => "unknown_api_token",
            Self::UserExists => "user_exists",
            Self::OldProtocol => "old_protocol",
            Self::NotServed => "not_served",
            Self::Forbidden => "forbidden",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnknownObject => "unknown_object",
            Self::UnknownJob => "unknown_job",
            Self::UnknownQueue => "unknown_queue",
            Self::WrongState => "wrong_state",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::RequestInProgress => "request_in_progress",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::QueueFull => "queue_full",
            Self::Busy => "busy",
            Self::BackEndUnavailable => "back_end_unavailable",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
