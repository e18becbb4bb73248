//! A device asks a back end for objects.

use bytes::Bytes;
use http::Response;
use sync_core::{DeviceSearchRequest, Engine, Ports};
use sync_proto::sync::DeviceSearch;

use crate::error::HttpError;
use crate::request::Request;
use crate::routes::sync::sync::to_answer;

/// `POST /sync/v1/search`.
pub(super) async fn search<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let DeviceSearch { source, parameters } = request.body()?;
    let trace = request.trace();
    let search = DeviceSearchRequest {
        source: &source,
        parameters: &parameters,
        trace: trace.as_ref(),
    };
    let session = request.device_session(engine)?;
    to_answer(&engine.search_for_device(session, search).await?)
}
