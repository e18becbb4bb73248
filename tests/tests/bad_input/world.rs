//! A server that must not be moved by what it is sent, and what it is sent.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use integration_tests::{
    ADMIN_PASSWORD, Admin, Deployment, Options, RedisContent, Rest, password_of, text_of,
};
use serde_json::{Value, json};
use sync_client::{Objects, Transport as _, UreqTransport};
use sync_proto::{API_TOKEN_HEADER, CLIENT_ID_HEADER, PAGE_TOKEN_HEADER};

/// A server with one user and one device, which has synced.
pub(crate) struct World {
    pub(crate) deployment: Deployment,
    transport: UreqTransport,
    pub(crate) cookie: String,
    pub(crate) client_id: String,
    api_token: String,
    /// `Authorization` of `/api/v1`.
    bearer: String,
}

impl World {
    pub(crate) fn start() -> Self {
        let deployment = Deployment::start(Options {
            products: 10,
            ..Options::default()
        });
        deployment.create_user("anna");
        let server = Rest::json(deployment.url());
        let post = |path: &str, body: Value| server.send(Method::POST, path, body.to_string());
        let login = post(
            "/rc/v1/app/login",
            json!({"login": "anna", "password": password_of("anna")}),
        );
        let cookie = login.headers()[SET_COOKIE].to_str().expect("a cookie");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let administrator = json!({"login": sync_core::ADMINISTRATOR, "password": ADMIN_PASSWORD});
        let api_token = text_of(&post("/rc/v1/system/login", administrator));
        let bearer = Admin::bearer(&deployment.url(), ADMIN_PASSWORD);
        let mut world = Self {
            transport: UreqTransport::default(),
            deployment,
            cookie,
            client_id: String::new(),
            api_token,
            bearer,
        };
        let created = world.send(&Bad::post("/rc/v1/clients", ""));
        let created: Value = serde_json::from_slice(created.body()).expect("a client");
        world.client_id = created["client"]["client_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        for source in ["Product", "Board"] {
            let note = json!({"create": {"t1": {"text": "first"}}, "source_name": source});
            let path = format!("/app/v1/{source}");
            assert!(world.send(&Bad::post(&path, note)).status().is_success());
            let page = world.send(&Bad::get(&path));
            let token = page.headers()[PAGE_TOKEN_HEADER].to_str().expect("text");
            let acknowledged = world.send(&Bad::get(&format!("{path}?token={token}")));
            assert!(acknowledged.status().is_success());
        }
        world
    }

    /// Sends a request of the logged-in device and of the administrator, but for what the request itself says.
    pub(crate) fn send(&self, bad: &Bad) -> Response<Bytes> {
        let mut request = Request::builder()
            .method(&bad.method)
            .uri(format!("{}{}", self.deployment.url(), bad.path))
            .body(bad.body.clone())
            .expect("a request");
        let own = [
            (COOKIE, &self.cookie),
            (HeaderName::from_static(CLIENT_ID_HEADER), &self.client_id),
            (HeaderName::from_static(API_TOKEN_HEADER), &self.api_token),
            (AUTHORIZATION, &self.bearer),
            (CONTENT_TYPE, &"application/json".to_owned()),
        ];
        for (name, value) in own {
            if !bad.headers.iter().any(|(given, _)| *given == name) {
                let value = HeaderValue::from_str(value).expect("a header's value");
                request.headers_mut().append(name, value);
            }
        }
        for (name, value) in &bad.headers {
            if let Some(value) = value {
                request.headers_mut().append(name, value.clone());
            }
        }
        self.transport
            .send(request)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", bad.path, error.0))
    }

    pub(crate) fn content(&self) -> RedisContent {
        RedisContent::read(&mut self.deployment.redis_connection())
    }

    /// What the back end has.
    pub(crate) fn records(&self) -> [Objects; 2] {
        ["products", "customers"].map(|path| self.deployment.back_end().objects(path))
    }
}

/// A request that is not as it should be.
pub(crate) struct Bad {
    method: Method,
    path: String,
    body: Bytes,
    /// Instead of the usual ones; without a value, the usual one is left out.
    headers: Vec<(HeaderName, Option<HeaderValue>)>,
}

impl Bad {
    pub(crate) fn new(method: Method, path: &str, body: impl Into<Bytes>) -> Self {
        Self {
            method,
            path: path.to_owned(),
            body: body.into(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path, "")
    }

    pub(crate) fn post(path: &str, body: impl ToString) -> Self {
        Self::new(Method::POST, path, body.to_string())
    }

    pub(crate) fn with(
        mut self,
        header: impl TryInto<HeaderName>,
        value: impl AsRef<[u8]>,
    ) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.headers.push((name(header), Some(value)));
        self
    }

    pub(crate) fn without(mut self, header: impl TryInto<HeaderName>) -> Self {
        self.headers.push((name(header), None));
        self
    }
}

fn name(header: impl TryInto<HeaderName>) -> HeaderName {
    header
        .try_into()
        .unwrap_or_else(|_| panic!("a header's name"))
}

/// A push with this one operation.
pub(crate) fn push(operation: &str, id: &str, attributes: Value) -> Bad {
    Bad::post("/app/v1/Board", json!({operation: {id: attributes}}))
}
