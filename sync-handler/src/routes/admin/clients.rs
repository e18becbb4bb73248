//! Clients.

use bytes::Bytes;
use http::Response;
use serde_json::Value;
use sync_core::{ClientDetails, Engine, Ports};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond::{self, Made};
use crate::routes::admin::{CLIENT, USER, attribute};

/// Clients read from the store at once.
const CLIENTS_CHUNK: usize = 1_000;

/// Most clients listed: the old route knows no pages.
const MAX_CLIENTS: usize = 100_000;

/// What a client has of a device's description, in the order scripts know.
const DESCRIPTION: [&str; 7] = [
    "device_type",
    "device_push_type",
    "device_pin",
    "device_port",
    "phone_id",
    "device_app_id",
    "device_app_version",
];

/// The ids of a user's clients.
pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let user = request.argument("user", USER)?;
    let mut clients: Vec<String> = Vec::new();
    loop {
        let after = clients.last().map(String::as_str);
        let chunk = engine.list_clients(&user, after, CLIENTS_CHUNK).await?;
        let is_last = chunk.len() < CLIENTS_CHUNK;
        clients.extend(chunk.into_iter().map(String::from));
        if is_last || clients.len() >= MAX_CLIENTS {
            return Ok(respond::legacy_json(&clients));
        }
    }
}

/// Makes a client for a user; answers its bare id.
pub(super) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let user = request.argument("user", USER)?;
    let client = engine.create_client_for(&user).await?;
    let mut answer = respond::text(client.to_string());
    answer.extensions_mut().insert(Made(client.into_string()));
    Ok(answer)
}

/// A client as a list of attributes.
pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let ClientDetails {
        id,
        user,
        created_at: _,
        mut description,
        sources: _,
        seen_at: _,
        push: _,
    } = engine.client(&request.argument("client", CLIENT)?).await?;
    let mut attributes = vec![attribute("rho__id", "string", id.as_str())];
    for name in DESCRIPTION {
        let value = description.remove(name).map_or(Value::Null, Value::String);
        attributes.push(attribute(name, "string", value));
    }
    attributes.push(attribute("user_id", "string", user.as_str()));
    attributes.push(attribute("app_id", "string", "application"));
    Ok(respond::legacy_json(&attributes))
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let user = request.optional_argument("user", USER)?;
    let client = request.argument("client", CLIENT)?;
    engine.delete_client(user.as_deref(), &client).await?;
    Ok(respond::text("Client deleted"))
}
