//! `/hooks`: back ends say that something has changed.

use bytes::Bytes;
use http::{Method, Response};
use sync_core::{Engine, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::router::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Event,
}

pub(crate) const ROUTES: &[Row<Route>] = &[(Method::POST, "/hooks/{source}", Route::Event)];

/// `POST /hooks/{source}`, proven as the source's settings say.
pub(crate) async fn answer<P: Ports>(
    Route::Event: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let source = request.parameter("source");
    engine
        .take_hook(
            source,
            request.handed_by(engine),
            request.headers(),
            request.raw_body(),
        )
        .await?;
    Ok(respond::empty())
}
