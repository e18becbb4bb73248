//! A shop of its own for each test, and short ways to talk to it.

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use shop::{Amounts, Config, Shop};

pub(crate) struct World {
    pub(crate) shop: Shop,
    client: Client,
}

impl World {
    /// A shop with these records, in memory, with the control switches.
    pub(crate) async fn with(seed: Amounts) -> Self {
        Self::start(Config {
            seed,
            ..Config::default()
        })
        .await
    }

    pub(crate) async fn start(config: Config) -> Self {
        // A new connection for every call: a dropped one must not be retried by the client's pool.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self {
            shop: Shop::start(config).await.unwrap(),
            client,
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.shop.url()))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn read(&self, path: &str) -> Value {
        json(self.get(path).await, 200).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        self.request(method, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn post_once(&self, key: &str, path: &str, body: &Value) -> Response {
        self.keyed(key, path, body).send().await.unwrap()
    }

    pub(crate) fn keyed(&self, key: &str, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path)
            .header("Idempotency-Key", key)
            .json(body)
    }

    pub(crate) async fn control(&self, path: &str, body: &Value) {
        let response = self.post(&format!("/_control/{path}"), body).await;
        let status = response.status();
        assert!(
            status.is_success(),
            "{status}: {}",
            response.text().await.unwrap()
        );
    }
}

/// The body of a response whose status must be `status`.
pub(crate) async fn json(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    response.json().await.unwrap()
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}
