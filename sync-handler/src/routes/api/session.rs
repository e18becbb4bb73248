//! Logins of administrators, and what they are good for.

use bytes::Bytes;
use http::{Response, StatusCode};
use sync_core::{ApiToken, Clock as _, Engine, Origin, Ports};
use sync_proto::CONSOLE_HEADER;
use sync_proto::api::{ApiLogin, PasswordChange, SessionInfo};

use crate::console_cookie;
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
    let ApiLogin {
        login,
        password,
        cookie,
    } = request.body()?;
    // A page of another site could have its own administrator logged in to somebody's console.
    if cookie && !request.is_from_console() {
        return Err(HttpError::InvalidValue(format!(
            "a login for a cookie is the console's, with the header {CONSOLE_HEADER}: 1 and no other origin"
        )));
    }
    let address = request.client_address(engine);
    let made = engine
        .accounts()
        .log_in_to_api(&login, &password, Origin(&address));
    let (token, text) = made.await?;
    if !cookie {
        return Ok(to_created((token, text)));
    }
    let mut answer = respond::json(&to_info(engine, &token).await?);
    *answer.status_mut() = StatusCode::CREATED;
    let now = engine.ports().clock().now();
    let lifetime_ms = token.ends_at.map_or(0, |end| end.0.saturating_sub(now.0));
    let headers = answer.headers_mut();
    console_cookie::give(headers, &text, lifetime_ms / 1_000, request.is_https());
    Ok(answer)
}

/// Ends the token, and the cookie if it is in one.
pub(super) async fn log_out<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    engine.accounts().api_tokens().delete(&token.id).await?;
    let mut answer = no_content();
    if console_cookie::is_in(request.headers()) {
        console_cookie::give(answer.headers_mut(), "", 0, request.is_https());
    }
    Ok(answer)
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
