//! A device compares its copy with the server's.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports};
use sync_proto::sync::VerifyRequest;

use crate::error::HttpError;
use crate::request::Request;
use crate::routes::sync::sync::to_answer;

/// `POST /sync/v1/verify`.
pub(super) async fn verify<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let VerifyRequest {
        source,
        parameters,
        cursor,
        buckets,
    } = request.body()?;
    let request_of_copy = sync_core::VerifyRequest {
        source: &source,
        parameters: &parameters,
        cursor: &cursor,
        buckets: &buckets,
    };
    let session = request.device_session(engine)?;
    let compared = engine.verify_copy(session, request_of_copy).await?;
    let lines = compared.ok_or_else(|| {
        HttpError::WrongState(
            "the source has changed, or the cursor is not at its end: sync first".to_owned(),
        )
    })?;
    to_answer(&lines)
}
