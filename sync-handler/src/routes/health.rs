//! Health checks: `/health` and `/ready`; and the way to the console for who knows only the server's name.

use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Method, Response, StatusCode};
use sync_core::{Clock as _, Ports, StoreError};
use sync_proto::{Check, Health, HealthStatus, Readiness, ReadinessStatus};

use crate::app::{App, READY_WITHIN, Unusable, silent_store};
use crate::respond;
use crate::router::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Root,
    Health,
    Ready,
}

pub(crate) const ROUTES: &[Row<Route>] = &[
    (Method::GET, "/", Route::Root),
    (Method::GET, "/health", Route::Health),
    (Method::GET, "/ready", Route::Ready),
];

pub(crate) async fn answer<P: Ports>(route: Route, app: &App<P>) -> Response<Bytes> {
    match route {
        Route::Root => respond::see("/console/"),
        Route::Health => health(),
        Route::Ready => ready(app).await,
    }
}

/// `GET /health`: the process answers.
fn health() -> Response<Bytes> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    respond::json(&Health {
        status: HealthStatus::Ok,
        version,
    })
}

/// `GET /ready`: settings and store are usable.
async fn ready<P: Ports>(app: &App<P>) -> Response<Bytes> {
    let check = |name: &str, problem: Option<String>| Check {
        name: name.to_owned(),
        ok: problem.is_none(),
        message: problem,
    };
    let no_answer = |error: &StoreError| {
        tracing::error!(%error, "the store does not answer");
        "the store does not answer; the log says why".to_owned()
    };
    let (settings, store) = match app.usable() {
        Ok(engine) => {
            let limit = pin!(engine.ports().clock().timer(READY_WITHIN));
            let problem = match select(pin!(engine.check_store()), limit).await {
                Either::Left((checked, _)) => checked.err(),
                Either::Right(_) => Some(silent_store(READY_WITHIN)),
            };
            (None, problem.as_ref().map(no_answer))
        }
        Err(Unusable::Store(error)) => (None, Some(no_answer(error))),
        Err(Unusable::Settings(error)) => {
            // The reason may quote what the settings say, passwords in addresses for instance: it stays in the log.
            tracing::error!("the settings are not usable: {error}");
            let problem = format!("{}: {}: not valid; the log says why", error.file, error.key);
            let unknown = "not checked: the settings are not usable".to_owned();
            (Some(problem), Some(unknown))
        }
    };
    let checks = vec![check("redis", store), check("settings", settings)];
    let is_ready = checks.iter().all(|check| check.ok);
    let status = if is_ready {
        ReadinessStatus::Ready
    } else {
        ReadinessStatus::NotReady
    };
    let mut response = respond::json(&Readiness { status, checks });
    if !is_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
