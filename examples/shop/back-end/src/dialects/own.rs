//! Products as each user may see and change them: those of the brand that is called like the user.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::Shelf;
use crate::api::{Operation, parse_id, parse_object};
use crate::database::Change;
use crate::error::{ApiError, failure};
use crate::resource::PRODUCTS;

/// The user who has proven who it is. There is no list of users: whoever's password is `<name>'s secret` is one.
fn user_of(headers: &HeaderMap) -> Option<String> {
    let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let pair = BASE64.decode(sent.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (name, password) = pair.split_once(':')?;
    (password == format!("{name}'s secret")).then(|| name.to_owned())
}

fn nobody() -> Response {
    failure(StatusCode::UNAUTHORIZED, "no user of this shop")
}

async fn products_of(shelf: &Shelf, user: &str) -> Result<Vec<Value>, ApiError> {
    let (mut products, ..) = shelf.listing(None).await?;
    products.retain(|product| product["brand"] == user);
    Ok(products)
}

/// The user's products.
pub(super) async fn list(
    State(shelf): State<Shelf>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(user) = user_of(&headers) else {
        return Ok(nobody());
    };
    let products = products_of(&shelf, &user).await?;
    Ok(axum::Json(products).into_response())
}

/// Changes one of them.
pub(super) async fn update(
    State(shelf): State<Shelf>,
    Path(id): Path<String>,
    headers: HeaderMap,
    operation: Operation,
    body: Bytes,
) -> Result<Response, ApiError> {
    let Some(user) = user_of(&headers) else {
        return Ok(nobody());
    };
    let id = parse_id(&id)?;
    let products = products_of(&shelf, &user).await?;
    if !products.iter().any(|product| product["id"] == id) {
        return Ok(failure(StatusCode::NOT_FOUND, "no product of this user"));
    }
    let assignments = PRODUCTS.parse_changes(&parse_object(&body)?)?;
    shelf
        .write(Change::Update { id, assignments }, operation)
        .await
}
