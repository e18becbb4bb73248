//! Clients.

use bytes::Bytes;
use http::Response;
use serde_json::json;
use sync_core::{
    ChangeQuery, ClientDetails, ClientPage, ClientPush, ClientQuery, ClientState, Clock as _,
    DifferencePage, Engine, Ports, Version,
};
use sync_proto::api::{self, ClientInfo, ClientName, ClientReset, ClientSourceInfo, Diagnostics};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{limit, listing, next_name, no_content, numeric_cursor, objects};

/// What a device says of itself that is nobody else's business: where it is pushed to.
const SECRETS: [&str; 1] = ["device_pin"];

/// Most clients of a list with how they are: that takes some commands for each.
const MAX_FOUND: usize = 100;

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
    let client = engine.client(request.parameter("client")).await?;
    Ok(respond::json(&to_info(client)))
}

fn to_info(client: ClientDetails) -> ClientInfo {
    let ClientDetails {
        id,
        user,
        created_at,
        description,
        sources,
        seen_at,
        push,
    } = client;
    ClientInfo {
        id: id.into_string(),
        user: user.into_string(),
        created_at: created_at.0,
        device: description,
        sources: sources.into_keys().map(String::from).collect(),
        seen_at: seen_at.map(|at| at.0),
        push: push.map(to_push),
    }
}

/// All clients, or those that are asked for.
pub(super) async fn find<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let state = request.query("state").map(|state| {
        serde_json::from_value(json!(state)).map_err(|_| {
            HttpError::InvalidValue(
                "state is one of ok, waiting, stuck, failing, silent".to_owned(),
            )
        })
    });
    let by_id = match request.query("sort") {
        None | Some("seen") => false,
        Some("id") => true,
        Some(_) => {
            return Err(HttpError::InvalidValue(
                "sort is one of seen, id".to_owned(),
            ));
        }
    };
    let query = ClientQuery {
        beginning: request.query("q").filter(|q| !q.is_empty()),
        user: request.query("user"),
        state: state.transpose()?,
        by_id,
        cursor: request.query("cursor"),
        limit: limit(request)?.min(MAX_FOUND),
    };
    let ClientPage { clients, next } = engine.find_clients(query).await?;
    Ok(listing(clients, next))
}

pub(super) async fn list_events<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (from, limit) = (numeric_cursor::<usize>(request)?, limit(request)?);
    let client = request.parameter("client");
    let events = engine.client_events(client, from, limit).await?;
    let next = (events.len() == limit).then(|| from.saturating_add(limit).to_string());
    Ok(listing(events, next))
}

pub(super) async fn list_sources<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let sources = engine.client_sources(request.parameter("client")).await?;
    Ok(listing(sources, None))
}

pub(super) async fn preview<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (client, source) = (request.parameter("client"), request.parameter("source"));
    let preview = engine.preview(client, source, limit(request)?).await?;
    Ok(respond::json(&preview.ok_or(HttpError::NotFound)?))
}

pub(super) async fn list_differences<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let (client, source) = (request.parameter("client"), request.parameter("source"));
    let found = engine.differences(client, source, request.query("cursor"), limit(request)?);
    let DifferencePage { differences, next } = found.await?.ok_or(HttpError::NotFound)?;
    Ok(listing(differences, next))
}

/// What is known of a client, to be passed on: nothing in it lets anybody in, or reaches the device.
pub(super) async fn diagnose<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let id = request.parameter("client");
    let mut client = to_info(engine.client(id).await?);
    for name in SECRETS {
        client
            .device
            .entry(name.to_owned())
            .and_modify(|value| "***".clone_into(value));
    }
    let changes = ChangeQuery {
        client: Some(id),
        limit: MAX_FOUND,
        ..ChangeQuery::default()
    };
    Ok(respond::json(&Diagnostics {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: engine.ports().clock().now().0,
        summary: engine.client_summary(id).await?,
        sources: engine.client_sources(id).await?,
        events: engine.client_events(id, 0, MAX_FOUND).await?,
        changes: engine.find_changes(changes).await?.changes,
        client,
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

fn to_push(push: ClientPush) -> api::ClientPush {
    let ClientPush {
        service,
        has_token,
        last,
    } = push;
    let (pinged_at, error) = last.unzip();
    api::ClientPush {
        service: service.as_str().to_owned(),
        has_token,
        pinged_at: pinged_at.map(|at| at.0),
        error: error.flatten(),
    }
}
