//! An authorization server of one client.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use super::Shelf;
use crate::control::Control;
use crate::error::failure;

/// `rhosync:shop-secret`, as basic authentication writes it.
const CREDENTIALS: &str = "Basic cmhvc3luYzpzaG9wLXNlY3JldA==";

/// How long a token is good, in seconds. Nobody looks: tokens end when they are revoked.
const LIFETIME_SECONDS: u32 = 3_600;

/// Gives a token for the client's own credentials, for the refresh token `again-and-again`, or for one that is good once: `once-0`, and
/// then the one that came with the last token. An old one ends all tokens, as RFC 9700 (section 4.14.2) has it.
pub(super) async fn give_token(
    State(shelf): State<Shelf>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refused =
        |status, error: &str| (status, axum::Json(json!({"error": error}))).into_response();
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|it| it != CREDENTIALS)
    {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let form: std::collections::BTreeMap<_, _> =
        form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str);
    let mut next = None;
    match (field("grant_type"), field("refresh_token")) {
        (Some("client_credentials"), None) | (Some("refresh_token"), Some("again-and-again")) => {}
        (Some("refresh_token"), Some(shown)) if shown.starts_with("once-") => {
            next = shelf.control.rotate(shown);
            if next.is_none() {
                shelf.control.revoke_tokens();
                return refused(StatusCode::BAD_REQUEST, "invalid_grant");
            }
        }
        (Some("refresh_token"), _) => return refused(StatusCode::BAD_REQUEST, "invalid_grant"),
        _ => return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
    }
    let token = shelf.control.new_token();
    let mut given =
        json!({"access_token": token, "token_type": "bearer", "expires_in": LIFETIME_SECONDS});
    if let (Some(next), Some(members)) = (next, given.as_object_mut()) {
        members.insert("refresh_token".to_owned(), next.into());
    }
    axum::Json(given).into_response()
}

/// The refusal of a request without a token that is good.
pub(super) fn check_token(control: &Control, headers: &HeaderMap) -> Option<Response> {
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok());
    let token = sent.and_then(|it| it.strip_prefix("Bearer "));
    if token.is_some_and(|token| control.is_token(token)) {
        return None;
    }
    Some(failure(StatusCode::UNAUTHORIZED, "no token that is good"))
}
