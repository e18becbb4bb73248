//! What a request says, parsed on demand.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sync_core::{
    AccountError, ApiToken, Clock as _, DeviceSession, Engine, Files, HandedBy, Memory, Ports,
    Reservation, Session, TRACEPARENT_HEADER, TRACESTATE_HEADER, Token, TraceContext, Upload,
    Version,
};
use sync_proto::{
    API_TOKEN_HEADER, CLIENT_ID_HEADER, OLD_SESSION_COOKIE, PUSH_SEQUENCE_HEADER, SESSION_COOKIE,
};

use crate::argument::{self, Argument};
use crate::body::{self, RequestBody};
use crate::client_address::{client_address, handed_by};
use crate::console_cookie;
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

    /// The session: of the identity provider's token, where devices may send one, or else of the cookie. Whether it was
    /// revoked the engine finds out.
    pub(crate) async fn session<P: Ports>(
        &self,
        engine: &Engine<P>,
    ) -> Result<&Session, HttpError> {
        if let Some(known) = self.session.get() {
            return Ok(known);
        }
        let session = match self.bearer_token() {
            Some(token) if engine.accounts().takes_tokens() => {
                engine.accounts().session_of_token(token).await?
            }
            _ => self.own_session(engine)?,
        };
        Ok(self.session.get_or_init(|| session))
    }

    /// The session of the access token of a device with our own library. Whether it was ended the engine finds out.
    pub(crate) fn device_session<P: Ports>(
        &self,
        engine: &Engine<P>,
    ) -> Result<&DeviceSession, HttpError> {
        if let Some(known) = self.device_session.get() {
            return Ok(known);
        }
        let session = engine
            .accounts()
            .device_session(self.bearer_token().unwrap_or_default())?;
        Ok(self.device_session.get_or_init(|| session))
    }

    /// The session of the cookie, if it is one of ours.
    fn own_session<P: Ports>(&self, engine: &Engine<P>) -> Result<Session, HttpError> {
        let now = engine.ports().clock().now();
        // Pages of other sites cannot send cookies; there the query carries what the cookie would.
        let has_cookies = self.head.headers.contains_key(header::COOKIE);
        let in_query = [SESSION_COOKIE, OLD_SESSION_COOKIE]
            .into_iter()
            .filter(|_| !has_cookies && self.takes_session_in_query())
            .filter_map(|name| self.query(name));
        self.head
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .chain(in_query)
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.split_once('='))
            .filter(|(name, _)| [SESSION_COOKIE, OLD_SESSION_COOKIE].contains(&name.trim()))
            .find_map(|(_, value)| engine.accounts().sessions().verify(value.trim(), now))
            .ok_or(HttpError::Account(AccountError::NotAuthenticated))
    }

    /// Whether the session may be in the query string: on the addresses made for pages of other sites only.
    pub(crate) fn takes_session_in_query(&self) -> bool {
        self.head.uri.path().starts_with("/api/application")
    }

    /// The API token that the request was let in with.
    pub(crate) fn api_token(&self) -> Option<&ApiToken> {
        self.api_token.get()
    }

    /// Lets the request in with an API token.
    pub(crate) fn let_in(&self, token: ApiToken) {
        self.api_token.get_or_init(|| token);
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

    /// Whether the request was let in with the first administrator's token.
    pub(crate) fn is_administrators(&self) -> bool {
        self.is_administrators.get()
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

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self
            .header(header::AUTHORIZATION.as_str())?
            .split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The text of the API token: that of `Authorization`, or else the console's cookie.
    pub(crate) fn api_token_text(&self) -> Option<&str> {
        if self.head.headers.contains_key(header::AUTHORIZATION) {
            return self.bearer_token();
        }
        console_cookie::token(&self.head)
    }

    /// Whether the console sends the request, and no page of another site could have.
    pub(crate) fn is_from_console(&self) -> bool {
        console_cookie::is_from_console(&self.head)
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

    /// Whether the request claims to come from the administrator.
    pub(crate) fn has_api_token(&self) -> bool {
        self.header(API_TOKEN_HEADER).is_some() || self.query("api_token").is_some()
    }

    /// Checks the administrator's token in the head, if there is one: the header's and the address's, as scripts that were
    /// given another one since send both. One that is wrong decides nothing: there may be another in the body.
    pub(crate) async fn try_api_token<P: Ports>(
        &self,
        engine: &Engine<P>,
    ) -> Result<(), HttpError> {
        let in_head = [self.header(API_TOKEN_HEADER), self.query("api_token")];
        for token in in_head.into_iter().flatten() {
            match engine.accounts().check_api_token(token).await {
                Ok(()) => {
                    self.is_administrators.set(true);
                    return Ok(());
                }
                Err(AccountError::InvalidApiToken) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Checks that the request comes from the administrator.
    pub(crate) async fn require_api_token<P: Ports>(
        &self,
        engine: &Engine<P>,
    ) -> Result<(), HttpError> {
        if self.is_administrators.get() {
            return Ok(());
        }
        let in_body = argument::read(&self.json_body()?, &["api_token"]).map_err(malformed)?;
        let token = in_body.into_iter().next().unwrap_or(Argument::Missing);
        let token = token.into_text("api_token")?.unwrap_or_default();
        engine.accounts().check_api_token(&token).await?;
        self.is_administrators.set(true);
        Ok(())
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

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let mut request = http::Request::builder().method(Method::POST).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        arrived(
            request
                .body(Bytes::copy_from_slice(body.as_bytes()))
                .unwrap(),
        )
    }

    /// A request of an instance of 128 MiB, with its body.
    fn arrived(request: http::Request<Bytes>) -> Request {
        arrived_in(&Memory::of_instance(128 << 20), request)
    }

    fn arrived_in(memory: &Memory, request: http::Request<Bytes>) -> Request {
        let (head, body) = request.into_parts();
        Request {
            body,
            ..Request::new(head, Vec::new(), memory)
        }
    }

    #[test]
    fn a_body_that_would_become_too_much_is_refused_and_one_for_which_there_is_no_room_comes_again()
    {
        let json = [("content-type", "application/json")];
        let heavy = format!(r#"{{"x":[{}{{}}]}}"#, r#"{"":0},"#.repeat(150_000));
        let error = request("/", &json, &heavy).body::<Value>().unwrap_err();
        assert!(matches!(error, HttpError::BodyTooHeavy(_)), "{error:?}");
        let memory = Memory::of_instance(128 << 20);
        let large = || {
            let body = format!(r#"{{"x":"{}"}}"#, "y".repeat(1 << 20));
            let request = http::Request::post("/").header(json[0].0, json[0].1);
            arrived_in(&memory, request.body(Bytes::from(body)).unwrap())
        };
        let others = memory.hold(usize::MAX);
        let error = large().body::<Value>().unwrap_err();
        assert!(matches!(error, HttpError::OutOfMemory(_)), "{error:?}");
        drop(others);
        let large = large();
        large.body::<Value>().unwrap();
        assert!(large.held.borrow().bytes() > 1 << 20);
    }

    #[test]
    fn bodies_are_json_or_forms_and_always_objects() {
        let json = [("content-type", "application/json; charset=UTF-8")];
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let login = |request: Request| request.body::<sync_proto::Login>();
        let read = login(request("/", &json, r#"{"login":"u 1","password":"p"}"#)).unwrap();
        assert_eq!((read.login.as_str(), read.password.as_str()), ("u 1", "p"));
        let read = login(request("/", &form, "login=u+1&password=%70")).unwrap();
        assert_eq!((read.login.as_str(), read.password.as_str()), ("u 1", "p"));
        assert!(login(request("/", &json, " ")).unwrap().login.is_empty());
        for wrong in [
            "[]",
            r#"["u1","p"]"#,
            "\"x\"",
            "{",
            "null",
            r#"{"login":7}"#,
            "\u{feff}{}",
        ] {
            let error = login(request("/", &json, wrong)).unwrap_err();
            assert!(matches!(error, HttpError::MalformedBody(_)), "{wrong}");
        }
        assert!(
            request("/", &json, &"[".repeat(100_000))
                .body::<Value>()
                .is_err()
        );
    }

    #[test]
    fn the_client_id_is_the_headers_or_else_the_querys_or_else_the_bodys() {
        let both = request("/?client_id=q", &[("X-RhoConnect-CLIENT-ID", "h")], "");
        assert_eq!(both.client_id(), "h");
        assert_eq!(request("/?client_id=q", &[], "").client_id(), "q");
        let body = r#"{"client_id":"b","create":{}}"#;
        assert_eq!(request("/?client_id=q", &[], body).client_id(), "q");
        assert_eq!(request("/", &[], body).client_id(), "b");
        assert_eq!(request("/", &[], "[]").client_id(), "");
        assert_eq!(request("/", &[], "").client_id(), "");
    }

    #[test]
    fn page_sizes_and_push_numbers_have_limits() {
        assert_eq!(request("/", &[], "").page_size().unwrap(), 500);
        assert_eq!(request("/?p_size=2000", &[], "").page_size().unwrap(), 2000);
        for wrong in ["0", "-1", "abc", "1000000000", "", "1e3"] {
            assert!(
                request(&format!("/?p_size={wrong}"), &[], "")
                    .page_size()
                    .is_err(),
                "{wrong}"
            );
        }
        let number =
            |text: &str| request("/", &[("x-rhosync-push-sequence", text)], "").push_sequence();
        assert_eq!(number("7").unwrap(), Some(7));
        for wrong in ["0", "-1", "x", "9007199254740992"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn grouped_parameters_are_read_by_their_inner_names() {
        let grouped = request(
            "/?query[a]=1&query%5Bb%5D%5Bc%5D=x%20y&query=z&query[&p_size=1",
            &[],
            "",
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            grouped.query_group("query"),
            [pair("a", "1"), pair("b[c]", "x y")]
        );
    }

    #[test]
    fn a_trace_is_read_from_headers_that_make_sense() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = |headers: &[(&str, &str)]| {
            let trace = request("/", headers, "").trace()?;
            let headers = trace.headers().map(|(_, value)| value.to_owned());
            Some(headers.collect::<Vec<_>>())
        };
        let whole = [
            ("traceparent", parent),
            ("tracestate", "a=b"),
            ("tracestate", "c=d"),
        ];
        assert_eq!(trace(&whole).unwrap(), [parent, "a=b,c=d"]);
        assert_eq!(trace(&whole[..1]).unwrap(), [parent]);
        assert_eq!(trace(&whole[1..]), None);
        assert_eq!(trace(&[("traceparent", "00-1-1-01")]), None);
    }

    /// A request as nobody would write it: any bytes where HTTP allows them.
    fn any_request() -> impl Strategy<Value = http::Request<Bytes>> {
        let header = prop::sample::select(vec![
            "content-type",
            "cookie",
            "authorization",
            "traceparent",
            "tracestate",
            "idempotency-key",
            "x-rhoconnect-client-id",
            "x-rhoconnect-api-token",
            "x-rhosync-push-sequence",
            "spin-client-addr",
            "spin-full-url",
            "host",
            "x-forwarded-proto",
        ]);
        let value = prop_oneof![
            vec(any::<u8>(), 0..60),
            "[ -~]{0,60}".prop_map(String::into_bytes),
            Just(b"application/x-www-form-urlencoded".to_vec()),
            Just(b"application/json".to_vec()),
        ];
        let query = "((query|search|sources)?(\\[[a-z\\[\\]]{0,6}\\]?)*=?[!-\"$-~]{0,6}&?){0,6}";
        let body = prop_oneof![
            vec(any::<u8>(), 0..200),
            "[\\[{\"a:,0-9}\\]&=% ]{0,80}".prop_map(String::into_bytes),
        ];
        (query, vec((header, value), 0..8), body).prop_filter_map(
            "no request",
            |(query, headers, body)| {
                let mut request = http::Request::builder()
                    .method(Method::POST)
                    .uri(format!("/application?{query}"));
                for (name, value) in headers {
                    let value = http::HeaderValue::from_bytes(&value).ok();
                    request = request.header(name, value?);
                }
                request.body(Bytes::from(body)).ok()
            },
        )
    }

    proptest! {
        #[test]
        fn no_request_is_too_odd_to_be_read(request in any_request()) {
            let request = arrived(request);
            let _ = request.body::<Map<String, Value>>();
            let _ = request.body::<sync_proto::DeviceDescription>();
            let _ = request.require_object();
            let _ = request.query_list("sources");
            let _ = request.base_url();
            let _ = request.client_id();
            let _ = request.bearer_token();
            let _ = request.idempotency_key("idempotency-key");
            let _ = request.token();
            let _ = request.trace();
            let _ = request.is_https();
            let _ = client_address(request.headers(), &[]);
            let _ = request.argument("", &["client_id"]);
            for (name, _) in request.query_group("query") {
                prop_assert!(name.len() < 1_000);
            }
            if let Ok(size) = request.page_size() {
                prop_assert!((1..=HIGHEST_PAGE_SIZE).contains(&size));
            }
            if let Ok(Some(number)) = request.push_sequence() {
                prop_assert!(number > 0);
            }
        }

        #[test]
        fn what_is_put_into_a_query_comes_out_of_it(
            pairs in vec(("[a-z]{1,6}", any::<String>()), 0..10),
        ) {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for (name, value) in &pairs {
                query.append_pair(&format!("query[{name}]"), value);
            }
            let request = request(&format!("/x?{}", query.finish()), &[], "");
            prop_assert_eq!(request.query_group("query"), pairs);
        }
    }
}
