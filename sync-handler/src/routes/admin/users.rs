//! Users.

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Ports};
use sync_proto::CreateUser;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;

/// Users read from the store at once.
const USERS_CHUNK: usize = 1_000;

/// Most users listed: the old route knows no pages.
const MAX_USERS: usize = 100_000;

/// `GET /rc/v1/users`. The administrator is not listed.
pub(crate) async fn list<P: Ports>(
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
pub(crate) async fn create<P: Ports>(
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
