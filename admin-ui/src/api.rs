//! The server's REST API. No other file knows a URL or fetches anything.

use gloo_net::http::{Request, Response};
use sync_proto::{Health, Readiness};
use web_sys::AbortSignal;

use crate::error::ApiError;

/// How long to wait for an answer, in milliseconds. Shorter than the time between two refreshes.
const TIMEOUT: u32 = 8_000;

/// Asks whether the server lives, and which version it is.
pub(crate) async fn health() -> Result<Health, ApiError> {
    let response = get("/health").await?;
    if !response.ok() {
        return Err(ApiError::Status(response.status()));
    }
    decode(response).await
}

/// Asks whether the server can work. "No" is an answer too, and comes with status 503.
pub(crate) async fn readiness() -> Result<Readiness, ApiError> {
    let response = get("/ready").await?;
    if !response.ok() && response.status() != 503 {
        return Err(ApiError::Status(response.status()));
    }
    decode(response).await
}

async fn get(url: &str) -> Result<Response, ApiError> {
    Request::get(url)
        .abort_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT)))
        .send()
        .await
        .map_err(|_| ApiError::Unreachable)
}

async fn decode<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    response
        .json()
        .await
        .map_err(|error| ApiError::Unreadable(error.to_string()))
}
