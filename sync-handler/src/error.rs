//! The only place that turns errors into statuses, codes and texts.
//!
//! Each border of the core has an error of its own, and each of them one exhaustive `match` here.

use http::StatusCode;
use sync_core::{
    AccountError, BlobError, ContentError, DocumentError, FeedError, HookError, IdempotencyError,
    InvalidAttributes, NoRoom, OutOfMemory, Scope, StatsError, StoreError, SyncError, TooHeavy,
};
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
    /// The body would become too much.
    BodyTooHeavy(TooHeavy),
    /// The requests in this instance hold too much already.
    OutOfMemory(OutOfMemory),
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
    /// There is no such schedule.
    UnknownSchedule(String),
    /// There is no such component that works on jobs.
    UnknownComponent(String),
    /// A component that was asked to work on jobs could not.
    ComponentFailed {
        component: String,
        /// For the log.
        reason: String,
    },
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
    /// A write that is repeated cannot be begun.
    Idempotency(IdempotencyError),
    /// A document of the application's own cannot be kept.
    Document(DocumentError),
    /// Somebody is not let in, or is not known.
    Account(AccountError),
    /// Files are not taken in, or not handed out.
    Blob(BlobError),
    /// Objects are not taken from a back end.
    Feed(FeedError),
    /// An event of a back end is not taken in.
    Hook(HookError),
    /// A device or an administrator does not get what it asks for.
    Sync(SyncError),
    /// The store failed.
    Store(StoreError),
}

/// Errors of the core that stand for themselves.
macro_rules! from_core {
    ($($variant:ident($error:ty),)*) => {
        $(
            impl From<$error> for HttpError {
                fn from(error: $error) -> Self {
                    Self::$variant(error)
                }
            }
        )*
    };
}

from_core! {
    BodyTooHeavy(TooHeavy),
    OutOfMemory(OutOfMemory),
    Stats(StatsError),
    Idempotency(IdempotencyError),
    Document(DocumentError),
    Account(AccountError),
    Blob(BlobError),
    Feed(FeedError),
    Hook(HookError),
    Sync(SyncError),
    Store(StoreError),
}

impl From<NoRoom> for HttpError {
    fn from(error: NoRoom) -> Self {
        match error {
            NoRoom::Ever(error) => error.into(),
            NoRoom::Now(error) => error.into(),
        }
    }
}

/// What the outside gets to know of an error.
pub(crate) struct ErrorAnswer {
    pub(crate) status: StatusCode,
    /// The API's status, where it differs from that the old addresses have always had.
    pub(crate) api_status: StatusCode,
    pub(crate) code: ErrorCode,
    pub(crate) text: String,
    /// What the API says, where the old addresses have a text of their own.
    pub(crate) api_text: Option<&'static str>,
    /// Whether the old addresses call the text HTML, as they have always done.
    pub(crate) is_legacy: bool,
    /// Methods the path has, for 405.
    pub(crate) allow: Option<String>,
    /// When to try again, in seconds.
    pub(crate) retry_after: Option<u64>,
}

/// Maps an error. What is the server's own fault goes to the log, and not outside.
pub(crate) fn map(error: &HttpError) -> ErrorAnswer {
    let Mapping {
        status,
        api_status,
        code,
        api_text,
        own_text,
        is_legacy,
        retry_after,
    } = mapping(error);
    let details = details(error);
    // A status above 500 alone does not mean that somebody must act: scripts get one for a user that exists.
    if matches!(code, ErrorCode::Unavailable | ErrorCode::Internal) {
        tracing::error!(error.code = code.as_str(), "a request failed: {details}");
    }
    let allow = match error {
        HttpError::MethodNotAllowed { allow } => Some(allow.clone()),
        _ => None,
    };
    ErrorAnswer {
        status,
        api_status: api_status.unwrap_or(status),
        code,
        text: own_text.map_or(details, str::to_owned),
        api_text,
        is_legacy,
        allow,
        retry_after,
    }
}

/// The status of the answer that an error becomes.
pub(crate) fn status(error: &HttpError, is_api: bool) -> StatusCode {
    let mapping = mapping(error);
    let in_api = mapping.api_status.filter(|_| is_api);
    in_api.unwrap_or(mapping.status)
}

/// What is decided of an error.
struct Mapping {
    status: StatusCode,
    api_status: Option<StatusCode>,
    code: ErrorCode,
    api_text: Option<&'static str>,
    /// What is said in place of the error's own words.
    own_text: Option<&'static str>,
    is_legacy: bool,
    retry_after: Option<u64>,
}

impl Mapping {
    const fn new(status: StatusCode, code: ErrorCode) -> Self {
        Self {
            status,
            api_status: None,
            code,
            api_text: None,
            own_text: None,
            is_legacy: false,
            retry_after: None,
        }
    }

    /// Of an error of the core, which the old addresses have always told as HTML.
    const fn legacy(status: StatusCode, code: ErrorCode) -> Self {
        let mut mapping = Self::new(status, code);
        mapping.is_legacy = true;
        mapping
    }

    const fn in_api(mut self, status: StatusCode) -> Self {
        self.api_status = Some(status);
        self
    }

    const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

fn mapping(error: &HttpError) -> Mapping {
    let new = Mapping::new;
    match error {
        HttpError::NotFound => new(StatusCode::NOT_FOUND, ErrorCode::NotFound),
        HttpError::MethodNotAllowed { .. } => {
            new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed)
        }
        HttpError::MalformedBody(_) => new(StatusCode::BAD_REQUEST, ErrorCode::MalformedBody),
        HttpError::OutOfMemory(OutOfMemory) => {
            new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy).retry_after(1)
        }
        HttpError::BodyTooLarge { .. } | HttpError::BodyTooHeavy(_) => {
            new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge)
        }
        HttpError::InvalidValue(_) | HttpError::MissingArgument(_) => {
            new(StatusCode::BAD_REQUEST, ErrorCode::InvalidValue)
        }
        // As devices and scripts have always seen it.
        HttpError::MissingSource => {
            Mapping::legacy(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UnknownSource)
        }
        HttpError::Forbidden(_) => new(StatusCode::FORBIDDEN, ErrorCode::Forbidden),
        HttpError::UnsupportedMediaType => new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::UnsupportedMediaType,
        ),
        HttpError::UnknownObject(_) => new(StatusCode::NOT_FOUND, ErrorCode::UnknownObject),
        HttpError::UnknownJob(_) => new(StatusCode::NOT_FOUND, ErrorCode::UnknownJob),
        HttpError::UnknownQueue(_) => new(StatusCode::NOT_FOUND, ErrorCode::UnknownQueue),
        HttpError::UnknownSchedule(_) => new(StatusCode::NOT_FOUND, ErrorCode::NotFound),
        HttpError::UnknownComponent(_) => new(StatusCode::NOT_FOUND, ErrorCode::NotFound),
        HttpError::ComponentFailed { .. } => Mapping {
            own_text: Some("the component cannot work on jobs now; its log says why"),
            ..new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable)
        },
        HttpError::WrongState(_) => new(StatusCode::CONFLICT, ErrorCode::WrongState),
        HttpError::OldProtocol => Mapping::legacy(StatusCode::NOT_FOUND, ErrorCode::OldProtocol),
        HttpError::InvalidPageSize { .. } => {
            new(StatusCode::BAD_REQUEST, ErrorCode::InvalidPageSize)
        }
        HttpError::WrongSettings(_) => Mapping {
            own_text: Some("the server's settings are not usable; its log says why"),
            ..new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable)
        },
        HttpError::Stats(error) => stats(error),
        HttpError::Idempotency(error) => idempotency(error),
        HttpError::Document(error) => document(error),
        HttpError::Account(error) => account(error),
        HttpError::Blob(error) => blob(error),
        HttpError::Feed(error) => feed(error),
        HttpError::Hook(error) => hook(error),
        HttpError::Sync(error) => sync(error),
        HttpError::Store(error) => store(error),
    }
}

fn store(error: &StoreError) -> Mapping {
    match error {
        StoreError::Redis(_) | StoreError::UnexpectedReply { .. } | StoreError::Damaged { .. } => {
            unreachable_store()
        }
    }
}

/// What is kept cannot be reached: of no use to know more for whoever asks.
fn unreachable_store() -> Mapping {
    Mapping {
        own_text: Some("the server cannot reach its store; try again in a moment"),
        ..Mapping::legacy(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable).retry_after(1)
    }
}

fn stats(error: &StatsError) -> Mapping {
    match error {
        // As the original answers.
        StatsError::Off => Mapping::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::NotServed),
        StatsError::UnknownMetric => Mapping::new(StatusCode::NOT_FOUND, ErrorCode::NotFound),
        StatsError::Store(error) => store(error),
    }
}

fn idempotency(error: &IdempotencyError) -> Mapping {
    match error {
        IdempotencyError::KeyReused => Mapping::legacy(
            StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::IdempotencyKeyReused,
        ),
        IdempotencyError::InProgress => {
            Mapping::legacy(StatusCode::CONFLICT, ErrorCode::RequestInProgress)
        }
        IdempotencyError::Store(error) => store(error),
    }
}

fn document(error: &DocumentError) -> Mapping {
    match error {
        DocumentError::Invalid { .. } => {
            Mapping::legacy(StatusCode::BAD_REQUEST, ErrorCode::InvalidValue)
        }
        DocumentError::Store(error) => store(error),
    }
}

fn account(error: &AccountError) -> Mapping {
    let legacy = Mapping::legacy;
    match error {
        // Who is refused before a route is entered has always got plain text.
        AccountError::NotAuthenticated => {
            Mapping::new(StatusCode::UNAUTHORIZED, ErrorCode::NotAuthenticated)
        }
        AccountError::LoginFailed { .. } | AccountError::LoginRefused { .. } => {
            legacy(StatusCode::UNAUTHORIZED, ErrorCode::LoginFailed)
        }
        // As devices have always seen it.
        AccountError::LoginUnavailable { .. } => legacy(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::BackEndUnavailable,
        )
        .retry_after(60),
        AccountError::TooManyAttempts { seconds } => {
            legacy(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyAttempts).retry_after(*seconds)
        }
        AccountError::KeysUnavailable { .. } => legacy(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::BackEndUnavailable,
        )
        .retry_after(60),
        AccountError::KeysPending => {
            legacy(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy).retry_after(1)
        }
        AccountError::InvalidApiToken => Mapping {
            api_text: Some("the API token is missing, wrong or has ended"),
            ..Mapping::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidApiToken)
                .in_api(StatusCode::UNAUTHORIZED)
        },
        AccountError::NotAdministrator => legacy(
            StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::NotAdministrator,
        ),
        AccountError::InvalidId(_)
        | AccountError::InvalidPassword { .. }
        | AccountError::ShortPassword { .. }
        | AccountError::InvalidEmail { .. }
        | AccountError::InvalidUserAttributes { .. }
        | AccountError::WrongPassword
        | AccountError::NoSession
        | AccountError::InvalidTokenRequest(_) => {
            legacy(StatusCode::BAD_REQUEST, ErrorCode::InvalidValue)
        }
        AccountError::AdministratorExists { .. } => {
            legacy(StatusCode::CONFLICT, ErrorCode::UserExists)
        }
        AccountError::UnknownAdministrator { .. } => {
            legacy(StatusCode::NOT_FOUND, ErrorCode::UnknownUser)
        }
        AccountError::TooManyAdministrators { .. } | AccountError::FirstAdministrator => {
            legacy(StatusCode::CONFLICT, ErrorCode::WrongState)
        }
        // The original answers 500 here, and scripts of back ends know it by that.
        AccountError::UserExists { .. } => {
            legacy(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UserExists)
                .in_api(StatusCode::CONFLICT)
        }
        AccountError::Moved => legacy(
            StatusCode::PRECONDITION_FAILED,
            ErrorCode::PreconditionFailed,
        ),
        AccountError::UnknownUser { .. } => legacy(StatusCode::NOT_FOUND, ErrorCode::UnknownUser),
        AccountError::UnknownApiToken => legacy(StatusCode::NOT_FOUND, ErrorCode::UnknownApiToken),
        AccountError::Store(error) => store(error),
    }
}

fn blob(error: &BlobError) -> Mapping {
    let legacy = Mapping::legacy;
    match error {
        BlobError::TooLarge { .. } | BlobError::TooManyFiles { .. } => {
            legacy(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge)
        }
        BlobError::QuotaExceeded { .. } => {
            legacy(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::QuotaExceeded)
        }
        BlobError::TooManyUploads => legacy(StatusCode::TOO_MANY_REQUESTS, ErrorCode::QueueFull),
        BlobError::MisplacedFile { .. } | BlobError::InvalidId(_) => {
            legacy(StatusCode::BAD_REQUEST, ErrorCode::InvalidValue)
        }
        BlobError::OtherContent => legacy(StatusCode::BAD_REQUEST, ErrorCode::DigestMismatch),
        BlobError::UploadExpired => legacy(StatusCode::REQUEST_TIMEOUT, ErrorCode::Busy),
        BlobError::Unknown => legacy(StatusCode::NOT_FOUND, ErrorCode::NotFound),
        BlobError::Busy => legacy(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy).retry_after(1),
        BlobError::Content(ContentError::OutOfMemory(_)) => {
            legacy(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy).retry_after(1)
        }
        BlobError::Content(
            ContentError::Store(_) | ContentError::S3(_) | ContentError::Incomplete { .. },
        ) => unreachable_store(),
        BlobError::Store(error) => store(error),
    }
}

fn feed(error: &FeedError) -> Mapping {
    match error {
        FeedError::PassThrough { .. } | FeedError::SeveralPartitions { .. } => {
            Mapping::legacy(StatusCode::BAD_REQUEST, ErrorCode::InvalidValue)
        }
        FeedError::Sync(error) => sync(error),
    }
}

fn hook(error: &HookError) -> Mapping {
    match error {
        HookError::Unknown { .. } => Mapping::new(StatusCode::NOT_FOUND, ErrorCode::UnknownSource),
        HookError::NotProven { .. } => {
            Mapping::new(StatusCode::UNAUTHORIZED, ErrorCode::NotAuthenticated)
        }
        HookError::Malformed { .. } => {
            Mapping::new(StatusCode::BAD_REQUEST, ErrorCode::MalformedBody)
        }
        HookError::Feed(error) => feed(error),
    }
}

fn sync(error: &SyncError) -> Mapping {
    let legacy = Mapping::legacy;
    match error {
        SyncError::Account(error) => account(error),
        SyncError::Blob(error) => blob(error),
        // The original answers 500 here, and devices know it by that.
        SyncError::UnknownClient => {
            legacy(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UnknownClient)
                .in_api(StatusCode::NOT_FOUND)
        }
        SyncError::UnknownSource { .. } => legacy(StatusCode::NOT_FOUND, ErrorCode::UnknownSource),
        SyncError::UnknownCopy { .. } => legacy(StatusCode::NOT_FOUND, ErrorCode::NotFound),
        SyncError::Moved => legacy(
            StatusCode::PRECONDITION_FAILED,
            ErrorCode::PreconditionFailed,
        ),
        SyncError::TooManySources { .. } => legacy(StatusCode::CONFLICT, ErrorCode::TooManySources),
        SyncError::InvalidAttributes {
            reason:
                InvalidAttributes::ValueTooLong { .. }
                | InvalidAttributes::ObjectTooLarge { .. }
                | InvalidAttributes::TooMany { .. },
            ..
        }
        | SyncError::TooManyChanges { .. }
        | SyncError::TooManyParameters { .. } => {
            legacy(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge)
        }
        SyncError::InvalidAttributes {
            reason: InvalidAttributes::Name(_),
            ..
        }
        | SyncError::InvalidId(_)
        | SyncError::InvalidChangeName
        | SyncError::InvalidBuckets
        | SyncError::InvalidSetting { .. }
        | SyncError::SearchTooWide { .. } => {
            legacy(StatusCode::BAD_REQUEST, ErrorCode::InvalidValue)
        }
        SyncError::BackEndUnavailable { .. } => legacy(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::BackEndUnavailable,
        )
        .retry_after(60),
        SyncError::QueueFull => {
            legacy(StatusCode::TOO_MANY_REQUESTS, ErrorCode::QueueFull).retry_after(60)
        }
        SyncError::TooManyVerifications { seconds, .. } => {
            legacy(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyAttempts).retry_after(*seconds)
        }
        SyncError::Busy => legacy(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy).retry_after(1),
        SyncError::Store(error) => store(error),
    }
}

/// The error in words: for the person or program at the other end, unless [`Mapping::own_text`] takes their place.
fn details(error: &HttpError) -> String {
    match error {
        HttpError::NotFound => "there is nothing at this address".to_owned(),
        HttpError::MethodNotAllowed { allow } => format!("this address takes {allow}"),
        HttpError::MalformedBody(reason) => format!("the body cannot be read: {reason}"),
        HttpError::BodyTooLarge { max_bytes } => {
            format!("the body has more than {max_bytes} bytes")
        }
        HttpError::BodyTooHeavy(error) => format!("the body cannot be taken in: {error}"),
        HttpError::OutOfMemory(error) => error.to_string(),
        HttpError::InvalidValue(reason)
        | HttpError::WrongState(reason)
        | HttpError::WrongSettings(reason) => reason.clone(),
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
        HttpError::UnknownSchedule(name) => format!("there is no schedule {name:?}"),
        HttpError::UnknownComponent(name) => {
            format!("there is no component {name:?} that works on jobs")
        }
        HttpError::ComponentFailed { component, reason } => {
            format!("the component {component:?} could not work on jobs: {reason}")
        }
        HttpError::OldProtocol => "Server supports version 3 or higher of the protocol.".to_owned(),
        HttpError::InvalidPageSize { highest } => {
            format!("p_size is a number between 1 and {highest}")
        }
        HttpError::Stats(error) => error.to_string(),
        HttpError::Idempotency(error) => error.to_string(),
        HttpError::Document(error) => error.to_string(),
        HttpError::Account(error) => error.to_string(),
        HttpError::Blob(error) => error.to_string(),
        HttpError::Feed(error) => error.to_string(),
        HttpError::Hook(error) => error.to_string(),
        HttpError::Sync(error) => error.to_string(),
        HttpError::Store(error) => error.to_string(),
    }
}
