//! `/metrics`: what the server does and how it is doing, for Prometheus.

mod text;

use bytes::Bytes;
use http::{HeaderValue, Method, Response};
use sync_core::{Engine, Ports, Scope};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::router::Row;
use crate::routes::api;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Metrics,
}

/// Where it is.
pub(crate) const PATH: &str = "/metrics";

pub(crate) const ROUTES: &[Row<Route>] = &[(Method::GET, PATH, Route::Metrics)];

/// The text format, version 0.0.4.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// `GET /metrics`, with a token that may read the system.
pub(crate) async fn answer<P: Ports>(
    Route::Metrics: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    api::authorize(engine, request, Scope::SystemRead).await?;
    let measured = engine.metrics().measured().await?;
    Ok(respond::plain(TEXT, text::write(&measured)))
}
