//! Documents of the application's own.

use bytes::Bytes;
use http::Response;
use serde_json::Value;
use sync_core::{ApplicationDocument, ApplicationDocuments, Engine, Ports, PutMode};
use sync_proto::api::StoredDocument;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::no_content;

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let document = ApplicationDocuments::new(engine.ports())
        .get(request.parameter("key"))
        .await?
        .ok_or(HttpError::NotFound)?;
    let data = document.into_value();
    Ok(respond::json(&StoredDocument { data }))
}

pub(super) async fn put<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let StoredDocument { data } = request.body()?;
    let document = match data {
        Value::String(text) => ApplicationDocument::Text(text),
        Value::Object(values) => ApplicationDocument::of_values(values),
        _ => {
            return Err(HttpError::InvalidValue(
                "data is a text or an object".to_owned(),
            ));
        }
    };
    ApplicationDocuments::new(engine.ports())
        .put(request.parameter("key"), &document, PutMode::Replace)
        .await?;
    Ok(no_content())
}
