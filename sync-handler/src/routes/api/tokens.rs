//! API tokens.

use bytes::Bytes;
use http::Response;
use sync_core::{AccountError, ApiToken, Engine, Order, Ports, Scope};
use sync_proto::api::{CreatedToken, NewToken, TokenInfo};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond::Made;
use crate::routes::api::{created, limit, listing, no_content, numeric_cursor, order};

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let order = order(request, "created")?.unwrap_or(Order::Ascending);
    let (tokens, next) = engine
        .accounts()
        .api_tokens()
        .list(numeric_cursor(request)?, limit(request)?, order)
        .await?;
    let tokens = tokens.into_iter().map(to_info).collect();
    Ok(listing(tokens, next.map(|next| next.to_string())))
}

pub(super) async fn create<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    let NewToken {
        name,
        scopes,
        expires_in,
    } = request.body()?;
    let scopes = scopes
        .iter()
        .map(|scope| scope.parse::<Scope>())
        .collect::<Result<_, _>>()
        .map_err(AccountError::from)?;
    let lifetime = expires_in.map(|seconds| seconds.saturating_mul(1_000));
    let made = engine
        .accounts()
        .api_tokens()
        .create(&name, scopes, lifetime, token.made_by.as_deref())
        .await?;
    Ok(to_created(made))
}

pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    engine
        .accounts()
        .api_tokens()
        .delete(request.parameter("token"))
        .await?;
    Ok(no_content())
}

pub(super) fn to_created((info, token): (ApiToken, String)) -> Response<Bytes> {
    let location = format!("/api/v1/tokens/{}", info.id);
    let info = to_info(info);
    let made = Made(info.name.clone());
    let mut answer = created(&location, &CreatedToken { token, info });
    answer.extensions_mut().insert(made);
    answer
}

fn to_info(token: ApiToken) -> TokenInfo {
    let ApiToken {
        id,
        name,
        scopes,
        made_by,
        created_at,
        used_at,
        ends_at,
    } = token;
    TokenInfo {
        id,
        name,
        scopes: scopes.iter().map(ToString::to_string).collect(),
        made_by,
        created_at: created_at.0,
        used_at: used_at.map(|at| at.0),
        expires_at: ends_at.map(|at| at.0),
    }
}
