//! The switches under `/_control`: what the back end should do wrong, and what it was asked to do.

mod counters;
mod faults;
mod routes;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;

use crate::database::{Change, OperationKey, Written};
use crate::resource::Resource;
use counters::Counters;
pub(crate) use faults::DropConnection;
use faults::{Faults, Stage};
pub(crate) use routes::routes;

/// What the tests set and read. Without `--control` it keeps its defaults and counts nothing.
#[derive(Debug)]
pub(crate) struct Control {
    enabled: bool,
    state: Mutex<ControlState>,
}

#[derive(Debug)]
struct ControlState {
    idempotency: bool,
    faults: Faults,
    counters: Counters,
    /// Tokens that are good, and how many there have been.
    tokens: BTreeSet<String>,
    tokens_given: u32,
}

impl Default for ControlState {
    fn default() -> Self {
        Self {
            idempotency: true,
            faults: Faults::default(),
            counters: Counters::default(),
            tokens: BTreeSet::new(),
            tokens_given: 0,
        }
    }
}

/// A request, as far as faults and counters tell requests apart.
#[derive(Debug)]
struct Call {
    method: Method,
    path: String,
    /// The route: `/products/{id}`.
    pattern: String,
}

impl Control {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            state: Mutex::default(),
        }
    }

    pub(crate) fn honours_idempotency_keys(&self) -> bool {
        self.lock().idempotency
    }

    /// Counts a write that was answered. What isn't a first write doesn't count as one.
    pub(crate) fn count_write(
        &self,
        resource: &Resource,
        change: &Change,
        key: Option<OperationKey>,
        written: &Written,
    ) {
        if self.enabled {
            self.lock()
                .counters
                .count_write(resource, change, key, written);
        }
    }

    /// Makes a token that is good.
    pub(crate) fn new_token(&self) -> String {
        let mut state = self.lock();
        state.tokens_given += 1;
        let token = format!("token-{}", state.tokens_given);
        state.tokens.insert(token.clone());
        token
    }

    pub(crate) fn is_token(&self, token: &str) -> bool {
        self.lock().tokens.contains(token)
    }

    fn lock(&self) -> MutexGuard<'_, ControlState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a call and lets it go wrong where a fault applies, before it is worked on or after.
pub(crate) async fn interfere(
    State(control): State<std::sync::Arc<Control>>,
    pattern: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let call = Call {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        pattern: pattern.as_str().to_owned(),
    };
    control.lock().counters.count_call(&call);

    let before = control.lock().faults.draw(Stage::Before, &call);
    if let Some(response) = faults::suffer(before, None).await {
        return response;
    }
    let response = next.run(request).await;
    let after = control.lock().faults.draw(Stage::After, &call);
    faults::suffer(after, Some(response))
        .await
        .unwrap_or_default()
}
