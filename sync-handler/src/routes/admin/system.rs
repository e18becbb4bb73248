//! The server as a whole.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports};
use sync_proto::Login;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `POST /rc/v1/system/login`: the API token as bare text.
pub(crate) async fn log_in<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let Login { login, password } = request.body()?;
    Ok(respond::text(
        engine
            .log_in_administrator(&login, &password, request.origin())
            .await?,
    ))
}
