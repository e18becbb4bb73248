//! The HTTP trigger: a server, its routes, and the components behind them.

mod body;
mod handler;
mod headers;
mod router;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::{Error, WasiBody};

pub(crate) use handler::{Handler, Times};
use router::{RouteMatch, Router, WELL_KNOWN};

use crate::manifest::StaticResponse;

/// How long requests may take to end once the host is asked to.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// The client's address of a request that another component sent, as in Spin.
const FROM_INSIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// What a route leads to.
pub(crate) enum Target {
    /// The id of a component.
    Component(String),
    /// A response without a component, and the trigger's id.
    Static(String, Box<Response<Bytes>>),
}

/// Everything that answers HTTP requests.
pub(crate) struct Server {
    router: Router<Target>,
    handlers: BTreeMap<String, Handler>,
}

impl Server {
    /// A server for `routes` over the components `handlers`, by id.
    ///
    /// # Errors
    ///
    /// A route is malformed.
    pub(crate) fn new(
        routes: Vec<(String, Target)>,
        handlers: BTreeMap<String, Handler>,
    ) -> Result<Self> {
        let router = Router::new(routes)?;
        Ok(Self { router, handlers })
    }

    /// Who answers what: the id of a component or trigger, and its route.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.router.iter().map(|(route, target)| match target {
            Target::Component(id) | Target::Static(id, _) => (&**id, route),
        })
    }

    /// Answers what comes in at `listener` until `stop`, then lets open requests end.
    pub(crate) async fn run(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) {
        let connections = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, client)) => Arc::clone(&self).spawn(stream, client, &connections),
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    // Out of file descriptors, most likely: let some connections end first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        if tokio::time::timeout(GRACE, connections.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("some requests did not end within {GRACE:?}");
        }
    }

    fn spawn(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        connections: &GracefulShutdown,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%client, "cannot set TCP_NODELAY: {error}");
        }
        let service = service_fn(move |request| {
            let server = Arc::clone(&self);
            async move { Ok::<_, std::convert::Infallible>(server.answer(request, client).await) }
        });
        let builder = Builder::new(TokioExecutor::new());
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%client, "connection failed: {error}");
            }
        });
    }

    /// Answers a request from outside.
    async fn answer(
        &self,
        mut request: Request<Incoming>,
        client: SocketAddr,
    ) -> Response<WasiBody> {
        headers::strip(request.headers_mut());
        if let Some(name) = request.uri().path().strip_prefix(WELL_KNOWN) {
            return match name {
                "health" => full(Response::new(Bytes::from_static(b"OK"))),
                _ => empty(StatusCode::NOT_FOUND),
            };
        }
        let path = request.uri().path().to_owned();
        let Some(found) = self.router.find(&path) else {
            return empty(StatusCode::NOT_FOUND);
        };
        let component = match found.target {
            Target::Component(id) => id,
            Target::Static(_, response) => return full(Response::clone(response)),
        };
        let Some(uri) = headers::absolute(request.uri().clone(), request.headers()) else {
            return empty(StatusCode::BAD_REQUEST);
        };
        *request.uri_mut() = uri;
        headers::add(&mut request, &found, client);
        let Some(handler) = self.handlers.get(component) else {
            return empty(StatusCode::NOT_FOUND);
        };
        let request = request.map(|body| body.map_err(Error::Hyper).boxed_unsync());
        handler.handle(request).await
    }

    /// Answers a request of another component to the component `id`; `None` when that answers no HTTP.
    pub(crate) async fn call(
        &self,
        id: &str,
        mut request: Request<WasiBody>,
    ) -> Option<Response<WasiBody>> {
        let handler = self.handlers.get(id)?;
        headers::strip(request.headers_mut());
        let found = RouteMatch {
            target: &(),
            raw_route: "/...",
            path_info: request.uri().path().to_owned(),
            captures: Vec::new(),
        };
        headers::add(&mut request, &found, FROM_INSIDE);
        Some(handler.handle(request).await)
    }
}

/// Checks a manifest's fixed response.
///
/// # Errors
///
/// Its status or a header is not one.
pub(crate) fn static_response(response: &StaticResponse) -> Result<Response<Bytes>> {
    let builder = Response::builder().status(response.status_code.unwrap_or(200));
    response
        .headers
        .iter()
        .fold(builder, |builder, (name, value)| {
            builder.header(name, value)
        })
        .body(Bytes::from(response.body.clone()))
        .context("static_response")
}

/// A response of the host's own; its length is known, so it is sent.
fn full(response: Response<Bytes>) -> Response<WasiBody> {
    response.map(|body| Full::new(body).map_err(Error::from).boxed_unsync())
}

fn empty(status: StatusCode) -> Response<WasiBody> {
    let mut response = full(Response::default());
    *response.status_mut() = status;
    response
}
