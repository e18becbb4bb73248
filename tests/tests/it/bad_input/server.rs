//! A server that must not be moved by what it is sent, and what it is sent.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, Response};
use serde_json::{Value, json};
use sync_client::rhoconnect::Objects;
use sync_proto::{API_TOKEN_HEADER, CLIENT_ID_HEADER, PAGE_TOKEN_HEADER};
use test_support::{
    ADMIN_PASSWORD, Admin, Deployment, Options, RedisContent, Rest, password_of, text_of,
};

/// A server with one user and one device, which has synced.
pub(crate) struct Server {
    pub(crate) deployment: Deployment,
    /// With the headers of the device and of the administrator.
    rest: Rest,
    /// What a device of our own library shows in place of a token of the API.
    access: String,
    pub(crate) cookie: String,
    pub(crate) client_id: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(Options {
            products: 10,
            ..Options::default()
        })
    }

    pub(crate) fn start_with(options: Options) -> Self {
        let deployment = Deployment::start(options);
        deployment.create_user("anna");
        let rest = deployment.rest();
        let cookie = rest.log_in("anna", &password_of("anna"));
        let administrator = json!({"login": sync_core::ADMINISTRATOR, "password": ADMIN_PASSWORD});
        let api_token = rest.expect(200, Method::POST, "/rc/v1/system/login", &administrator);
        let rest = rest
            .with_header("cookie", &cookie)
            .with_header(API_TOKEN_HEADER, text_of(&api_token))
            .with_bearer(&Admin::new_token(&deployment.url(), ADMIN_PASSWORD));
        let client_id = rest.register_client(&Value::Null);
        let login = json!({"login": "anna", "password": password_of("anna")});
        let session = rest.expect(201, Method::POST, "/sync/v1/session", &login);
        let session: Value = serde_json::from_slice(session.body()).expect("a session");
        let server = Self {
            rest: rest.with_header(CLIENT_ID_HEADER, &client_id),
            access: session["access"].as_str().expect("a token").to_owned(),
            deployment,
            cookie,
            client_id,
        };
        for source in ["Product", "Board"] {
            let note = json!({"create": {"t1": {"text": "first"}}, "source_name": source});
            let path = format!("/app/v1/{source}");
            assert!(server.send(&Bad::post(&path, note)).status().is_success());
            let page = server.send(&Bad::get(&path));
            let token = page.headers()[PAGE_TOKEN_HEADER].to_str().expect("text");
            let acknowledged = server.send(&Bad::get(&format!("{path}?token={token}")));
            assert!(acknowledged.status().is_success());
        }
        server
    }

    /// Sends a request of the logged-in device and of the administrator, but for what the request itself says.
    pub(crate) fn send(&self, bad: &Bad) -> Response<Bytes> {
        let mut rest = self.rest.clone();
        if bad.path.starts_with("/sync/v1/") {
            rest = rest
                .without_header(&AUTHORIZATION)
                .with_bearer(&self.access);
        }
        for (name, _) in &bad.headers {
            rest = rest.without_header(name);
        }
        for (name, value) in &bad.headers {
            if let Some(value) = value {
                rest = rest.with_header(name.as_str(), value);
            }
        }
        rest.send(bad.method.clone(), &bad.path, bad.body.clone())
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
