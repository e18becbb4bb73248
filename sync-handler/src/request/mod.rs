//! What a request says, parsed on demand.

mod credentials;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sync_core::{
    ApiToken, DeviceSession, Engine, Expected, Files, HandedBy, Memory, Ports, Reservation,
    Session, TRACEPARENT_HEADER, TRACESTATE_HEADER, Token, TraceContext, Upload, Version,
};
use sync_proto::{CLIENT_ID_HEADER, PUSH_SEQUENCE_HEADER};

use crate::argument;
use crate::body::{self, RequestBody};
use crate::client_address::{client_address, handed_by};
use crate::error::HttpError;
use crate::form::Form;
use crate::nested::nest;
use crate::router::Parameters;

/// Longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// A page beyond this is a mistake, not a wish.
const HIGHEST_PAGE_SIZE: usize = 100_000;

/// Forms bring names and passwords, and now and then a list.
const MAX_FORM_BYTES: usize = 256 * 1024;

/// A request, with as much of its body as has arrived.
pub(crate) struct Request {
    head: http::request::Parts,
    body: Bytes,
    parameters: Parameters,
    query: OnceCell<Vec<(String, String)>>,
    uploads: Vec<Upload>,
    base_url: OnceCell<String>,
    client_id_in_body: OnceCell<String>,
    /// What the body takes, and what it has become.
    held: RefCell<Reservation>,
    is_weighed: Cell<bool>,
    session: OnceCell<Session>,
    device_session: OnceCell<DeviceSession>,
    api_token: OnceCell<ApiToken>,
    is_administrators: Cell<bool>,
}

impl Request {
    /// A request whose body has not arrived yet.
    pub(crate) fn new(head: http::request::Parts, parameters: Parameters, memory: &Memory) -> Self {
        Self {
            head,
            body: Bytes::new(),
            parameters,
            query: OnceCell::new(),
            uploads: Vec::new(),
            base_url: OnceCell::new(),
            client_id_in_body: OnceCell::new(),
            held: RefCell::new(memory.nothing()),
            is_weighed: Cell::new(false),
            session: OnceCell::new(),
            device_session: OnceCell::new(),
            api_token: OnceCell::new(),
            is_administrators: Cell::new(false),
        }
    }

    /// Lets the body arrive.
    pub(crate) async fn read_body(
        &mut self,
        body: impl RequestBody,
        max_bytes: usize,
    ) -> Result<(), HttpError> {
        // What somebody says who is not known takes no memory from others.
        let length = self
            .is_known()
            .then(|| self.header(header::CONTENT_LENGTH.as_str())?.parse().ok());
        let held = self.held.get_mut();
        self.body = body::read_whole(body, length.flatten(), max_bytes, held).await?;
        Ok(())
    }

    /// Whether the head says who sends it.
    fn is_known(&self) -> bool {
        self.is_administrators.get()
            || self.session.get().is_some()
            || self.device_session.get().is_some()
            || self.api_token.get().is_some()
    }

    /// The request that brings what a form had: its changes as the body, and its files.
    pub(crate) fn with_form(mut self, form: Form) -> Self {
        let json = HeaderValue::from_static("application/json");
        self.head.headers.insert(header::CONTENT_TYPE, json);
        Self {
            body: form.changes,
            held: RefCell::new(form.held),
            uploads: form.uploads,
            ..self
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub(crate) fn method(&self) -> &Method {
        &self.head.method
    }

    pub(crate) fn uploads(&self) -> &[Upload] {
        &self.uploads
    }

    /// The files that came with the changes.
    pub(crate) fn files(&self) -> Files<'_> {
        Files {
            uploads: &self.uploads,
            base_url: self.base_url(),
        }
    }

    /// The server's address as the other end knows it; empty where it does not say.
    pub(crate) fn base_url(&self) -> &str {
        self.base_url.get_or_init(|| {
            let scheme = if self.is_https() { "https" } else { "http" };
            let host = self.header(header::HOST.as_str());
            let authority = host.and_then(|host| host.parse().ok());
            let authority: Option<Authority> = self.head.uri.authority().cloned().or(authority);
            authority.map_or_else(String::new, |authority| format!("{scheme}://{authority}"))
        })
    }

    /// A parameter of the path; the router has seen to it that it is there.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    fn query_pairs(&self) -> &[(String, String)] {
        self.query.get_or_init(|| {
            let query = self.head.uri.query().unwrap_or_default();
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect()
        })
    }

    /// The parameters `group[name]=value` of the query string, by their names.
    pub(crate) fn query_group(&self, group: &str) -> Vec<(String, String)> {
        self.query_pairs()
            .iter()
            .filter_map(|(name, value)| {
                let inner = name.strip_prefix(group)?.strip_prefix('[')?;
                // `group[a][b]` is `a[b]`.
                let (name, rest) = inner.split_once(']')?;
                Some((format!("{name}{rest}"), value.clone()))
            })
            .collect()
    }

    /// The objects of `group[][field]`, a list in the form web frameworks read.
    pub(crate) fn query_list(&self, group: &str) -> Vec<Map<String, Value>> {
        let is_item = |name: &str| {
            let rest = name.strip_prefix(group);
            rest.is_some_and(|rest| rest.starts_with("[][") && rest.ends_with(']'))
        };
        let fields = self.query_pairs().iter().filter(|(name, _)| is_item(name));
        let Some(Value::Array(items)) = nest(fields.cloned())
            .ok()
            .and_then(|mut groups| groups.remove(group))
        else {
            return Vec::new();
        };
        items
            .into_iter()
            .filter_map(|item| match item {
                Value::Object(fields) => Some(fields),
                _ => None,
            })
            .collect()
    }

    /// An argument of a call: the path's where it stands there, or else what the body or the query calls by one of
    /// these names, in that order.
    pub(crate) fn argument(&self, path_name: &str, names: &[&str]) -> Result<String, HttpError> {
        self.optional_argument(path_name, names)?.ok_or_else(|| {
            HttpError::MissingArgument(names.first().map_or("", |name| name).to_owned())
        })
    }

    /// As [`Request::argument`], for one that may be missing.
    pub(crate) fn optional_argument(
        &self,
        path_name: &str,
        names: &[&str],
    ) -> Result<Option<String>, HttpError> {
        if let Some((_, value)) = self.parameters.iter().find(|(known, _)| known == path_name) {
            return Ok(Some(value.clone()));
        }
        let in_body = argument::read(&self.json_body()?, names).map_err(malformed)?;
        for (name, argument) in names.iter().zip(in_body) {
            if let Some(text) = argument.into_text(name)? {
                return Ok(Some(text));
            }
            if let Some(value) = self.query(name) {
                return Ok(Some(value.to_owned()));
            }
        }
        Ok(None)
    }

    /// A parameter of the query string.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query_pairs()
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The body as it came.
    pub(crate) fn raw_body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON or as a form, whichever its content type says. An empty body is an empty object.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        self.parse(&self.json_body()?)
    }

    /// Reads JSON that the request brought, if there is memory for what it becomes.
    pub(crate) fn parse<T: DeserializeOwned>(&self, json: &[u8]) -> Result<T, HttpError> {
        if !self.is_weighed.replace(true) {
            self.held.borrow_mut().grow_by_json(json)?;
        }
        serde_json::from_slice(json).map_err(malformed)
    }

    /// The body as a JSON object. Forms are written as one, so that there is one parser for each type of body.
    fn json_body(&self) -> Result<Cow<'_, [u8]>, HttpError> {
        let content_type = self
            .header(header::CONTENT_TYPE.as_str())
            .unwrap_or_default();
        match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => Ok(Cow::Borrowed(b"{}")),
            Some(_) if content_type.starts_with("application/x-www-form-urlencoded") => {
                if self.body.len() > MAX_FORM_BYTES {
                    let max_bytes = MAX_FORM_BYTES;
                    return Err(HttpError::BodyTooLarge { max_bytes });
                }
                let fields = form_urlencoded::parse(&self.body).into_owned();
                let fields =
                    nest(fields).map_err(|error| HttpError::MalformedBody(error.to_string()))?;
                serde_json::to_vec(&fields)
                    .map(Cow::Owned)
                    .map_err(malformed)
            }
            Some(b'{') => Ok(Cow::Borrowed(&self.body)),
            // It would be read as a struct in array form.
            Some(_) => Err(HttpError::MalformedBody(
                "the body is not a JSON object".to_owned(),
            )),
        }
    }

    /// Checks that the body is an object, for calls that may have no use for it: whoever sends something else does not mean
    /// what the call would do.
    pub(crate) fn require_object(&self) -> Result<(), HttpError> {
        #[derive(Deserialize)]
        struct Anything {}
        self.body().map(|Anything {}| ())
    }

    /// The source: the path's, or else the query's or the body's.
    pub(crate) fn source(&self) -> Result<String, HttpError> {
        self.optional_argument("source", &["source_name"])?
            .filter(|name| !name.is_empty())
            .ok_or(HttpError::MissingSource)
    }

    /// The path, as it came.
    pub(crate) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// Method and path, for people.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.head.method, self.head.uri.path())
    }

    /// The client id: the header's, or else the query's, or else the body's.
    pub(crate) fn client_id(&self) -> &str {
        self.header(CLIENT_ID_HEADER)
            .or_else(|| self.query("client_id"))
            .unwrap_or_else(|| self.client_id_in_body())
    }

    fn client_id_in_body(&self) -> &str {
        #[derive(Default, Deserialize)]
        struct Body {
            #[serde(default)]
            client_id: String,
        }
        self.client_id_in_body
            .get_or_init(|| self.body::<Body>().unwrap_or_default().client_id)
    }

    /// What the body says, and the query what the body leaves out.
    pub(crate) fn body_or_query<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        let in_query = self.query_pairs().iter().cloned();
        let mut fields: Map<String, Value> = in_query
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        fields.extend(self.body::<Map<String, Value>>()?);
        let all = serde_json::to_vec(&fields).map_err(malformed)?;
        self.parse(&all)
    }

    /// Checks that a body, if there is one, says that it is JSON.
    pub(crate) fn require_json(&self) -> Result<(), HttpError> {
        let content_type = self
            .header(header::CONTENT_TYPE.as_str())
            .unwrap_or_default();
        if self.body.is_empty() || content_type.starts_with("application/json") {
            Ok(())
        } else {
            Err(HttpError::UnsupportedMediaType)
        }
    }

    /// What makes a repeated write have no second effect. Requests that only read have no use for it.
    pub(crate) fn idempotency_key(&self, name: &str) -> Result<Option<&str>, HttpError> {
        let Some(key) = self.head.headers.get(name) else {
            return Ok(None);
        };
        let key = key
            .to_str()
            .ok()
            .filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
        let key = key.ok_or_else(|| {
            HttpError::InvalidValue(format!(
                "{name} has between 1 and {MAX_KEY_BYTES} characters"
            ))
        })?;
        Ok((self.head.method != Method::GET).then_some(key))
    }

    /// In which state something has to be, so that this request changes it (RFC 9110, section 13.1.1). A weak tag is never the same.
    pub(crate) fn expected(&self) -> Expected {
        let mut lines = self
            .head
            .headers
            .get_all(header::IF_MATCH)
            .iter()
            .peekable();
        if lines.peek().is_none() {
            return Expected::Any;
        }
        let tags = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
        let tags: Vec<&str> = tags.map(str::trim).collect();
        if tags.contains(&"*") {
            return Expected::Any;
        }
        let quoted = |tag: &&str| tag.strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
        Expected::OneOf(tags.iter().filter_map(quoted).collect())
    }

    /// What a pull acknowledges. A text that is no token counts as none, as devices have always been answered: the page that
    /// was not acknowledged comes again.
    pub(crate) fn token(&self) -> Option<Token> {
        Token::parse(self.query("token").unwrap_or_default()).unwrap_or_default()
    }

    /// The number of a push, where the device counts them.
    pub(crate) fn push_sequence(&self) -> Result<Option<u64>, HttpError> {
        let Some(text) = self.header(PUSH_SEQUENCE_HEADER) else {
            return Ok(None);
        };
        text.parse()
            .ok()
            .filter(|number| (1..Version::LIMIT.0).contains(number))
            .map(Some)
            .ok_or_else(|| {
                HttpError::InvalidValue(format!(
                    "{PUSH_SEQUENCE_HEADER} is a number between 1 and 2^53"
                ))
            })
    }

    /// What ties the request to those it leads to, if its headers say so and make sense.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        let parent = self.header(TRACEPARENT_HEADER)?;
        let states = self.head.headers.get_all(TRACESTATE_HEADER).iter();
        let states: Option<Vec<_>> = states.map(|state| state.to_str().ok()).collect();
        let state = states
            .map(|states| states.join(","))
            .filter(|state| !state.is_empty());
        TraceContext::parse(parent, state.as_deref())
    }

    /// How many objects a pull asks for.
    pub(crate) fn page_size(&self) -> Result<usize, HttpError> {
        let Some(text) = self.query("p_size") else {
            return Ok(sync_core::DEFAULT_PAGE_SIZE);
        };
        text.parse()
            .ok()
            .filter(|size| (1..=HIGHEST_PAGE_SIZE).contains(size))
            .ok_or(HttpError::InvalidPageSize {
                highest: HIGHEST_PAGE_SIZE,
            })
    }

    /// Whether the device came by an encrypted connection, as the host or what stands before it says.
    pub(crate) fn is_https(&self) -> bool {
        self.header("x-forwarded-proto") == Some("https")
            || self
                .header("spin-full-url")
                .is_some_and(|url| url.starts_with("https:"))
    }

    /// Whether a trusted proxy has handed the request over.
    pub(crate) fn handed_by<P: Ports>(&self, engine: &Engine<P>) -> HandedBy {
        let settings = &engine.settings().authentication;
        handed_by(self.headers(), &settings.trusted_proxies)
    }

    /// The address by which whoever sends the request is counted.
    pub(crate) fn client_address<P: Ports>(&self, engine: &Engine<P>) -> String {
        let settings = &engine.settings().authentication;
        client_address(self.headers(), &settings.trusted_proxies)
    }
}

fn malformed(error: serde_json::Error) -> HttpError {
    HttpError::MalformedBody(error.to_string())
}
