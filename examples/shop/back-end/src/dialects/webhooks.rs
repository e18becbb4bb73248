//! Whom to tell of changes. Nobody is told: tests play the shop's part.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use super::Shelf;
use crate::control::Webhook;
use crate::error::ApiError;

/// Registers a webhook.
pub(super) async fn create(State(shelf): State<Shelf>, body: Bytes) -> Result<Response, ApiError> {
    let webhook: Webhook =
        serde_json::from_slice(&body).map_err(|error| ApiError::Malformed(error.to_string()))?;
    let id = shelf.control.add_webhook(webhook);
    Ok((StatusCode::CREATED, Json(json!({"id": id}))).into_response())
}

/// Renews one.
pub(super) async fn renew(State(shelf): State<Shelf>, Path(id): Path<u32>) -> StatusCode {
    found(shelf.control.renew_webhook(id))
}

/// Removes one.
pub(super) async fn remove(State(shelf): State<Shelf>, Path(id): Path<u32>) -> StatusCode {
    found(shelf.control.remove_webhook(id))
}

fn found(is_there: bool) -> StatusCode {
    match is_there {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::NOT_FOUND,
    }
}
