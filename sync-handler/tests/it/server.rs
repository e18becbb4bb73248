//! A server in the test's own process, and requests to it.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{Response, request};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
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
