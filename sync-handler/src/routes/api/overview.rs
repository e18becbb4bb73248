//! How the system is doing as a whole.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports};

use crate::error::HttpError;
use crate::respond;

pub(super) async fn show<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    let overview = engine.overview(env!("CARGO_PKG_VERSION")).await?;
    Ok(respond::json(&overview))
}
