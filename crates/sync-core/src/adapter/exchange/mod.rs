//! What adapters that speak HTTP have in common: a request, its answer, and what the answer means.

mod grant;
mod misread;
mod oauth2;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::adapter::exchange::grant::Token;
use crate::adapter::exchange::oauth2::TokenCache;
use crate::adapter::{AdapterError, AdapterSecrets, Call, Stash, StashError};
use crate::mapping::{Format, Mapping, Unreadable, without_mark};
use crate::memory::{NoRoom, Reservation};
use crate::model::{Attributes, ObjectId, to_attributes};
use crate::ports::{AnswerRoom, Clock as _, HttpClient as _, HttpError, Ports};
use crate::settings::{Authorization, Connection, Secret, UserAuthorization};
use crate::trace::TraceContext;

/// Which part of an instance's memory for requests an answer may have: it may be held twice while it arrives, and
/// three times once it is read.
const LARGEST_SHARE: usize = 6;

/// Most bytes of an answer that is on nobody's behalf, and of one in which a message or an id is looked for.
const MAX_SMALL_BYTES: usize = 64 * 1024;

/// Most characters of a back end's own message that go to a device.
const MAX_MESSAGE_CHARS: usize = 500;

/// Tells the back end that two requests are the same attempt (draft-ietf-httpapi-idempotency-key-header).
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An answer, whatever its status, with the memory that it takes and what it has become.
pub(super) struct Answer {
    response: http::Response<Bytes>,
    held: RefCell<Reservation>,
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

    /// The body, unless it is one that could not be unpacked.
    pub(super) fn unpacked(&self) -> Result<&[u8], AdapterError> {
        misread::check_unpacked(self)?;
        Ok(self.body())
    }

    /// Reads the answer as JSON, if there is memory for what it becomes. `shape` says how it should look.
    pub(super) fn json<T: DeserializeOwned>(&self, shape: &str) -> Result<T, AdapterError> {
        self.json_or(|error| bad_answer(format!("the answer is not {shape}: {error}")))
    }

    fn json_or<T: DeserializeOwned>(
        &self,
        wrong: impl FnOnce(serde_json::Error) -> AdapterError,
    ) -> Result<T, AdapterError> {
        let json = without_mark(self.unpacked()?);
        let weighed = self.held.borrow_mut().grow_by_json(json);
        weighed.map_err(no_room)?;
        serde_json::from_slice(json).map_err(wrong)
    }

    /// Reads the answer as the mapping says, if there is memory for what it becomes.
    pub(super) fn tree(&self, mapping: &Mapping) -> Result<Value, AdapterError> {
        let wrong =
            |form: &str, reason: &dyn std::fmt::Display| misread::misread(self, form, reason);
        let form = match mapping.format {
            Format::Json => return self.json_or(|error| wrong("JSON", &error)),
            Format::Xml => "XML",
            Format::Csv => "CSV",
        };
        let mut held = self.held.borrow_mut();
        let mut weigh = |bytes| held.grow_by_tree(bytes);
        mapping
            .read_text(self.unpacked()?, &mut weigh)
            .map_err(|error| match error {
                Unreadable::Malformed(reason) => wrong(form, &reason),
                Unreadable::NoRoom(error) => no_room(error),
            })
    }

    /// Memory for what the answer becomes, until it is handed over.
    pub(super) fn room(&self) -> Reservation {
        self.held.borrow().another()
    }

    /// The body, if it is small: a message, or an id.
    pub(super) fn small_body(&self) -> Option<&[u8]> {
        let body = self.unpacked().ok()?;
        Some(body).filter(|body| body.len() <= MAX_SMALL_BYTES)
    }
}

pub(super) fn no_room(error: NoRoom) -> AdapterError {
    match error {
        NoRoom::Ever(error) => bad_answer(error.to_string()),
        NoRoom::Now(error) => unavailable(error),
    }
}

fn unavailable(error: impl ToString) -> AdapterError {
    AdapterError::Unavailable {
        message: error.to_string(),
    }
}

/// A request to a back end, without what its connection adds.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Outgoing {
    pub(super) fn new(method: Method, url: String) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// The request with a body.
    pub(super) fn with_body(mut self, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        self.headers.insert(header::CONTENT_TYPE, content_type);
        self.body = body.into();
        self
    }
}

/// Calls one back end as its connection's settings say.
pub(super) struct Caller<P> {
    ports: Rc<P>,
    connection: Connection,
    token: TokenCache,
    secrets: Option<AdapterSecrets>,
}

impl<P: Ports> Caller<P> {
    pub(super) fn new(ports: Rc<P>, connection: Connection) -> Self {
        Self {
            ports,
            connection,
            token: TokenCache::default(),
            secrets: None,
        }
    }

    /// The caller with what the server knows of secrets beside its settings.
    pub(super) fn with_secrets(self, secrets: &AdapterSecrets) -> Self {
        Self {
            secrets: Some(secrets.clone()),
            ..self
        }
    }

    pub(super) fn ports(&self) -> &P {
        &self.ports
    }

    /// The query parameter that the caller sets itself.
    pub(super) fn own_parameter(&self) -> Option<&str> {
        match &self.connection.authorization {
            Some(Authorization::KeyParameter(name, _)) => Some(name),
            _ => None,
        }
    }

    /// Sends a request, on behalf of a call if there is one.
    pub(super) async fn send(
        &self,
        outgoing: Outgoing,
        call: Option<&Call<'_>>,
    ) -> Result<Answer, AdapterError> {
        let oauth2 = match &self.connection.authorization {
            Some(Authorization::OAuth2(oauth2)) => oauth2,
            Some(Authorization::User(shown)) => {
                let proof = self.proof_of_user(*shown, call).await?;
                return self.send_with(outgoing, call, Some(proof)).await;
            }
            _ => return self.send_with(outgoing, call, None).await,
        };
        let token = match self.token.current(self.ports.clock().now()) {
            Some(token) => Token::Known(token),
            None => self.new_token(oauth2, None, call).await?,
        };
        let again = matches!(token, Token::Known(_)).then(|| outgoing.clone());
        let proof = Some(bearer(token.secret()));
        let answer = self.send_with(outgoing, call, proof).await?;
        match again {
            // It may have been revoked before its time.
            Some(again) if answer.status() == StatusCode::UNAUTHORIZED => {
                self.token.forget();
                let next = self.new_token(oauth2, Some(token.secret()), call).await?;
                let proof = Some(bearer(next.secret()));
                self.send_with(again, call, proof).await
            }
            _ => Ok(answer),
        }
    }

    /// What the user of a call has signed in with, as it is shown to the back end.
    async fn proof_of_user(
        &self,
        shown: UserAuthorization,
        call: Option<&Call<'_>>,
    ) -> Result<String, AdapterError> {
        let credentials = self.secrets.as_ref();
        let credentials = credentials.and_then(|secrets| secrets.credentials.as_ref());
        let known = match (credentials, call) {
            (Some(credentials), Some(call)) => credentials.of(call.user).await,
            _ => Ok(None),
        };
        let known = known.map_err(StashError::from)?;
        let proof = known.and_then(|known| match shown {
            UserAuthorization::Basic => Some(basic(&known.login, &known.password)),
            UserAuthorization::Bearer => known.token.as_ref().map(bearer),
        });
        proof.ok_or_else(|| AdapterError::Unauthorized {
            message: "the user must sign in again: the back end is asked with what the user signs in with"
                .to_owned(),
        })
    }

    /// `proof` is what the header `Authorization` says where that is not in the settings.
    async fn send_with(
        &self,
        Outgoing {
            method,
            mut url,
            headers,
            body,
        }: Outgoing,
        call: Option<&Call<'_>>,
        proof: Option<String>,
    ) -> Result<Answer, AdapterError> {
        let mut request = http::Request::builder().method(method);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        // What one kind of call says counts more than what all of them say.
        let of_all = self.connection.headers.iter();
        for (name, value) in of_all.filter(|(name, _)| !headers.contains_key(name)) {
            request = request.header(name, value.expose());
        }
        let known = request.headers_ref();
        if known.is_some_and(|known| !known.contains_key(header::ACCEPT)) {
            request = request.header(header::ACCEPT, "application/json");
        }
        match &self.connection.authorization {
            None | Some(Authorization::OAuth2(_) | Authorization::User(_)) => {}
            Some(Authorization::Bearer(token)) => {
                request = request.header(header::AUTHORIZATION, bearer(token));
            }
            Some(Authorization::Basic(user, password)) => {
                request = request.header(header::AUTHORIZATION, basic(user, password));
            }
            Some(Authorization::KeyHeader(name, key)) => {
                request = request.header(name, key.expose());
            }
            Some(Authorization::KeyParameter(name, key)) => {
                let mut pair = form_urlencoded::Serializer::new(String::new());
                pair.append_pair(name, key.expose());
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&pair.finish());
            }
        }
        if let Some(proof) = proof {
            request = request.header(header::AUTHORIZATION, proof);
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
        let request = request
            .uri(url)
            .body(body)
            .map_err(|error| bad_answer(format!("cannot make the request: {error}")))?;
        self.exchange(request, call).await
    }

    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        call: Option<&Call<'_>>,
    ) -> Result<Answer, AdapterError> {
        let timeout = Duration::from_millis(self.connection.timeout_ms);
        let mut room = call.map_or_else(
            || AnswerRoom::of(MAX_SMALL_BYTES),
            |Call { memory, .. }| AnswerRoom::in_memory(memory.total() / LARGEST_SHARE, memory),
        );
        let host = request.uri().authority().map(ToString::to_string);
        let answer = self.ports.http().send(request, timeout, &mut room).await;
        let answer = answer.and_then(|mut answer| {
            room.unpack(&host.unwrap_or_default(), &mut answer)?;
            Ok(answer)
        });
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
}

fn bearer(token: &Secret) -> String {
    format!("Bearer {}", token.expose())
}

fn basic(user: &Secret, password: &Secret) -> String {
    let pair = BASE64.encode(format!("{}:{}", user.expose(), password.expose()));
    format!("Basic {pair}")
}

/// How long a back end wants to be left alone: a number of seconds, or until a time.
fn retry_after(answer: &Answer) -> Option<u64> {
    let text = answer
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let said = answer.headers().get(header::DATE)?.to_str().ok()?;
    let now = httpdate::parse_http_date(said).ok()?;
    let millis = until.duration_since(now).ok()?.as_millis();
    u64::try_from(millis).ok()
}

/// Reads a refusal: what kind it is, and what the back end says about it.
pub(super) fn refusal(answer: &Answer) -> AdapterError {
    let status = answer.status();
    let message = message_of(answer).unwrap_or_else(|| status.to_string());
    if matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) && let Some(retry_after_ms) = retry_after(answer)
    {
        return AdapterError::Throttled {
            message,
            retry_after_ms,
        };
    }
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
        StatusCode::NOT_MODIFIED => bad_answer(
            "the back end answers that nothing has changed (304), which it was not asked",
        ),
        _ if status.is_redirection() => misfit("url", redirected(answer)),
        _ => bad_answer(format!("unexpected answer: {status}")),
    }
}

/// Where a back end sends whoever asks. Nobody goes there: credentials are for the address in the settings.
fn redirected(answer: &Answer) -> String {
    let status = answer.status();
    let place = answer.headers().get(header::LOCATION);
    // What comes behind the path may be secret.
    let place = place.and_then(|place| place.to_str().ok()?.split(['?', '#']).next());
    let place = shortened(place.unwrap_or("nowhere"));
    format!(
        "{status}: the back end sends the server to {place}, and the server follows no one; name the right address, or is the server not signed in?"
    )
}

/// Where back ends say what is wrong, the most telling first: plugins, OAuth2 (RFC 6749), OData, and problem details (RFC 9457).
const MESSAGES: [&str; 6] = [
    "/message",
    "/error_description",
    "/error/message",
    "/error",
    "/detail",
    "/title",
];

/// What the back end says in a JSON object.
pub(super) fn message_of(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(without_mark(answer.small_body()?)).ok()?;
    let found = MESSAGES
        .iter()
        .find_map(|place| body.pointer(place)?.as_str());
    to_message(found?)
}

/// What the back end says to a user; an empty text says nothing.
pub(super) fn to_message(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| shortened(text))
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
    let object = to_object(&id, values);
    object.inspect_err(|reason| stash.refuse(&id, reason)).ok()
}

/// An object as the server keeps it.
///
/// # Errors
/// Why it cannot be kept.
pub(super) fn to_object(
    id: &str,
    values: Map<String, Value>,
) -> Result<(ObjectId, Attributes), String> {
    let attributes = to_attributes(values).map_err(|error| error.to_string())?;
    let id = ObjectId::parse(id).map_err(|error| error.to_string())?;
    Ok((id, attributes))
}

pub(super) fn misfit(setting: &'static str, message: impl Into<String>) -> AdapterError {
    AdapterError::Misfit {
        setting,
        message: message.into(),
    }
}

pub(super) fn bad_answer(message: impl Into<String>) -> AdapterError {
    AdapterError::BadAnswer {
        message: message.into(),
    }
}
