//! Logins of administrators, and what they are good for.

use bytes::Bytes;
use http::Response;
use sync_core::{ApiToken, Engine, Origin, Ports};
use sync_proto::api::{ApiLogin, PasswordChange, SessionInfo};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::administrators::to_role;
use crate::routes::api::no_content;
use crate::routes::api::tokens::to_created;

pub(super) async fn log_in<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let ApiLogin { login, password } = request.body()?;
    let address = request.client_address(engine);
    let made = engine
        .accounts()
        .log_in_to_api(&login, &password, Origin(&address));
    Ok(to_created(made.await?))
}

pub(super) async fn log_out<P: Ports>(
    engine: &Engine<P>,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    engine.accounts().api_tokens().delete(&token.id).await?;
    Ok(no_content())
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    Ok(respond::json(&to_info(engine, token).await?))
}

pub(super) async fn change_password<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    let PasswordChange { current, new } = request.body()?;
    let address = request.client_address(engine);
    engine
        .accounts()
        .change_own_password(token, &current, &new, Origin(&address))
        .await?;
    Ok(no_content())
}

async fn to_info<P: Ports>(engine: &Engine<P>, token: &ApiToken) -> Result<SessionInfo, HttpError> {
    let administrator = match token.administrator() {
        Some(login) => Some(engine.accounts().administrator(login).await?),
        None => None,
    };
    let name = administrator.as_ref().map(|known| &known.login);
    Ok(SessionInfo {
        name: name.unwrap_or(&token.name).clone(),
        role: administrator.as_ref().map(|known| to_role(known.role)),
        scopes: token.scopes.iter().map(ToString::to_string).collect(),
        expires_at: token.ends_at.map(|at| at.0),
        initial_password: administrator.is_some_and(|known| known.has_made_password),
    })
}
