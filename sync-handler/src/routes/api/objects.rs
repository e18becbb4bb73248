//! Objects in a copy of a source.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use sync_core::{CopyOf, Engine, LogPlace, ObjectPage, ObjectPatch, Order, Ports, Version};
use sync_proto::api::{ObjectBatch, ObjectChange, ObjectInfo, ObjectPut};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{limit, listing, no_content, numeric_cursor, order};

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, copy) = copy(request);
    let cursor: Option<u64> = match request.query("cursor") {
        None => None,
        Some(_) => Some(numeric_cursor(request)?),
    };
    let place = LogPlace {
        order: order(request, "version")?.unwrap_or(Order::Ascending),
        cursor: cursor.map(Version),
    };
    let limit = limit(request)?;
    let text = request.query("q").unwrap_or_default();
    let page = engine.find_objects(source, copy, text, place, limit);
    Ok(to_listing(page.await?))
}

pub(super) async fn show_versions<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, copy) = copy(request);
    let id = request.parameter("object");
    let versions = engine.object_versions(source, copy, id).await?;
    let versions = versions.ok_or_else(|| HttpError::UnknownObject(id.to_owned()))?;
    Ok(respond::json(&versions))
}

pub(super) async fn change<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, user) = target(request);
    let ObjectBatch { merge, delete } = request.body()?;
    engine.feed_objects(source, user, merge).await?;
    engine.feed_deletes(source, user, delete).await?;
    Ok(no_content())
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, user) = target(request);
    let id = request.parameter("object");
    let attributes = engine.object(source, user, id).await?;
    let attributes = attributes.ok_or_else(|| HttpError::UnknownObject(id.to_owned()))?;
    let id = id.to_owned();
    Ok(respond::json(&ObjectInfo { id, attributes }))
}

pub(super) async fn put<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, user) = target(request);
    let ObjectPut { attributes } = request.body()?;
    if attributes.is_empty() {
        return Err(HttpError::InvalidValue(
            "an object has at least one attribute; to delete it, use DELETE".to_owned(),
        ));
    }
    let objects = BTreeMap::from([(request.parameter("object").to_owned(), attributes)]);
    engine.replace_objects(source, user, objects, false).await?;
    show(engine, request).await
}

pub(super) async fn patch<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, user) = target(request);
    let ObjectChange { set, remove } = request.body()?;
    let id = request.parameter("object");
    // What is not there is not made by changing it.
    show(engine, request).await?;
    let patches = BTreeMap::from([(id.to_owned(), ObjectPatch { remove, set })]);
    engine.patch_objects(source, user, patches).await?;
    show(engine, request).await
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, user) = target(request);
    let id = request.parameter("object");
    match show(engine, request).await {
        // Deleted already.
        Err(HttpError::UnknownObject(_)) => return Ok(no_content()),
        other => drop(other?),
    }
    engine
        .feed_deletes(source, user, vec![id.to_owned()])
        .await?;
    Ok(no_content())
}

pub(super) fn to_listing(page: ObjectPage) -> Response<Bytes> {
    let ObjectPage { objects, next } = page;
    let objects = objects.into_iter().map(|(id, attributes)| ObjectInfo {
        id: id.into_string(),
        attributes,
    });
    listing(objects.collect(), next.map(|next| next.to_string()))
}

/// The copy that a path names, by itself or by a user whose devices get it.
fn copy(request: &Request) -> (&str, CopyOf<'_>) {
    let (source, user) = target(request);
    let copy = match request.parameter("partition") {
        "" => CopyOf::User(user),
        id => CopyOf::Id(id),
    };
    (source, copy)
}

fn target(request: &Request) -> (&str, &str) {
    (request.parameter("source"), request.parameter("user"))
}
