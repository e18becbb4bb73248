//! Sources.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, PartitionRule, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `GET /rc/v1/sources/type/{partition}`: `all`, `user` or `app`.
pub(crate) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_api_token(engine).await?;
    let rule = match request.parameter("partition") {
        "all" => None,
        "user" => Some(PartitionRule::User),
        "app" => Some(PartitionRule::App),
        other => {
            return Err(HttpError::InvalidValue(format!(
                "{other:?} is not a partition type: all, user or app"
            )));
        }
    };
    let sources = engine.sources(rule).await?;
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    Ok(respond::legacy_json(&names))
}
