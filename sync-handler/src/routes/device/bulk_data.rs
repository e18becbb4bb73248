//! A device asks for bulk data.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};
use sync_core::{BulkDataAnswer, BulkDataRequest, Engine, PartitionRule, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// `POST /rc/v1/app/bulk_data`.
pub(crate) async fn ask<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let session = request.session(engine).await?;
    let partition = request.argument("", &["partition"])?;
    let partition = PartitionRule::parse(&partition).ok_or_else(|| {
        HttpError::InvalidValue(format!(
            "{partition:?} is not a partition type: user or app"
        ))
    })?;
    let sources = sources(request)?;
    let wanted = BulkDataRequest {
        client: request.client_id(),
        partition,
        sources: sources.as_deref(),
    };
    Ok(respond::json(
        &match engine.ask_for_bulk_data(session, wanted).await? {
            BulkDataAnswer::Nothing => json!({"result": "nop"}),
            BulkDataAnswer::Wait => json!({"result": "wait"}),
            BulkDataAnswer::Ready { path } => json!({"result": "url", "url": path}),
            // Devices report that they cannot download it.
            BulkDataAnswer::Failed => json!({"result": "url", "url": ""}),
        },
    ))
}

/// The sources, as a list or with commas between; nothing where the device does not say.
fn sources(request: &Request) -> Result<Option<Vec<String>>, HttpError> {
    let mut body: Map<String, Value> = request.body()?;
    let invalid = || HttpError::InvalidValue("sources is a list of names".to_owned());
    let listed: Vec<String> = match body.remove("sources") {
        Some(Value::Array(names)) => names
            .into_iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or_else(invalid))
            .collect::<Result<_, _>>()?,
        Some(Value::String(names)) => names.split(',').map(str::to_owned).collect(),
        Some(_) => return Err(invalid()),
        None => match request.query("sources") {
            Some(names) => names.split(',').map(str::to_owned).collect(),
            None => return Ok(None),
        },
    };
    let named = listed
        .into_iter()
        .map(|name: String| name.trim().to_owned());
    Ok(Some(named.filter(|name| !name.is_empty()).collect()))
}
