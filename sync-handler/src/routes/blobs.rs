//! Downloads of files that objects refer to.

use http::{Method, Response};
use sync_core::{BlobError, BlobId, BlobReader, Engine, Ports};

use crate::body::Body;
use crate::download::{Download, as_attachment};
use crate::error::HttpError;
use crate::request::Request;
use crate::router::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Download,
}

pub(crate) const ROUTES: &[Row<Route>] = &[
    (Method::GET, "/blobs/{blob}", Route::Download),
    (Method::HEAD, "/blobs/{blob}", Route::Download),
    (Method::GET, "/blobs/{blob}/{name}", Route::Download),
    (Method::HEAD, "/blobs/{blob}/{name}", Route::Download),
];

/// `GET` and `HEAD /blobs/{blob}`, with or without a name to save it under.
pub(crate) async fn answer<P: Ports>(
    Route::Download: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Body>, HttpError> {
    // An address that is no blob's is like one that is nobody's.
    let id = BlobId::parse(request.parameter("blob")).map_err(|_| BlobError::Unknown);
    let blob = if request.has_api_token() {
        request.require_api_token(engine).await?;
        engine.open_blob(BlobReader::Administrator, &id?).await?
    } else {
        let session = request.session(engine).await?;
        engine.open_blob(BlobReader::User(session), &id?).await?
    };
    let mut response = Download {
        size: blob.size,
        tag: blob.id.to_string(),
        content_type: &blob.content_type,
        read: |range| blob.read(range),
    }
    .answer(request.method(), request.headers());
    as_attachment(&mut response, request.parameter("name"));
    Ok(response)
}
