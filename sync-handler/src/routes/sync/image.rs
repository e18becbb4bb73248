//! A device downloads an image.

use http::Response;
use sync_core::{Engine, Ports};

use crate::body::Body;
use crate::download::Download;
use crate::error::HttpError;
use crate::request::Request;

/// Its content is compressed, and is no answer that was compressed on its way: ranges count the bytes as they are kept.
const CONTENT_TYPE: &str = "application/gzip";

/// `GET` and `HEAD /sync/v1/images/{image}`.
pub(crate) async fn download<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Body>, HttpError> {
    let session = request.device_session(engine)?;
    let image = request.parameter("image");
    let content = engine.open_image(session, image).await?;
    let download = Download {
        size: content.size,
        tag: content.id.to_string(),
        content_type: CONTENT_TYPE,
        read: |range| content.read(range),
    };
    Ok(download.answer(request.method(), request.headers()))
}
