//! What the server asks: the plugin protocol.

use std::time::Duration;

use axum::extract::{Path, State as Extracted};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::Shared;
use super::state::{Call, Place, Push};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/keys", get(keys))
        .route("/3/device/{token}", post(push))
        .route("/rhoconnect/authenticate", post(authenticate))
        .route("/rhoconnect/{call}", post(call))
}

/// What an identity provider tells of its keys; it is away while nothing is set.
async fn keys(Extracted(shared): Extracted<Shared>) -> Response {
    match &shared.state().key_set {
        Some(keys) => Json(keys).into_response(),
        None => answer(503, "away"),
    }
}

/// Takes a push as Apple's service does, or answers what was set.
async fn push(
    Path(token): Path<String>,
    Extracted(shared): Extracted<Shared>,
    Json(payload): Json<Value>,
) -> Response {
    let mut state = shared.state();
    let Some(refusal) = state.push_refusals.pop_front() else {
        state.pushes.push(Push { token, payload });
        return StatusCode::OK.into_response();
    };
    let mut response = answer(refusal.status, refusal.body);
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

async fn authenticate(
    Extracted(shared): Extracted<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mut state = shared.state();
    state
        .login_calls
        .push(to_call("authenticate".to_owned(), &headers, &body));
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let login = text("login").and_then(|login| state.logins.get(login));
    let is_right = |password: &str| text("password") == Some(password);
    match login {
        Some(login) if login.password.as_deref().is_none_or(is_right) => {
            answer(login.status, login.body.clone())
        }
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn call(
    Path(call): Path<String>,
    Extracted(shared): Extracted<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(resource), Some(user)) = (text("resource"), text("partition")) else {
        return answer(400, "no resource or no partition");
    };
    let partition = match text("partition_name") {
        Some(name) if name != "user" => name,
        _ => user,
    };
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .unwrap_or_default();
    let (usual, other) = {
        let mut state = shared.state();
        if !state.has(&resource, &partition) {
            return answer(404, format!("{{\"error\":\"there is no {resource}\"}}"));
        }
        let place = state.place(&resource, &partition);
        place.note(to_call(call.clone(), &headers, &body));
        let other = place.next_answer(&call);
        let does = other
            .as_ref()
            .is_none_or(|other| other.applies || other.status.is_none());
        let attributes = body.get("attributes").and_then(Value::as_object);
        let attributes = attributes.cloned().unwrap_or_default();
        (does.then(|| perform(place, &call, key, attributes)), other)
    };
    let Some(other) = other else {
        return usual.unwrap_or_else(|| answer(500, "nothing was done"));
    };
    tokio::time::sleep(Duration::from_millis(other.delay_ms)).await;
    match (other.status, usual) {
        (None, Some(usual)) => usual,
        (status, _) => answer(status.unwrap_or(500), other.body),
    }
}

/// Does what a call is for.
fn perform(
    place: &mut Place,
    call: &str,
    key: &str,
    mut attributes: Map<String, Value>,
) -> Response {
    let id = attributes.get("id").and_then(Value::as_str);
    let id = id.unwrap_or_default().to_owned();
    match call {
        "query" => Json(&place.objects).into_response(),
        "search" => Json(place.found.as_ref().unwrap_or(&place.objects)).into_response(),
        "metadata" => answer(200, place.metadata.clone()),
        "schema" => answer(200, place.schema.clone()),
        "create" => answer(200, place.create(key, attributes)),
        "update" => {
            attributes.remove("id");
            place.objects.entry(id).or_default().extend(attributes);
            answer(200, "")
        }
        "delete" => match place.objects.remove(&id) {
            Some(_) => answer(200, ""),
            None => answer(404, ""),
        },
        _ => answer(404, ""),
    }
}

fn to_call(call: String, headers: &HeaderMap, body: &Value) -> Call {
    let headers = headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        })
        .collect();
    Call {
        call,
        headers,
        body: body.clone(),
    }
}

fn answer(status: u16, body: impl Into<String>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, body.into()).into_response()
}
