//! Back ends feed objects and deletes.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;
use sync_core::{Engine, ObjectPatch, Ports};
use sync_proto::SentAttributes;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::admin::{SOURCE, USER};

/// Objects by id.
type SentObjects = BTreeMap<String, SentAttributes>;

/// An object's id. Back ends whose ids are numbers send them as such.
fn to_id(sent: Value) -> Result<String, HttpError> {
    match sent {
        Value::String(id) => Ok(id),
        Value::Number(id) => Ok(id.to_string()),
        _ => Err(HttpError::MalformedBody(
            "objects is a list of ids".to_owned(),
        )),
    }
}

/// What is fed: the copy of a source and user. For a source that everybody shares any user names the same copy.
fn target(request: &Request) -> Result<(String, String), HttpError> {
    Ok((
        request.argument("source", SOURCE)?,
        request.argument("user", USER)?,
    ))
}

fn done() -> Response<Bytes> {
    respond::text("done")
}

/// Merges attributes into objects. `rebuild_md`, which once said how, makes no difference.
pub(super) async fn push_objects<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        objects: SentObjects,
    }
    let (source, user) = target(request)?;
    let Body { objects } = request.body()?;
    engine.feed_objects(&source, &user, objects).await?;
    Ok(done())
}

/// Deletes objects; those that are not there are passed over.
pub(super) async fn push_deletes<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        objects: Vec<Value>,
    }
    let (source, user) = target(request)?;
    let Body { objects } = request.body()?;
    let ids = objects.into_iter().map(to_id).collect::<Result<_, _>>()?;
    engine.feed_deletes(&source, &user, ids).await?;
    Ok(done())
}

/// Adds objects. Where one is there already its attributes are merged, where the original stored it twice.
pub(super) async fn fast_insert<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        data: SentObjects,
    }
    let (source, user) = target(request)?;
    let Body { data } = request.body()?;
    engine.feed_objects(&source, &user, data).await?;
    Ok(done())
}

/// Removes the attributes named in `delete_data` and sets those of `data`.
pub(super) async fn fast_update<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        delete_data: SentObjects,
        #[serde(default)]
        data: SentObjects,
    }
    let (source, user) = target(request)?;
    let Body { delete_data, data } = request.body()?;
    let mut patches: BTreeMap<String, ObjectPatch> = BTreeMap::new();
    for (id, attributes) in delete_data {
        let names = attributes.into_iter().map(|(name, _)| name);
        patches.entry(id).or_default().remove.extend(names);
    }
    for (id, attributes) in data {
        patches.entry(id).or_default().set = attributes;
    }
    engine.patch_objects(&source, &user, patches).await?;
    Ok(done())
}

/// Deletes objects by their ids. The original wanted their exact attributes too, and lost count where they differed.
pub(super) async fn fast_delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        data: SentObjects,
    }
    let (source, user) = target(request)?;
    let Body { data } = request.body()?;
    let ids = data.into_keys().collect();
    engine.feed_deletes(&source, &user, ids).await?;
    Ok(done())
}
