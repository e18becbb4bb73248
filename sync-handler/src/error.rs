//! The only place that turns errors into statuses, codes and texts.

use http::StatusCode;
use sync_core::{InvalidAttributes, Scope, StatsError, StoreError, SyncError};
use sync_proto::ErrorCode;

/// Why a request was not answered as it wished.
#[derive(Debug)]
pub(crate) enum HttpError {
    NotFound,
    MethodNotAllowed {
        allow: String,
    },
    MalformedBody(String),
    BodyTooLarge {
        max_bytes: usize,
    },
    InvalidValue(String),
    /// An argument that a call needs.
    MissingArgument(String),
    /// A device does not say which source it means.
    MissingSource,
    /// The API token is not good for this.
    Forbidden(Scope),
    /// The body is not JSON.
    UnsupportedMediaType,
    /// There is no such object.
    UnknownObject(String),
    /// There is no such job.
    UnknownJob(String),
    /// There never was such a queue.
    UnknownQueue(String),
    /// Something is not in the state this needs.
    WrongState(String),
    /// A device speaks a version of the protocol that is not served.
    OldProtocol,
    InvalidPageSize {
        highest: usize,
    },
    WrongSettings(String),
    /// There are no old stats, or none of this name.
    Stats(StatsError),
    Sync(SyncError),
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        Self::Sync(error.into())
    }
}

impl From<StatsError> for HttpError {
    fn from(error: StatsError) -> Self {
        match error {
            StatsError::Store(error) => error.into(),
            other => Self::Stats(other),
        }
    }
}

impl From<SyncError> for HttpError {
    fn from(error: SyncError) -> Self {
        Self::Sync(error)
    }
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&public_text(self))
    }
}

/// What the outside gets to know of an error.
pub(crate) struct Mapped {
    pub(crate) status: StatusCode,
    pub(crate) code: ErrorCode,
    pub(crate) text: String,
    /// Methods the path has, for 405.
    pub(crate) allow: Option<String>,
    /// When to try again, in seconds.
    pub(crate) retry_after: Option<u64>,
}

/// Maps an error. What is the server's own fault goes to the log, and not outside.
pub(crate) fn map(error: &HttpError) -> Mapped {
    let (status, code) = status_and_code(error);
    // A status above 500 alone does not mean that somebody must act: scripts get one for a user that exists.
    if matches!(code, ErrorCode::Unavailable | ErrorCode::Internal) {
        let details = match error {
            HttpError::Sync(error) => error.to_string(),
            HttpError::WrongSettings(reason) => reason.clone(),
            other => other.to_string(),
        };
        tracing::error!(error.code = code.as_str(), "a request failed: {details}");
    }
    let allow = match error {
        HttpError::MethodNotAllowed { allow } => Some(allow.clone()),
        _ => None,
    };
    let retry_after = match error {
        HttpError::Sync(SyncError::TooManyAttempts { seconds }) => Some(*seconds),
        HttpError::Sync(SyncError::Busy | SyncError::Store(_) | SyncError::Blob(_)) => Some(1),
        HttpError::Sync(
            SyncError::QueueFull
            | SyncError::BackEndUnavailable { .. }
            | SyncError::LoginUnavailable { .. },
        ) => Some(60),
        _ => None,
    };
    Mapped {
        status,
        code,
        text: public_text(error),
        allow,
        retry_after,
    }
}

/// The API's statuses, where they differ from those the old addresses have always had.
pub(crate) fn api_status(error: &HttpError, old: StatusCode) -> StatusCode {
    match error {
        HttpError::Sync(SyncError::UnknownClient) => StatusCode::NOT_FOUND,
        HttpError::Sync(SyncError::UserExists { .. }) => StatusCode::CONFLICT,
        HttpError::Sync(SyncError::InvalidApiToken) => StatusCode::UNAUTHORIZED,
        HttpError::Sync(SyncError::NotAdministrator) => StatusCode::FORBIDDEN,
        _ => old,
    }
}

/// What the API says where the old addresses have a text of their own.
pub(crate) fn api_text(error: &HttpError, old: String) -> String {
    match error {
        HttpError::Sync(SyncError::InvalidApiToken) => {
            "the API token is missing, wrong or has ended".to_owned()
        }
        _ => old,
    }
}

fn status_and_code(error: &HttpError) -> (StatusCode, ErrorCode) {
    match error {
        HttpError::NotFound => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
        HttpError::MethodNotAllowed { .. } => {
            (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed)
        }
        HttpError::MalformedBody(_) => (StatusCode::BAD_REQUEST, ErrorCode::MalformedBody),
        HttpError::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge),
        HttpError::InvalidValue(_) | HttpError::MissingArgument(_) => {
            (StatusCode::BAD_REQUEST, ErrorCode::InvalidValue)
        }
        // As devices and scripts have always seen it.
        HttpError::MissingSource => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UnknownSource),
        HttpError::Forbidden(_) => (StatusCode::FORBIDDEN, ErrorCode::Forbidden),
        HttpError::UnsupportedMediaType => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::UnsupportedMediaType,
        ),
        HttpError::UnknownObject(_) => (StatusCode::NOT_FOUND, ErrorCode::UnknownObject),
        HttpError::UnknownJob(_) => (StatusCode::NOT_FOUND, ErrorCode::UnknownJob),
        HttpError::UnknownQueue(_) => (StatusCode::NOT_FOUND, ErrorCode::UnknownQueue),
        HttpError::WrongState(_) => (StatusCode::CONFLICT, ErrorCode::WrongState),
        HttpError::OldProtocol => (StatusCode::NOT_FOUND, ErrorCode::OldProtocol),
        HttpError::InvalidPageSize { .. } => (StatusCode::BAD_REQUEST, ErrorCode::InvalidPageSize),
        HttpError::WrongSettings(_) => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable),
        // As the original answers.
        HttpError::Stats(StatsError::Off) => {
            (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::NotServed)
        }
        HttpError::Stats(StatsError::UnknownMetric) => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
        HttpError::Stats(StatsError::Store(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable)
        }
        HttpError::Sync(error) => match error {
            SyncError::NotAuthenticated => (StatusCode::UNAUTHORIZED, ErrorCode::NotAuthenticated),
            SyncError::LoginFailed { .. } | SyncError::LoginRefused { .. } => {
                (StatusCode::UNAUTHORIZED, ErrorCode::LoginFailed)
            }
            // As devices have always seen it.
            SyncError::LoginUnavailable { .. } => (
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::BackEndUnavailable,
            ),
            SyncError::TooManyAttempts { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyAttempts)
            }
            SyncError::InvalidApiToken => {
                (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidApiToken)
            }
            SyncError::NotAdministrator => (
                StatusCode::UNPROCESSABLE_ENTITY,
                ErrorCode::NotAdministrator,
            ),
            // The original answers 500 here, and scripts of back ends know it by that.
            SyncError::UserExists { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UserExists)
            }
            SyncError::InvalidEmail { .. }
            | SyncError::InvalidApiTokenRequest { .. }
            | SyncError::InvalidDocument { .. } => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidValue)
            }
            SyncError::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                ErrorCode::IdempotencyKeyReused,
            ),
            SyncError::InProgress => (StatusCode::CONFLICT, ErrorCode::RequestInProgress),
            SyncError::UnknownApiToken => (StatusCode::NOT_FOUND, ErrorCode::UnknownApiToken),
            SyncError::UnknownUser { .. } => (StatusCode::NOT_FOUND, ErrorCode::UnknownUser),
            // Here too.
            SyncError::UnknownClient => {
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UnknownClient)
            }
            SyncError::UnknownSource { .. } => (StatusCode::NOT_FOUND, ErrorCode::UnknownSource),
            SyncError::InvalidToken(_) | SyncError::FutureToken => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidToken)
            }
            SyncError::InvalidAttributes {
                reason: InvalidAttributes::ValueTooLong { .. },
                ..
            }
            | SyncError::InvalidAttributes {
                reason: InvalidAttributes::TooMany { .. },
                ..
            }
            | SyncError::TooManyParameters { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge)
            }
            SyncError::TooManySources { .. } => (StatusCode::CONFLICT, ErrorCode::TooManySources),
            SyncError::InvalidId(_)
            | SyncError::InvalidSetting { .. }
            | SyncError::PassThrough { .. }
            | SyncError::SearchTooWide { .. }
            | SyncError::InvalidPassword { .. }
            | SyncError::InvalidAttributes {
                reason: InvalidAttributes::Name(_),
                ..
            } => (StatusCode::BAD_REQUEST, ErrorCode::InvalidValue),
            SyncError::BlobTooLarge { .. } | SyncError::TooManyFiles { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge)
            }
            SyncError::QuotaExceeded { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::QuotaExceeded)
            }
            SyncError::MisplacedFile { .. } => (StatusCode::BAD_REQUEST, ErrorCode::InvalidValue),
            SyncError::UploadExpired => (StatusCode::REQUEST_TIMEOUT, ErrorCode::Busy),
            SyncError::UnknownBlob => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
            SyncError::BackEndUnavailable { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::BackEndUnavailable,
            ),
            SyncError::QueueFull | SyncError::TooManyUploads => {
                (StatusCode::TOO_MANY_REQUESTS, ErrorCode::QueueFull)
            }
            SyncError::Busy => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy),
            SyncError::Store(_) | SyncError::Blob(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable)
            }
        },
    }
}

/// What the person or program at the other end is told. Never internals.
fn public_text(error: &HttpError) -> String {
    match error {
        HttpError::NotFound => "there is nothing at this address".to_owned(),
        HttpError::MethodNotAllowed { allow } => format!("this address takes {allow}"),
        HttpError::MalformedBody(reason) => format!("the body cannot be read: {reason}"),
        HttpError::BodyTooLarge { max_bytes } => {
            format!("the body has more than {max_bytes} bytes")
        }
        HttpError::InvalidValue(reason) | HttpError::WrongState(reason) => reason.clone(),
        HttpError::MissingArgument(name) => format!("Missing required attribute {name}"),
        HttpError::MissingSource => "Unknown source".to_owned(),
        HttpError::Forbidden(scope) => format!("this needs a token with the scope {scope}"),
        HttpError::UnsupportedMediaType => {
            "the body must be JSON, with the content type application/json".to_owned()
        }
        HttpError::UnknownObject(id) => format!("there is no object {id:?}"),
        HttpError::UnknownJob(id) => format!("there is no job {id:?}"),
        HttpError::UnknownQueue(name) => {
            format!("there is no queue {name:?}: nothing was ever enqueued in one of that name")
        }
        HttpError::OldProtocol => "Server supports version 3 or higher of the protocol.".to_owned(),
        HttpError::InvalidPageSize { highest } => {
            format!("p_size is a number between 1 and {highest}")
        }
        HttpError::WrongSettings(_) => {
            "the server's settings are not usable; its log says why".to_owned()
        }
        HttpError::Sync(SyncError::Store(_) | SyncError::Blob(_)) => {
            "the server cannot reach its store; try again in a moment".to_owned()
        }
        HttpError::Sync(error) => error.to_string(),
        HttpError::Stats(error) => error.to_string(),
    }
}
