//! The switches under `/_control`: what the back end should do wrong, and what it was asked to do.

mod counters;
mod faults;
mod routes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use serde::{Deserialize, Serialize};

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
    /// How often a refresh token was given in place of another.
    rotations: u32,
    /// Whom to tell of changes, and how many there have been.
    webhooks: BTreeMap<u32, Webhook>,
    webhooks_made: u32,
}

/// Whom to tell of changes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Webhook {
    url: String,
    secret: String,
    /// How often it was renewed.
    #[serde(default)]
    renewals: u32,
}

impl Default for ControlState {
    fn default() -> Self {
        Self {
            idempotency: true,
            faults: Faults::default(),
            counters: Counters::default(),
            tokens: BTreeSet::new(),
            tokens_given: 0,
            rotations: 0,
            webhooks: BTreeMap::new(),
            webhooks_made: 0,
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

    /// No token that was given is good any more.
    pub(crate) fn revoke_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// Takes a refresh token that is good once, if it is the last that was given; answers the next.
    pub(crate) fn rotate(&self, refresh_token: &str) -> Option<String> {
        let mut state = self.lock();
        let last = format!("once-{}", state.rotations);
        (refresh_token == last).then(|| {
            state.rotations += 1;
            format!("once-{}", state.rotations)
        })
    }

    /// Keeps a webhook; answers its number.
    pub(crate) fn add_webhook(&self, webhook: Webhook) -> u32 {
        let mut state = self.lock();
        state.webhooks_made += 1;
        let id = state.webhooks_made;
        state.webhooks.insert(id, webhook);
        id
    }

    /// Notes that a webhook is still wanted. `false` if there is none of that number.
    pub(crate) fn renew_webhook(&self, id: u32) -> bool {
        let mut state = self.lock();
        let webhook = state.webhooks.get_mut(&id);
        webhook.map(|webhook| webhook.renewals += 1).is_some()
    }

    /// Removes a webhook. `false` if there is none of that number.
    pub(crate) fn remove_webhook(&self, id: u32) -> bool {
        self.lock().webhooks.remove(&id).is_some()
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
