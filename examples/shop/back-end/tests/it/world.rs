//! A shop of its own for each test, and short ways to talk to it.

use bytes::Bytes;
use http::{Method, Response};
use serde_json::Value;
use shop::{Amounts, Config, Shop};
use test_support::{Rest, json_of, text_of};
use tokio::runtime::Runtime;

pub(crate) struct World {
    pub(crate) rest: Rest,
    shop: Shop,
    runtime: Runtime,
}

impl World {
    /// A shop with these records, in memory, with the control switches.
    pub(crate) fn with(seed: Amounts) -> Self {
        Self::start(Config {
            seed,
            ..Config::default()
        })
    }

    pub(crate) fn start(config: Config) -> Self {
        let runtime = Runtime::new().unwrap();
        let shop = runtime.block_on(Shop::start(config)).unwrap();
        Self {
            rest: Rest::json(shop.url()),
            shop,
            runtime,
        }
    }

    /// Ends the shop.
    pub(crate) fn stop(self) {
        self.runtime.block_on(self.shop.stop());
    }

    pub(crate) fn get(&self, path: &str) -> Response<Bytes> {
        self.rest.send(Method::GET, path, "")
    }

    pub(crate) fn read(&self, path: &str) -> Value {
        json(self.get(path), 200)
    }

    pub(crate) fn delete(&self, path: &str) -> Response<Bytes> {
        self.rest.send(Method::DELETE, path, "")
    }

    pub(crate) fn send(&self, method: Method, path: &str, body: &Value) -> Response<Bytes> {
        self.rest.send(method, path, body.to_string())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response<Bytes> {
        self.send(Method::POST, path, body)
    }

    /// With an idempotency key on every request.
    pub(crate) fn keyed(&self, key: &str) -> Rest {
        self.rest.clone().with_header("idempotency-key", key)
    }

    pub(crate) fn post_once(&self, key: &str, path: &str, body: &Value) -> Response<Bytes> {
        self.keyed(key).send(Method::POST, path, body.to_string())
    }

    /// What is there, unless it has one of these tags.
    pub(crate) fn get_unless(&self, tags: &str, path: &str) -> Response<Bytes> {
        let rest = self.rest.clone().with_header("if-none-match", tags);
        rest.send(Method::GET, path, "")
    }

    pub(crate) fn control(&self, path: &str, body: &Value) {
        let response = self.post(&format!("/_control/{path}"), body);
        let status = response.status();
        assert!(status.is_success(), "{status}: {}", text_of(&response));
    }
}

/// The body of a response whose status must be `status`.
pub(crate) fn json(response: Response<Bytes>, status: u16) -> Value {
    assert_eq!(response.status(), status);
    json_of(&response)
}

pub(crate) fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}
