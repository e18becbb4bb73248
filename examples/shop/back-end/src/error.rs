//! How a request can fail, and what the client sees of it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// A failed request. Shown as `{"error": "…"}`, with the field's name where one is to blame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The request can't be understood.
    #[error("{0}")]
    Malformed(String),
    /// The request is understood, but a value is not acceptable.
    #[error("{message}")]
    Invalid {
        field: &'static str,
        message: String,
    },
    /// There is no such record or page.
    #[error("not found")]
    NotFound,
    /// The database failed; the cause goes to the log only.
    #[error("internal error")]
    Database(#[from] rusqlite::Error),
    /// The thread that worked on the request died.
    #[error("internal error")]
    Aborted(#[from] tokio::task::JoinError),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let message = self.to_string();
        match self {
            Self::Malformed(_) => failure(StatusCode::BAD_REQUEST, &message),
            Self::Invalid { field, .. } => {
                let body = json!({ "error": message, "field": field });
                (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
            }
            Self::NotFound => failure(StatusCode::NOT_FOUND, &message),
            Self::Database(_) | Self::Aborted(_) => {
                tracing::error!(cause = ?self, "request failed");
                failure(StatusCode::INTERNAL_SERVER_ERROR, &message)
            }
        }
    }
}

/// An answer with the common error body.
pub(crate) fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
