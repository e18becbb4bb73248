//! Documents by the names they have always had.
//!
//! What they hold is put together from the versioned document and a client's cursor: none of them is stored as such.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sync_core::{EVERYBODY, Engine, Memory, ObjectPage, PartitionRule, Ports, Version};
use sync_proto::SentAttributes;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::admin::{CLIENT, SOURCE, USER};

/// Objects read at once.
const OBJECTS_CHUNK: usize = 1_000;

/// Most objects in one answer: the old calls know no pages.
const MAX_OBJECTS: usize = 100_000;

/// How many times their bytes are held: as they come, as values, and as JSON.
const OBJECTS_COST: usize = 4;

/// What an object takes beside its names and values.
const OBJECT_BYTES: usize = 1_024;

/// Documents of a user's copy of a source.
const SOURCE_DOCUMENTS: [&str; 6] = ["md", "md_size", "md_copy", "errors", "metadata", "schema"];

/// Documents of a client's source.
const CLIENT_DOCUMENTS: [&str; 22] = [
    "cd",
    "cd_size",
    "create_links",
    "create_links_page",
    "create_errors",
    "create_errors_page",
    "update_errors",
    "update_errors_page",
    "delete_errors",
    "delete_errors_page",
    "update_rollback",
    "update_rollback_page",
    "page",
    "delete_page",
    "page_token",
    "total_count_page",
    "metadata_page",
    "schema_page",
    "search",
    "search_page",
    "search_errors",
    "search_token",
];

/// The names of a user's documents of a source, with the keys by which the store's calls know them.
pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (user, source) = source_target(request)?;
    engine.document_details(&source, &user).await?;
    let user = match engine.source_info(&source).await?.settings.partition {
        PartitionRule::App => EVERYBODY,
        PartitionRule::User | PartitionRule::Computed => &user,
    };
    let prefix = format!("source:application:{user}:{source}");
    Ok(respond::legacy_json(&names(&SOURCE_DOCUMENTS, &prefix)))
}

pub(super) async fn list_of_client<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (client, source) = client_target(request)?;
    engine.client_state(&client, &source).await?;
    let user = engine.client(&client).await?.user;
    let prefix = format!("client:application:{user}:{client}:{source}");
    Ok(respond::legacy_json(&names(&CLIENT_DOCUMENTS, &prefix)))
}

/// The names of documents, with what the original's keys for them would be.
fn names<'a>(all: &[&'a str], prefix: &str) -> BTreeMap<&'a str, String> {
    all.iter()
        .map(|name| (*name, format!("{prefix}:{name}")))
        .collect()
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (user, source) = source_target(request)?;
    let name = request.argument("doc", &["doc"])?;
    Ok(to_answer(
        source_document(engine, &source, &user, &name).await?,
    ))
}

pub(super) async fn show_of_client<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (client, source) = client_target(request)?;
    let name = request.argument("doc", &["doc"])?;
    Ok(to_answer(
        client_document(engine, &client, &source, &name).await?,
    ))
}

/// Sets the master document: the objects given are what there is from then on, or with `append` are merged.
pub(super) async fn set<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (user, source) = source_target(request)?;
    let name = request.argument("doc", &["doc"])?;
    let Content { data, append } = request.body()?;
    set_source_document(engine, &source, &user, &name, data, append).await?;
    Ok(respond::empty())
}

/// What a client has cannot be set, only forgotten: with an empty `cd` everything is news to it again.
pub(super) async fn set_of_client<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (client, source) = client_target(request)?;
    let name = request.argument("doc", &["doc"])?;
    let Content { data, append } = request.body()?;
    set_client_document(engine, &client, &source, &name, &data, append).await?;
    Ok(respond::empty())
}

/// What a document is set to.
#[derive(Deserialize)]
pub(super) struct Content {
    #[serde(default)]
    pub(super) data: Value,
    #[serde(default)]
    pub(super) append: bool,
}

/// A document's answer: a bare text as it is, anything else as JSON.
pub(super) fn to_answer(document: Value) -> Response<Bytes> {
    match document {
        Value::String(text) => respond::text(text),
        Value::Null => respond::text(""),
        other => respond::legacy_json(&other),
    }
}

pub(super) async fn source_document<P: Ports>(
    engine: &Engine<P>,
    source: &str,
    user: &str,
    name: &str,
) -> Result<Value, HttpError> {
    let details = engine.document_details(source, user).await?;
    match name {
        "md" | "md_copy" => {
            all(engine.memory(), async |after| {
                engine.objects(source, user, after, OBJECTS_CHUNK).await
            })
            .await
        }
        "md_size" => Ok(details.objects.to_string().into()),
        "errors" => Ok(details.error.map_or_else(
            || json!({}),
            |(kind, message)| json!({kind: {"message": message}}),
        )),
        "metadata" => Ok(engine.metadata(source, user).await?.into()),
        "schema" => Ok(engine.schema(source, user).await?.into()),
        _ => Err(unknown(name, "Source")),
    }
}

pub(super) async fn client_document<P: Ports>(
    engine: &Engine<P>,
    client: &str,
    source: &str,
    name: &str,
) -> Result<Value, HttpError> {
    let state = engine.client_state(client, source).await?;
    let has = async |after| {
        engine
            .client_objects(client, source, after, OBJECTS_CHUNK)
            .await
    };
    let told = state.as_ref().map(|state| &state.outbox);
    let part = |value: Option<Value>| Ok(value.unwrap_or_else(|| json!({})));
    // What a client is told stays until it is acknowledged, given out or not: there is one document of it, not two.
    let told_by = match name.strip_suffix("_page") {
        Some(
            told @ ("create_links" | "create_errors" | "update_errors" | "delete_errors"
            | "update_rollback"),
        ) => told,
        _ => name,
    };
    match told_by {
        "cd" => all(engine.memory(), has).await,
        "cd_size" => Ok(all(engine.memory(), has)
            .await?
            .as_object()
            .map_or(0, Map::len)
            .to_string()
            .into()),
        "create_links" => part(told.map(|told| json!(told.links))),
        "create_errors" => part(told.map(|told| json!(told.create_error))),
        "update_errors" => part(told.map(|told| json!(told.update_error))),
        "delete_errors" => part(told.map(|told| json!(told.delete_error))),
        "update_rollback" => part(told.map(|told| json!(told.update_rollback))),
        "page_token" => Ok(state
            .map(|state| state.token.number().to_string())
            .unwrap_or_default()
            .into()),
        "total_count_page" => {
            let user = engine.client(client).await?.user;
            let details = engine.document_details(source, user.as_str()).await?;
            Ok(details.objects.to_string().into())
        }
        // Pages and what a search finds are put together when they are asked for: none is kept.
        "page" | "delete_page" | "search" | "search_page" | "search_errors" => Ok(json!({})),
        "metadata_page" | "schema_page" | "search_token" => Ok("".into()),
        _ => Err(unknown(name, "Client")),
    }
}

pub(super) async fn set_source_document<P: Ports>(
    engine: &Engine<P>,
    source: &str,
    user: &str,
    name: &str,
    data: Value,
    append: bool,
) -> Result<(), HttpError> {
    if name != "md" {
        return Err(if SOURCE_DOCUMENTS.contains(&name) {
            HttpError::InvalidValue(format!("{name} follows from the source and cannot be set"))
        } else {
            unknown(name, "Source")
        });
    }
    let objects: BTreeMap<String, SentAttributes> = serde_json::from_value(data)
        .map_err(|error| HttpError::MalformedBody(format!("data: {error}")))?;
    if append {
        engine.feed_objects(source, user, objects).await?;
    } else {
        engine.replace_objects(source, user, objects, true).await?;
    }
    Ok(())
}

pub(super) async fn set_client_document<P: Ports>(
    engine: &Engine<P>,
    client: &str,
    source: &str,
    name: &str,
    data: &Value,
    append: bool,
) -> Result<(), HttpError> {
    let is_empty = match data {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    if !CLIENT_DOCUMENTS.contains(&name) {
        return Err(unknown(name, "Client"));
    }
    if name != "cd" || !is_empty || append {
        return Err(HttpError::InvalidValue(format!(
            "{name} follows from what the client has acknowledged and cannot be set; an empty cd makes everything news to it"
        )));
    }
    Ok(engine.restart_client(client, source).await?)
}

/// Reads all objects, up to a limit, as far as there is memory for them.
async fn all(
    memory: &Memory,
    read: impl AsyncFn(Version) -> Result<ObjectPage, sync_core::SyncError>,
) -> Result<Value, HttpError> {
    let mut held = memory.nothing();
    let mut objects = Map::new();
    let mut after = Version::ZERO;
    loop {
        let page = read(after).await?;
        for (id, attributes) in page.objects {
            let bytes = attributes.iter().fold(OBJECT_BYTES, |sum, (name, value)| {
                sum + OBJECTS_COST * (name.len() + value.len())
            });
            held.grow(bytes)?;
            objects.insert(id.into_string(), json!(attributes));
        }
        if objects.len() > MAX_OBJECTS {
            return Err(HttpError::InvalidValue(format!(
                "the document has more than {MAX_OBJECTS} objects; read it page by page at /api/v1"
            )));
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(Value::Object(objects)),
        }
    }
}

fn unknown(name: &str, kind: &str) -> HttpError {
    HttpError::InvalidValue(format!(
        "Invalid document type {name} for Rhoconnect::{kind}"
    ))
}

fn source_target(request: &Request) -> Result<(String, String), HttpError> {
    Ok((
        request.argument("user", USER)?,
        request.argument("source", SOURCE)?,
    ))
}

fn client_target(request: &Request) -> Result<(String, String), HttpError> {
    Ok((
        request.argument("client", CLIENT)?,
        request.argument("source", SOURCE)?,
    ))
}
