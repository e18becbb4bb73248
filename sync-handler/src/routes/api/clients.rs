//! Clients.

use bytes::Bytes;
use http::Response;
use serde_json::json;
use sync_core::{ClientDetails, ClientState, Engine, Ports, Version};
use sync_proto::api::{ClientInfo, ClientName, ClientReset, ClientSourceInfo};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{limit, listing, next_name, no_content, numeric_cursor, objects};

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let limit = limit(request)?;
    let user = request.parameter("user");
    let clients = engine
        .list_clients(user, request.query("cursor"), limit)
        .await?;
    let ids: Vec<String> = clients.into_iter().map(String::from).collect();
    let next = next_name(&ids, limit);
    let clients = ids.into_iter().map(|id| ClientName { id }).collect();
    Ok(listing(clients, next))
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let ClientDetails {
        id,
        user,
        created_at,
        description,
        sources,
    } = engine.client(request.parameter("client")).await?;
    Ok(respond::json(&ClientInfo {
        id: id.into_string(),
        user: user.into_string(),
        created_at: created_at.0,
        device: description,
        sources: sources.into_keys().map(String::from).collect(),
    }))
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    engine
        .delete_client(None, request.parameter("client"))
        .await?;
    Ok(no_content())
}

pub(super) async fn reset<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let client = request.parameter("client");
    let ClientReset { sources } = request.body()?;
    let bound = engine.client(client).await?.sources;
    let sources = sources.unwrap_or_else(|| bound.into_keys().map(String::from).collect());
    for source in &sources {
        engine.source_info(source).await?;
    }
    for source in &sources {
        engine.start_client_over(client, source).await?;
    }
    Ok(no_content())
}

pub(super) async fn show_source<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (client, source) = (request.parameter("client"), request.parameter("source"));
    let state = engine.client_state(client, source).await?;
    let ClientState {
        token,
        version,
        latest,
        waiting,
        outbox,
    } = state.ok_or(HttpError::NotFound)?;
    Ok(respond::json(&ClientSourceInfo {
        token: token.number().to_string(),
        version: version.0,
        latest: latest.0,
        waiting,
        outbox: json!(outbox),
    }))
}

pub(super) async fn list_objects<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (client, source) = (request.parameter("client"), request.parameter("source"));
    let after = Version(numeric_cursor(request)?);
    let page = engine
        .client_objects(client, source, after, limit(request)?)
        .await?;
    Ok(objects::to_listing(page))
}
