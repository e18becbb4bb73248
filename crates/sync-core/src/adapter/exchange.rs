//! What adapters that speak HTTP have in common: a request, its answer, and what the answer means.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::adapter::{AdapterError, Call, Stash};
use crate::memory::{NoRoom, Reservation};
use crate::model::{Attributes, ObjectId, to_attributes};
use crate::ports::{AnswerRoom, HttpClient as _, HttpError, Ports};
use crate::settings::{Authorization, Connection};
use crate::trace::TraceContext;

/// Which part of an instance's memory for requests an answer may have: it is held twice while it arrives, and three times
/// once it is read.
const LARGEST_SHARE: usize = 6;

/// Most bytes of an answer that is on nobody's behalf, and of one in which a message or an id is looked for.
const MAX_SMALL_BYTES: usize = 64 * 1024;

/// Most characters of a back end's own message that go to a device.
const MAX_MESSAGE_CHARS: usize = 500;

/// Tells the back end that two requests are the same attempt (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An answer, whatever its status, with the memory that it takes and what it has become.
pub(super) struct Answer {
    response: http::Response<Bytes>,
    held: RefCell<Option<Reservation>>,
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(super) fn body(&self) -> &[u8] {
        self.response.body()
    }

    /// Reads the answer as JSON, if there is memory for what it becomes. `shape` says how it should look.
    pub(super) fn json<T: DeserializeOwned>(&self, shape: &str) -> Result<T, AdapterError> {
        let json = self.body();
        if let Some(held) = &mut *self.held.borrow_mut() {
            held.grow_by_json(json).map_err(|error| match error {
                NoRoom::Ever(error) => bad_answer(error.to_string()),
                NoRoom::Now(error) => unavailable(error),
            })?;
        }
        serde_json::from_slice(json)
            .map_err(|error| bad_answer(format!("the answer is not {shape}: {error}")))
    }

    /// The body, if it is small: a message, or an id.
    pub(super) fn small_body(&self) -> Option<&[u8]> {
        Some(self.body()).filter(|body| body.len() <= MAX_SMALL_BYTES)
    }
}

fn unavailable(error: impl ToString) -> AdapterError {
    AdapterError::Unavailable {
        message: error.to_string(),
    }
}

/// Sends a request as the connection's settings say, on behalf of a call if there is one; a body is JSON.
pub(super) async fn send<P: Ports>(
    ports: &P,
    connection: &Connection,
    mut request: http::request::Builder,
    call: Option<&Call<'_>>,
    body: Option<Vec<u8>>,
) -> Result<Answer, AdapterError> {
    request = request.header(header::ACCEPT, "application/json");
    for (name, value) in &connection.headers {
        request = request.header(name, value.expose());
    }
    match &connection.authorization {
        None => {}
        Some(Authorization::Bearer(token)) => {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        Some(Authorization::Basic(user, password)) => {
            let pair = BASE64.encode(format!("{}:{}", user.expose(), password.expose()));
            request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
        }
    }
    for (name, value) in call
        .and_then(|call| call.trace)
        .into_iter()
        .flat_map(TraceContext::headers)
    {
        request = request.header(name, value);
    }
    if let Some(key) = call
        .map(|call| call.idempotency_key)
        .filter(|key| !key.is_empty())
    {
        request = request.header(IDEMPOTENCY_KEY, key);
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let request = request
        .body(Bytes::from(body.unwrap_or_default()))
        .map_err(|error| bad_answer(format!("cannot make the request: {error}")))?;
    let timeout = Duration::from_millis(connection.timeout_ms);
    let mut room = call.map_or_else(
        || AnswerRoom::of(MAX_SMALL_BYTES),
        |Call { memory, .. }| AnswerRoom::in_memory(memory.total() / LARGEST_SHARE, memory),
    );
    let answer = ports.http().send(request, timeout, &mut room).await;
    let response = answer.map_err(|error| match error {
        HttpError::TooLarge { .. } => bad_answer(format!(
            "{error}; a larger `instance_memory_bytes` in the settings allows more"
        )),
        HttpError::NoAnswer { .. }
        | HttpError::TimedOut { .. }
        | HttpError::Denied { .. }
        | HttpError::OutOfMemory(_) => unavailable(error),
    })?;
    Ok(Answer {
        response,
        held: RefCell::new(room.into_held()),
    })
}

/// Reads a refusal: what kind it is, and what the back end says about it.
pub(super) fn refusal(answer: &Answer) -> AdapterError {
    let status = answer.status();
    let message = message_of(answer).unwrap_or_else(|| status.to_string());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => AdapterError::Unauthorized { message },
        StatusCode::NOT_FOUND | StatusCode::GONE => AdapterError::NotFound { message },
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            AdapterError::Conflict { message }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            AdapterError::Unavailable { message }
        }
        _ if status.is_client_error() => AdapterError::Rejected { message },
        _ if status.is_server_error() => AdapterError::Unavailable { message },
        _ => bad_answer(format!("unexpected answer: {status}")),
    }
}

/// What the back end says in a JSON object's `message` or `error`.
pub(super) fn message_of(answer: &Answer) -> Option<String> {
    let mut body: Map<String, Value> = serde_json::from_slice(answer.small_body()?).ok()?;
    match body.remove("message").or_else(|| body.remove("error"))? {
        Value::String(text) if !text.is_empty() => Some(shortened(&text)),
        _ => None,
    }
}

/// A text of the back end at a length that can be shown on a phone.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}

/// Reads one object; one that cannot be kept is refused.
pub(super) fn read_object(
    id: String,
    values: Map<String, Value>,
    stash: &mut dyn Stash,
) -> Option<(ObjectId, Attributes)> {
    let attributes = to_attributes(values).map_err(|error| error.to_string());
    let read = attributes.and_then(|attributes| {
        let id = ObjectId::parse(id.as_str()).map_err(|error| error.to_string())?;
        Ok((id, attributes))
    });
    read.inspect_err(|reason| stash.refuse(&id, reason)).ok()
}

pub(super) fn bad_answer(message: impl Into<String>) -> AdapterError {
    AdapterError::BadAnswer {
        message: message.into(),
    }
}
