//! Plain JSON over HTTP.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use serde_json::Value;
use sync_client::{Transport as _, UreqTransport};

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

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Sends a request, and returns whatever answer comes.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Response<Bytes> {
        let body = body.into();
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.server))
            .body(body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        request.headers_mut().extend(self.headers.clone());
        self.transport
            .send(request)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}: {:?}", error.0))
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

/// An answer's body as text.
pub fn text_of(answer: &Response<Bytes>) -> String {
    String::from_utf8_lossy(answer.body()).into_owned()
}
