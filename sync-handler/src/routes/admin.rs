//! What administrators and back ends do.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, PartitionRule, Ports};
use sync_proto::{CreateUser, Login, PushDeletes, PushObjects};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// Users read from the store at once.
const USERS_CHUNK: usize = 1_000;

/// Most users listed: the old route knows no pages.
const MAX_USERS: usize = 100_000;

/// `POST /rc/v1/system/login`: the API token as bare text.
pub(crate) async fn log_in<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let Login { login, password } = request.body()?;
    Ok(respond::text(
        engine
            .log_in_administrator(&login, &password, request.origin())
            .await?,
    ))
}

/// `GET /rc/v1/users`. The administrator is not listed.
pub(crate) async fn list_users<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_api_token(engine).await?;
    let mut users: Vec<String> = Vec::new();
    loop {
        let chunk = engine
            .list_users(users.last().map(String::as_str), USERS_CHUNK)
            .await?;
        let is_last = chunk.len() < USERS_CHUNK;
        users.extend(chunk);
        if is_last || users.len() >= MAX_USERS {
            break;
        }
    }
    users.retain(|user| user != sync_core::ADMINISTRATOR);
    Ok(respond::legacy_json(&users))
}

/// `POST /rc/v1/users`.
pub(crate) async fn create_user<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_api_token(engine).await?;
    let CreateUser { attributes } = request.body()?;
    engine
        .create_user(&attributes.login, &attributes.password)
        .await?;
    Ok(respond::text("User created"))
}

/// `GET /rc/v1/sources/type/{partition}`: `all`, `user` or `app`.
pub(crate) async fn list_sources<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_api_token(engine).await?;
    let rule = match request.parameter("partition") {
        "all" => None,
        "user" => Some(PartitionRule::User),
        "app" => Some(PartitionRule::App),
        other => {
            return Err(HttpError::InvalidValue(format!(
                "{other:?} is not a partition type: all, user or app"
            )));
        }
    };
    let names: Vec<&str> = engine
        .sources(rule)
        .map(|(name, _)| name.as_str())
        .collect();
    Ok(respond::legacy_json(&names))
}

/// `POST /app/v1/{source}/push_objects`.
pub(crate) async fn push_objects<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_api_token(engine).await?;
    let PushObjects { user_id, objects } = request.body()?;
    engine
        .push_objects(request.parameter("source"), &user_id, objects)
        .await?;
    Ok(respond::text("done"))
}

/// `POST /app/v1/{source}/push_deletes`.
pub(crate) async fn push_deletes<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    request.require_api_token(engine).await?;
    let PushDeletes { user_id, objects } = request.body()?;
    engine
        .push_deletes(request.parameter("source"), &user_id, objects)
        .await?;
    Ok(respond::text("done"))
}
