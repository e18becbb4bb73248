//! Plain JSON over HTTP.

use bytes::Bytes;
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use serde_json::{Value, json};
use sync_client::rhoconnect::{Transport as _, TransportError, UreqTransport};

/// A server that takes and gives JSON, with headers that go with every request.
#[derive(Clone, Debug)]
pub struct Rest {
    transport: UreqTransport,
    server: String,
    headers: HeaderMap,
}

impl Rest {
    /// The server at `server`.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            transport: UreqTransport::default(),
            server: server.into(),
            headers: HeaderMap::new(),
        }
    }

    /// The server at `server`, which is told that bodies are JSON.
    pub fn json(server: impl Into<String>) -> Self {
        Self::new(server).with_header("content-type", "application/json")
    }

    /// The server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::try_from(name).expect("a header's name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.headers.append(name, value);
        self
    }

    /// The same without a header.
    #[must_use]
    pub fn without_header(mut self, name: &HeaderName) -> Self {
        self.headers.remove(name);
        self
    }

    /// The same with a token of the API.
    #[must_use]
    pub fn with_bearer(self, token: &str) -> Self {
        self.with_header(AUTHORIZATION.as_str(), format!("Bearer {token}"))
    }

    /// Sends a request, and returns whatever answer comes.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Response<Bytes> {
        self.try_send(method.clone(), path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}: {:?}", error.0))
    }

    /// Sends a request, and returns whatever answer comes.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn try_send(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server))
            .body(body.into())
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        request.headers_mut().extend(self.headers.clone());
        self.transport.send(request)
    }

    /// Sends a request that must succeed, and returns the answer's body.
    ///
    /// # Panics
    ///
    /// When it does not succeed.
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Bytes {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let answer = self.send(method.clone(), path, body);
        assert!(
            answer.status().is_success(),
            "{method} {path}: {} {}",
            answer.status(),
            text_of(&answer)
        );
        answer.into_body()
    }

    /// Sends a request whose answer must have this status. Without a body, `body` is null.
    ///
    /// # Panics
    ///
    /// When the answer has another status.
    pub fn expect(&self, status: u16, method: Method, path: &str, body: &Value) -> Response<Bytes> {
        let sent = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let answer = self.send(method.clone(), path, sent);
        assert_eq!(
            answer.status(),
            status,
            "{method} {path} {body}: {}",
            text_of(&answer)
        );
        answer
    }

    /// Logs a user in; returns the session's cookie.
    ///
    /// # Panics
    ///
    /// When the user is not let in.
    pub fn log_in(&self, user: &str, password: &str) -> String {
        let login = json!({"login": user, "password": password});
        let answer = self.expect(200, Method::POST, "/rc/v1/app/login", &login);
        let cookie = answer.headers()[SET_COOKIE].to_str().expect("a cookie");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    /// Registers a client of the user whose cookie goes with every request; returns its id.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn register_client(&self, description: &Value) -> String {
        let made = self.expect(200, Method::POST, "/rc/v1/clients", description);
        let made = json_of(&made);
        let id = made["client"]["client_id"].as_str();
        id.expect("a client's id").to_owned()
    }

    /// Reads JSON.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn get(&self, path: &str) -> Value {
        let body = self.call(Method::GET, path, None);
        serde_json::from_slice(&body).expect("JSON")
    }
}

/// An answer's body as JSON.
///
/// # Panics
///
/// When it is something else.
pub fn json_of(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).expect("JSON")
}

/// An answer's body as text.
pub fn text_of(answer: &Response<Bytes>) -> String {
    String::from_utf8_lossy(answer.body()).into_owned()
}
