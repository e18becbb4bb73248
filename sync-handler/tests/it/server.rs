//! A server in the test's own process, and requests to it.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode, request};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::Value;
use sync_core::Origin;
use sync_handler::App;
use test_support::{TestPorts, World};

/// Bytes of a request that come at once.
const PIECE: usize = 1_000;

pub(crate) struct Server {
    pub(crate) app: App<TestPorts>,
    pub(crate) world: World,
}

impl Server {
    /// Starts one, with settings of its own if some are given.
    pub(crate) async fn start(settings: Option<&str>) -> Self {
        let world = World::start().await;
        Self {
            app: App::new(world.another(settings, 7).await),
            world,
        }
    }

    pub(crate) async fn send(
        &self,
        request: request::Builder,
        body: impl AsRef<[u8]>,
    ) -> Response<Bytes> {
        let pieces: Vec<_> = body
            .as_ref()
            .chunks(PIECE)
            .map(|bytes| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(bytes))))
            .collect();
        let request = request.body(StreamBody::new(stream::iter(pieces)));
        let (head, body) = self.app.handle(request.unwrap()).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response::from_parts(head, body)
    }

    /// The cookie of a user that the world has signed in before.
    pub(crate) async fn cookie(&self, user: &str) -> String {
        let session = self
            .world
            .engine
            .accounts()
            .log_in(user, "password", Origin("test"));
        format!("rhoconnect_session={}", session.await.unwrap())
    }
}

/// A call of the API with a token.
pub(crate) async fn call(
    server: &Server,
    token: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    let sent = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let answer = server.send(request, sent).await;
    let body = serde_json::from_slice(answer.body()).unwrap_or_default();
    (answer.status(), body)
}
