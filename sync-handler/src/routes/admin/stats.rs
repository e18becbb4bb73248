//! The old stats: what was counted, minute by minute, in the form scripts know.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// Longest name or pattern, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// `names` asks which there are, by a pattern; `metric`, `start` and `finish` ask for one.
pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    if let Some(pattern) = name(request, "names")? {
        return Ok(respond::legacy_json(
            &engine.metrics().stats_names(&pattern).await?,
        ));
    }
    let metric = name(request, "metric")?.unwrap_or_default();
    let (start, finish) = (place(request, "start", 0)?, place(request, "finish", -1)?);
    Ok(respond::legacy_json(
        &engine.metrics().stats(&metric, start, finish).await?,
    ))
}

fn name(request: &Request, argument: &str) -> Result<Option<String>, HttpError> {
    let name = request.optional_argument("", &[argument])?;
    if name
        .as_ref()
        .is_some_and(|name| name.len() > MAX_NAME_BYTES)
    {
        return Err(HttpError::InvalidValue(format!(
            "{argument} has at most {MAX_NAME_BYTES} bytes"
        )));
    }
    Ok(name)
}

fn place(request: &Request, argument: &str, default: i64) -> Result<i64, HttpError> {
    match request.optional_argument("", &[argument])? {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| HttpError::InvalidValue(format!("{argument} is not a whole number"))),
    }
}
