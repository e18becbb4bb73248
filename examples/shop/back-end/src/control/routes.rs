//! The HTTP calls that set and read the switches.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::faults::Fault;
use super::{Control, ControlState};
use crate::database::{self, Database};
use crate::error::ApiError;
use crate::seed::{self, Amounts};

#[derive(Debug, Clone)]
struct Switches {
    control: Arc<Control>,
    database: Database,
    /// What a reset leaves.
    initial: Amounts,
}

/// The routes under `/_control`.
pub(crate) fn routes(control: Arc<Control>, database: Database, initial: Amounts) -> Router {
    Router::new()
        .route("/_control", get(show))
        .route("/_control/faults", post(add_fault).delete(clear_faults))
        .route("/_control/idempotency", post(set_idempotency))
        .route("/_control/reset", post(reset))
        .route("/_control/tokens", delete(revoke_tokens))
        .route("/_control/seed", post(add_records))
        .with_state(Switches {
            control,
            database,
            initial,
        })
}

/// Shows the switches, the counters and the number of records.
async fn show(State(switches): State<Switches>) -> Result<Json<Value>, ApiError> {
    let records = switches
        .database
        .call(|connection| database::amounts(connection))
        .await?;
    let ControlState {
        idempotency,
        faults,
        counters,
        tokens: _,
        tokens_given,
        rotations,
        webhooks,
        webhooks_made: _,
    } = &*switches.control.lock();
    Ok(Json(json!({
        "idempotency": idempotency,
        "faults": faults,
        "counters": counters,
        "records": records,
        "tokens_given": tokens_given,
        "rotations": rotations,
        "webhooks": webhooks,
    })))
}

async fn add_fault(State(switches): State<Switches>, body: Bytes) -> Result<StatusCode, ApiError> {
    let fault: Fault = parse(&body)?;
    fault
        .check()
        .map_err(|why| ApiError::Malformed(why.to_owned()))?;
    switches.control.lock().faults.add(fault);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(switches): State<Switches>) -> StatusCode {
    switches.control.lock().faults.clear();
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Idempotency {
    enabled: bool,
}

/// Says whether `Idempotency-Key` is honoured or ignored, as many back ends do.
async fn set_idempotency(
    State(switches): State<Switches>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let Idempotency { enabled } = parse(&body)?;
    switches.control.lock().idempotency = enabled;
    Ok(StatusCode::NO_CONTENT)
}

/// No token that was given is good any more.
async fn revoke_tokens(State(switches): State<Switches>) -> StatusCode {
    switches.control.revoke_tokens();
    StatusCode::NO_CONTENT
}

/// Makes everything what it was after the first start.
async fn reset(State(switches): State<Switches>) -> Result<StatusCode, ApiError> {
    let Switches {
        control,
        database,
        initial,
    } = switches;
    database
        .call(move |connection| database::reset(connection, initial))
        .await?;
    *control.lock() = ControlState::default();
    Ok(StatusCode::NO_CONTENT)
}

/// Adds records, and answers how many there are now.
async fn add_records(
    State(switches): State<Switches>,
    body: Bytes,
) -> Result<Json<Amounts>, ApiError> {
    let amounts: Amounts = parse(&body)?;
    let present = switches
        .database
        .call(move |connection| {
            let tx = connection.transaction()?;
            seed::insert(&tx, amounts)?;
            let present = database::amounts(&tx)?;
            tx.commit()?;
            Ok(present)
        })
        .await?;
    Ok(Json(present))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Malformed(error.to_string()))
}
