//! What a component that works on jobs does when its doorbell rings, and when a request asks it to work.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use serde::Serialize;
use spin_sdk::http::{FullBody, Request};
use sync_core::{AccountError, Budget, Engine, JobHandlers, Scope, SettingsPart, Worked, Worker};
use sync_proto::ErrorCode;
use sync_proto::api::{ApiError, ApiErrorDetails, JobsRun};

use crate::{LoadError, SpinPorts, load_engine};

/// Where a request asks the component to work; its name follows.
const RUN_PATH: &str = "/api/v1/jobs/run/";

/// How long jobs are worked on for one request: whoever sends it waits.
const REQUEST_TIME: Duration = Duration::from_secs(20);

/// A component that works on jobs.
#[derive(Debug, Clone, Copy)]
pub struct Component {
    /// What its queues begin with.
    pub name: &'static str,
    /// How many jobs it does at once.
    pub at_once: usize,
    /// The parts of the settings that its jobs use.
    pub settings: &'static [SettingsPart],
}

impl Component {
    /// A component whose jobs wait for others most of the time, so that many can be done at once.
    pub const fn waiting(name: &'static str, settings: &'static [SettingsPart]) -> Self {
        Self {
            name,
            at_once: Budget::RING.at_once,
            settings,
        }
    }

    /// Answers a message: works on the component's jobs until there are none.
    ///
    /// Messages are the doorbell's, or tell of a key of the store that has expired: then it may be time to sweep. What the
    /// message says is not needed otherwise.
    ///
    /// # Errors
    /// A component without an engine, and the store's errors.
    pub async fn answer_ring(
        self,
        handlers: &JobHandlers<SpinPorts>,
        message: &[u8],
    ) -> Result<(), LoadError> {
        crate::start_log(tracing::Level::INFO);
        if !sync_core::is_ring(message) {
            return Ok(());
        }
        let engine = load_engine(self.settings).await?;
        let worker = Worker::new(&engine, handlers, self.name);
        let budget = Budget {
            at_once: self.at_once,
            ..Budget::RING
        };
        let worked = worker.run(budget).await?;
        if worked != Worked::default() {
            tracing::info!(
                jobs.done = worked.done,
                jobs.failed = worked.failed,
                "worked on jobs"
            );
        }
        Ok(())
    }

    /// Answers a request to work: `POST /api/v1/jobs/run/<component>`, by whoever may change jobs.
    ///
    /// Hosts without a Redis trigger work on jobs this way, and operators can see what a component says.
    pub async fn answer_request(
        self,
        handlers: &JobHandlers<SpinPorts>,
        request: &Request,
    ) -> Response<FullBody<Bytes>> {
        crate::start_log(tracing::Level::INFO);
        let mut answer = match self.run(handlers, request).await {
            Ok(run) => json(StatusCode::OK, &run),
            Err((status, code, message)) => {
                let code = code.as_str().to_owned();
                let error = ApiErrorDetails { code, message };
                json(status, &ApiError { error })
            }
        };
        let about_status = match answer.status() {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "POST")),
            _ => None,
        };
        if let Some((name, value)) = about_status {
            let value = header::HeaderValue::from_static(value);
            answer.headers_mut().insert(name, value);
        }
        answer
    }

    async fn run(
        self,
        handlers: &JobHandlers<SpinPorts>,
        request: &Request,
    ) -> Result<JobsRun, Refusal> {
        if request.uri().path().strip_prefix(RUN_PATH) != Some(self.name) {
            let message = "there is nothing at this address".to_owned();
            return Err((StatusCode::NOT_FOUND, ErrorCode::NotFound, message));
        }
        if request.method() != Method::POST {
            let message = "only POST is answered here".to_owned();
            let code = ErrorCode::MethodNotAllowed;
            return Err((StatusCode::METHOD_NOT_ALLOWED, code, message));
        }
        let engine = load_engine(self.settings)
            .await
            .map_err(|error| match error {
                LoadError::Settings(error) => wrong_settings(&error.to_string()),
                LoadError::Store(error) => unavailable(&error),
            })?;
        authorize(&engine, request).await?;
        let budget = Budget {
            time: REQUEST_TIME,
            at_once: self.at_once,
        };
        let worked = Worker::new(&engine, handlers, self.name).run(budget).await;
        let worked = worked.map_err(|error| unavailable(&error))?;
        Ok(JobsRun {
            done: worked.done,
            failed: worked.failed,
        })
    }
}

type Refusal = (StatusCode, ErrorCode, String);

async fn authorize(engine: &Engine<SpinPorts>, request: &Request) -> Result<(), Refusal> {
    let bearer = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let token = engine
        .accounts()
        .api_tokens()
        .authenticate(bearer.unwrap_or_default())
        .await
        .map_err(|error| match error {
            AccountError::InvalidApiToken => {
                let message = "an API token is needed: Authorization: Bearer <token>".to_owned();
                let code = ErrorCode::InvalidApiToken;
                (StatusCode::UNAUTHORIZED, code, message)
            }
            other => unavailable(&other),
        })?;
    if token.allows(Scope::JobsWrite) {
        Ok(())
    } else {
        let message = format!("the API token is not good for {}", Scope::JobsWrite);
        Err((StatusCode::FORBIDDEN, ErrorCode::Forbidden, message))
    }
}

fn wrong_settings(reason: &str) -> Refusal {
    tracing::error!(reason, "the settings cannot be used");
    let message = reason.to_owned();
    (
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unavailable,
        message,
    )
}

fn unavailable(error: &dyn std::error::Error) -> Refusal {
    tracing::error!(error = %error, "jobs could not be worked on");
    let message = "the server cannot work on jobs now; its log says why".to_owned();
    (
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unavailable,
        message,
    )
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<FullBody<Bytes>> {
    // What is sent here are numbers and texts.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let length = body.len();
    let mut answer = Response::new(FullBody::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let json = header::HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CONTENT_LENGTH, length.into());
    let no_cache = header::HeaderValue::from_static("no-cache");
    headers.insert(header::CACHE_CONTROL, no_cache);
    answer
}
