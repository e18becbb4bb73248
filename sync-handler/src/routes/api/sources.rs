//! Sources, and users' copies of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use sync_core::{CopyPage, DocumentDetails, Engine, Order, Ports, SourceChange, SourceInfo};
use sync_proto::api::{DocumentInfo, RefreshRequest, SourcePatch, SourceSummary};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{limit, listing, next_name, no_content, numeric_cursor, order, tagged};

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let limit = limit(request)?;
    let order = order(request, "name")?.unwrap_or(Order::Ascending);
    let (cursor, beginning) = (request.query("cursor"), request.query("q"));
    let mut sources = engine.sources(None).await?;
    if order == Order::Descending {
        sources.reverse();
    }
    let follows = |name: &str| {
        cursor.is_none_or(|cursor| match order {
            Order::Ascending => name > cursor,
            Order::Descending => name < cursor,
        })
    };
    let items: Vec<SourceSummary> = sources
        .into_iter()
        .filter(|source| follows(source.name.as_str()))
        .filter(|source| {
            beginning.is_none_or(|beginning| source.name.as_str().starts_with(beginning))
        })
        .take(limit)
        .map(to_summary)
        .collect();
    let names: Vec<String> = items.iter().map(|source| source.name.clone()).collect();
    Ok(listing(items, next_name(&names, limit)))
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let source = engine.source_info(request.parameter("source")).await?;
    let revision = source.revision.clone();
    Ok(tagged(respond::json(&to_summary(source)), &revision))
}

pub(super) async fn update<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let SourcePatch {
        poll_interval,
        paused,
    } = request.body()?;
    let source = request.parameter("source");
    let change = SourceChange {
        poll_interval,
        paused,
        expected: request.expected(),
    };
    engine.change_source(source, change).await?;
    show(engine, request).await
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    engine
        .delete_dynamic_source(request.parameter("source"))
        .await?;
    Ok(no_content())
}

pub(super) async fn show_document<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, user) = (request.parameter("source"), request.parameter("user"));
    let DocumentDetails {
        version,
        objects,
        refreshed_at,
        error,
    } = engine.document_details(source, user).await?;
    Ok(respond::json(&DocumentInfo {
        version: version.0,
        objects,
        refreshed_at: refreshed_at.map(|at| at.0),
        errors: error.into_iter().collect::<BTreeMap<_, _>>(),
        metadata: engine.metadata(source, user).await?,
        schema: engine.schema(source, user).await?,
    }))
}

pub(super) async fn list_copies<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, position) = (request.parameter("source"), numeric_cursor(request)?);
    let CopyPage { copies, next } = engine.copies(source, position, limit(request)?).await?;
    Ok(listing(copies, next.map(|next| next.to_string())))
}

pub(super) async fn show_copy<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, id) = (request.parameter("source"), request.parameter("partition"));
    Ok(respond::json(&engine.copy_summary(source, id).await?))
}

pub(super) async fn refresh<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (source, user) = (request.parameter("source"), request.parameter("user"));
    let RefreshRequest { in_seconds, now } = request.body()?;
    if now {
        engine.refresh_now(source, user).await?;
        return Ok(no_content());
    }
    engine
        .set_read_state(source, user, in_seconds, None)
        .await?;
    Ok(no_content())
}

fn to_summary(source: SourceInfo) -> SourceSummary {
    let SourceInfo {
        name,
        settings,
        is_dynamic,
        is_paused,
        revision: _,
    } = source;
    SourceSummary {
        name: name.into_string(),
        partition: settings.partition.as_str().to_owned(),
        poll_interval: settings.poll_interval.to_seconds(),
        pass_through: settings.pass_through,
        dynamic: is_dynamic,
        adapter: settings.adapter.kind().to_owned(),
        paused: is_paused,
        queue: settings
            .query_queue
            .or(settings.cud_queue)
            .map(|queue| queue.into_string()),
    }
}
