//! A device asks for a file with everything, for its first sync.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};
use sync_core::{Engine, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `POST /rc/v1/app/bulk_data`. No files are prepared: the device is told to sync page by page.
pub(crate) async fn ask<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine).await?;
    engine.check_client(&session, request.client_id()).await?;
    let partition = request.argument("", &["partition"])?;
    if !matches!(partition.as_str(), "user" | "app") {
        return Err(HttpError::InvalidValue(format!(
            "{partition:?} is not a partition type: user or app"
        )));
    }
    for source in sources(request)? {
        engine.source_info(&source).await?;
    }
    Ok(respond::json(&json!({"result": "nop"})))
}

/// The sources, as a list or with commas between.
fn sources(request: &Request) -> Result<Vec<String>, HttpError> {
    let mut body: Map<String, Value> = request.body()?;
    let invalid = || HttpError::InvalidValue("sources is a list of names".to_owned());
    let listed: Vec<String> = match body.remove("sources") {
        Some(Value::Array(names)) => names
            .into_iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or_else(invalid))
            .collect::<Result<_, _>>()?,
        Some(Value::String(names)) => names.split(',').map(str::to_owned).collect(),
        Some(_) => return Err(invalid()),
        None => request
            .query("sources")
            .map(|names| names.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
    };
    let named = listed
        .into_iter()
        .map(|name: String| name.trim().to_owned());
    Ok(named.filter(|name| !name.is_empty()).collect())
}
