//! Downloads of bulk data files.

use http::{Method, Response};
use sync_core::{BlobReader, Engine, Ports};

use crate::body::Body;
use crate::download::Download;
use crate::error::HttpError;
use crate::request::Request;
use crate::router::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Download,
}

pub(crate) const ROUTES: &[Row<Route>] = &[
    (Method::GET, "/data/{selection}/{name}", Route::Download),
    (Method::HEAD, "/data/{selection}/{name}", Route::Download),
];

/// `GET` and `HEAD /data/{selection}/{file}.data`, and the same with `.rzip` or `.gzip` behind it.
pub(crate) async fn answer<P: Ports>(
    Route::Download: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Body>, HttpError> {
    let (selection, name) = (request.parameter("selection"), request.parameter("name"));
    let file = if request.has_api_token() {
        request.require_api_token(engine).await?;
        let reader = BlobReader::Administrator;
        engine.open_bulk_data(reader, selection, name).await?
    } else {
        let session = request.session(engine).await?;
        let reader = BlobReader::User(session);
        engine.open_bulk_data(reader, selection, name).await?
    };
    let download = Download {
        size: file.size(),
        tag: file.tag(),
        content_type: file.form.content_type(),
        read: |range| file.read(range),
    };
    Ok(download.answer(request.method(), request.headers()))
}
