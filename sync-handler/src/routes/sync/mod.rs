//! The routes of our own device library, `/sync/v1`.

pub(crate) mod blob;
pub(crate) mod image;
mod search;
mod session;
#[expect(clippy::module_inception, reason = "the call has the protocol's name")]
pub(crate) mod sync;
mod verify;

use bytes::Bytes;
use http::{Method, Response};
use sync_core::{Engine, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::router::Row;

/// What the addresses begin with.
const PREFIX: &str = "/sync/v1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    SignIn,
    SignOut,
    Sync,
    Search,
    Verify,
    Events,
    Image,
    UploadBlob,
    Blob,
}

pub(crate) const ROUTES: &[Row<Route>] = &[
    (Method::POST, "/sync/v1/session", Route::SignIn),
    (Method::DELETE, "/sync/v1/session", Route::SignOut),
    (Method::POST, "/sync/v1/sync", Route::Sync),
    (Method::POST, "/sync/v1/search", Route::Search),
    (Method::POST, "/sync/v1/verify", Route::Verify),
    (Method::GET, "/sync/v1/events", Route::Events),
    (Method::GET, "/sync/v1/images/{image}", Route::Image),
    (Method::HEAD, "/sync/v1/images/{image}", Route::Image),
    (Method::PUT, "/sync/v1/blobs/{blob}", Route::UploadBlob),
    (Method::GET, "/sync/v1/blobs/{blob}", Route::Blob),
    (Method::HEAD, "/sync/v1/blobs/{blob}", Route::Blob),
];

/// Whether a path is one of these, or would be.
pub(crate) fn is_sync(path: &str) -> bool {
    let rest = path.strip_prefix(PREFIX);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(crate) async fn answer<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_json()?;
    match route {
        Route::SignIn => session::sign_in(engine, request).await,
        Route::Search => search::search(engine, request).await,
        Route::Verify => verify::verify(engine, request).await,
        // Answered where changes are carried out.
        Route::Sync => Err(HttpError::NotFound),
        // Answered by `live`, where the application has it.
        Route::Events => Err(HttpError::NotFound),
        // Answered as a file.
        Route::Image | Route::Blob => Err(HttpError::NotFound),
        // Answered while the body arrives.
        Route::UploadBlob => Err(HttpError::NotFound),
        Route::SignOut => session::sign_out(engine, request).await,
    }
}
