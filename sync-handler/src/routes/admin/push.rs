//! Back ends push what has changed.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports};
use sync_proto::{PushDeletes, PushObjects};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `POST /app/v1/{source}/push_objects`.
pub(crate) async fn push_objects<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_api_token(engine).await?;
    let PushObjects { user_id, objects } = request.body()?;
    engine
        .push_objects(request.parameter("source"), &user_id, objects)
        .await?;
    Ok(respond::text("done"))
}

/// `POST /app/v1/{source}/push_deletes`.
pub(crate) async fn push_deletes<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_api_token(engine).await?;
    let PushDeletes { user_id, objects } = request.body()?;
    engine
        .push_deletes(request.parameter("source"), &user_id, objects)
        .await?;
    Ok(respond::text("done"))
}
