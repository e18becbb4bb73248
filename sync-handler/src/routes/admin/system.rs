//! The server as a whole.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::json;
use sync_core::{Engine, Origin, Ports};
use sync_proto::Login;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// The API token as bare text.
pub(super) async fn log_in<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let Login { login, password } = request.body()?;
    Ok(respond::text(
        engine
            .accounts()
            .log_in_administrator(&login, &password, Origin(&request.client_address(engine)))
            .await?,
    ))
}

/// Removes everything but the administrator and the API token.
pub(super) async fn reset<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    engine.reset().await?;
    Ok(respond::text("DB reset"))
}

/// The token the caller has, for scripts that ask for it again.
pub(super) async fn api_token<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    Ok(respond::text(engine.accounts().api_token().await?))
}

/// There is no licence to run out: whoever asks is told so.
pub(super) fn license() -> Response<Bytes> {
    let version = env!("CARGO_PKG_VERSION");
    respond::legacy_json(&json!({
        "rhoconnect_version": version,
        "rhosync_version": version,
        "licensee": "everybody",
        "issued": "",
        "seats": "unlimited",
        "available": "unlimited",
    }))
}

pub(super) async fn show_app_server<P: Ports>(
    engine: &Engine<P>,
) -> Result<Response<Bytes>, HttpError> {
    let url = engine.app_server().await?;
    Ok(respond::legacy_json(&json!({"adapter_url": url})))
}

/// Scripts send the address as it is, or among attributes.
pub(super) async fn set_app_server<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        adapter_url: Option<String>,
        attributes: Option<Attributes>,
    }
    #[derive(Deserialize)]
    struct Attributes {
        adapter_url: String,
    }
    let Body {
        adapter_url,
        attributes,
    } = request.body()?;
    let url = adapter_url
        .or_else(|| attributes.map(|attributes| attributes.adapter_url))
        .ok_or_else(|| HttpError::MissingArgument("adapter_url".to_owned()))?;
    engine.set_app_server(&url).await?;
    Ok(respond::text(url))
}
