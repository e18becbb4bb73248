//! What whoever asks for a stream gets.

use bytes::Bytes;
use headers::authorization::Bearer;
use headers::{Authorization, HeaderMapExt as _};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use sync_core::{
    AccountError, Live, LiveError, Origins, Ports, SettingsError, StoreError, StreamId,
};
use sync_http::{Cors, api_error, sent_request_id};
use sync_proto::{ErrorCode, REQUEST_ID_HEADER};

/// What pages of other sites may do with this address, and the headers that they may send and read.
const METHODS: HeaderValue = HeaderValue::from_static("GET");
const SENT: HeaderValue = HeaderValue::from_static("authorization, x-request-id");
const READ: HeaderValue = HeaderValue::from_static("retry-after, www-authenticate, x-request-id");

/// When to ask again where the store does not answer, in seconds.
const RETRY_AFTER: u64 = 1;

/// What whoever asks gets.
#[derive(Debug)]
pub enum Answer {
    /// No stream.
    Whole(Response<Bytes>),
    /// A stream: its head, which one it is, and what it begins with.
    Stream {
        /// The head.
        head: Response<()>,
        /// Which.
        stream: StreamId,
        /// The first text.
        text: Bytes,
    },
}

/// Why there is no stream.
enum Refusal {
    Method,
    Live(LiveError),
}

/// Answers a request for a stream.
pub async fn answer<P: Ports>(live: &Live<P>, origins: &Origins, request: &Parts) -> Answer {
    let cors = Cors::of(origins, &request.headers);
    let asked = cors
        .as_ref()
        .and_then(|cors| cors.preflight(request, || Some(METHODS), SENT));
    if let Some(answer) = asked {
        return Answer::Whole(finished(answer, cors.as_ref(), request));
    }
    match open(live, request).await {
        Ok((stream, text)) => {
            let mut head = Response::new(());
            let headers = head.headers_mut();
            let events = HeaderValue::from_static("text/event-stream");
            headers.insert(header::CONTENT_TYPE, events);
            // nginx would keep the events until it has a buffer full of them.
            headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
            Answer::Stream {
                head: finished(head, cors.as_ref(), request),
                stream,
                text,
            }
        }
        Err(refusal) => Answer::Whole(finished(refused(&refusal), cors.as_ref(), request)),
    }
}

/// The answer where the settings are wrong.
pub fn without_settings(error: &SettingsError) -> Response<Bytes> {
    tracing::error!(%error, "there are no event streams");
    let message = "the server's settings are not usable; its log says why";
    failure(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unavailable,
        message,
    )
}

/// The answer where the store does not answer.
pub fn without_store(error: &StoreError) -> Response<Bytes> {
    unavailable(error)
}

async fn open<P: Ports>(live: &Live<P>, request: &Parts) -> Result<(StreamId, Bytes), Refusal> {
    if request.method != Method::GET {
        return Err(Refusal::Method);
    }
    let authorization = request.headers.typed_get::<Authorization<Bearer>>();
    let token = authorization.as_ref().map_or("", |it| it.token());
    let session = live.accounts().device_session(token);
    let session = session.map_err(|error| Refusal::Live(error.into()))?;
    live.open(session).await.map_err(Refusal::Live)
}

fn refused(refusal: &Refusal) -> Response<Bytes> {
    match refusal {
        Refusal::Method => {
            let message = "the method is none of those that this address takes";
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut answer = failure(status, ErrorCode::MethodNotAllowed, message);
            let allow = HeaderValue::from_static("GET");
            answer.headers_mut().insert(header::ALLOW, allow);
            answer
        }
        Refusal::Live(LiveError::UnknownClient) => {
            let status = StatusCode::NOT_FOUND;
            failure(status, ErrorCode::UnknownClient, "Unknown client")
        }
        Refusal::Live(LiveError::Account(AccountError::NotAuthenticated)) => {
            let status = StatusCode::UNAUTHORIZED;
            failure(status, ErrorCode::NotAuthenticated, "Not authenticated")
        }
        Refusal::Live(LiveError::Store(error) | LiveError::Account(AccountError::Store(error))) => {
            unavailable(error)
        }
        Refusal::Live(LiveError::Account(error)) => unavailable(error),
    }
}

fn unavailable(error: &impl std::fmt::Display) -> Response<Bytes> {
    tracing::warn!(%error, "a device gets no stream");
    let message = "the server cannot reach its store; try again in a moment";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut answer = failure(status, ErrorCode::Unavailable, message);
    let headers = answer.headers_mut();
    headers.insert(header::RETRY_AFTER, RETRY_AFTER.into());
    answer
}

fn failure(status: StatusCode, code: ErrorCode, message: &str) -> Response<Bytes> {
    let mut answer = api_error(status, code, message);
    let length = answer.body().len();
    let headers = answer.headers_mut();
    // Without it an answer would wait tens of milliseconds for its last bytes.
    headers.insert(header::CONTENT_LENGTH, length.into());
    answer
}

fn finished<B>(mut answer: Response<B>, cors: Option<&Cors<'_>>, request: &Parts) -> Response<B> {
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if let Some(id) = sent_request_id(&request.headers) {
        headers.insert(REQUEST_ID_HEADER, id.clone());
    }
    if let Some(cors) = cors {
        cors.finish(headers, READ);
    }
    answer
}
