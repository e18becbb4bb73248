//! The server as a whole.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports};
use sync_proto::api::{AppServer, SystemInfo, SystemReset};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::no_content;

/// What a reset must be confirmed with.
const APPLICATION: &str = "rhosync";

/// `docs/openapi.json`, which is made from the table of operations and the types; a test compares it.
const OPEN_API: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

pub(super) fn show_open_api() -> Response<Bytes> {
    respond::json_bytes(OPEN_API)
}

pub(super) async fn show<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    Ok(respond::json(&SystemInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        app_server: engine.app_server().await?,
        sources: engine.sources(None).await?.len(),
    }))
}

pub(super) async fn set_app_server<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let AppServer { url } = request.body()?;
    engine
        .set_app_server(url.as_deref().unwrap_or_default())
        .await?;
    show(engine).await
}

pub(super) async fn reset<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let SystemReset { confirm } = request.body()?;
    if confirm != APPLICATION {
        return Err(HttpError::InvalidValue(format!(
            "everything would be removed: send {{\"confirm\":\"{APPLICATION}\"}} if that is what you want"
        )));
    }
    engine.reset().await?;
    Ok(no_content())
}
