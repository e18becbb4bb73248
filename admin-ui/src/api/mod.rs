//! The server's REST API. No other module knows an address of it or fetches anything.

mod calls;
mod query;

use std::pin::Pin;

use gloo_net::http::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use web_sys::AbortSignal;

pub(crate) use calls::*;
pub(crate) use query::{Query, encode};

use crate::clock;
use crate::error::ApiError;
use crate::text::sentence_case;

/// Where the API is.
const BASE: &str = "/api/v1";

/// No other site can send this header without asking first, and the server lets none: so it takes the session's cookie.
const CONSOLE_HEADER: (&str, &str) = ("x-rhosync-console", "1");

/// How long to wait for what is read, in milliseconds.
const READ_TIMEOUT: u32 = 10_000;

/// How long to wait for what is done: a component works for up to twenty seconds.
const WRITE_TIMEOUT: u32 = 40_000;

async fn get<T: DeserializeOwned>(path: &str) -> Result<T, ApiError> {
    decode(&send(Method::GET, path, None).await?)
}

async fn post<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Result<T, ApiError> {
    decode(&send(Method::POST, path, encoded(body)).await?)
}

async fn patch<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Result<T, ApiError> {
    decode(&send(Method::PATCH, path, encoded(body)).await?)
}

/// Does something whose answer says no more than that it is done.
async fn act(path: &str, body: &impl Serialize) -> Result<(), ApiError> {
    send(Method::POST, path, encoded(body)).await.map(drop)
}

async fn delete(path: &str) -> Result<(), ApiError> {
    send(Method::DELETE, path, None).await.map(drop)
}

/// What the API takes can always be written.
fn encoded(body: &impl Serialize) -> Option<String> {
    serde_json::to_string(body).ok()
}

/// Sends a request and reads the answer. It is the same for all types of answers, so there is one of it.
fn send(
    method: Method,
    path: &str,
    body: Option<String>,
) -> Pin<Box<dyn Future<Output = Result<String, ApiError>>>> {
    let url = format!("{BASE}{path}");
    Box::pin(async move {
        let timeout = if method == Method::GET {
            READ_TIMEOUT
        } else {
            WRITE_TIMEOUT
        };
        let (name, value) = CONSOLE_HEADER;
        let request = RequestBuilder::new(&url)
            .method(method)
            .header(name, value)
            .abort_signal(Some(&AbortSignal::timeout_with_u32(timeout)));
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body),
            None => request.build(),
        };
        let request = request.map_err(|error| ApiError::Unreadable(error.to_string()))?;
        let response = request.send().await.map_err(|_| ApiError::Unreachable)?;
        if let Some(date) = response.headers().get("date") {
            clock::note_server_time(&date);
        }
        let text = response.text().await.map_err(|_| ApiError::Unreachable)?;
        if response.ok() {
            Ok(text)
        } else {
            Err(refusal(response.status(), &text))
        }
    })
}

fn refusal(status: u16, text: &str) -> ApiError {
    match serde_json::from_str::<sync_proto::api::ApiError>(text) {
        Ok(answer) if status == 401 && answer.error.code != "login_failed" => ApiError::SignedOut,
        Ok(answer) => ApiError::Refused {
            status,
            code: answer.error.code,
            message: sentence(&answer.error.message),
        },
        Err(_) if status == 401 => ApiError::SignedOut,
        Err(_) => ApiError::Refused {
            status,
            code: String::new(),
            message: format!("The server answered with status {status}."),
        },
    }
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(|error| ApiError::Unreadable(error.to_string()))
}

/// What the server says, with a capital letter and a full stop.
fn sentence(message: &str) -> String {
    let text = sentence_case(message);
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}
