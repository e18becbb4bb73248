//! Jobs and their queues.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value};
use sync_core::{
    AnswerRoom, ApiToken, Engine, HttpClient as _, HttpError as CallError, Ports, Scope, queue_info,
};
use sync_jobs::{
    JobDetails, JobFilter, JobId, JobState, Jobs, MAX_PAYLOAD_BYTES, QueueMinute, QueueName,
    Refused, StoredError,
};
use sync_proto::api::{
    JobErrorInfo, JobInfo, JobRetry, JobsRetried, JobsRun, QueueHistory, QueuePatch, QueuePoint,
};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{limit, listing, no_content, numeric_cursor, order, require};

/// Most jobs of a list's part: each may be large.
const MAX_LISTED: usize = 100;

/// Most dead jobs that one request lets be tried again.
const MAX_RETRIED: usize = 1_000;

/// What a payload says of who asked for a job, and of what: who corrects one stays with that.
const WHOSE: [&str; 4] = ["user", "client", "source", "partition"];

/// How many whole minutes the counts of a queue go back.
const MINUTES: u64 = 10;

/// How many minutes of a queue's history are told where the request does not say, and at most: two hours are kept.
const HISTORY_MINUTES: u64 = 60;
const MAX_HISTORY_MINUTES: u64 = 118;

/// How long a component is waited for that was asked to work: it takes jobs for 20 seconds, and brings those it has begun
/// to their end.
const RUN_TIMEOUT: Duration = Duration::from_secs(630);

/// Most bytes of a component's answer, which is two numbers.
const MAX_RUN_BYTES: usize = 1_024;

/// Lets a component work on its jobs. It is asked inside the application, where nobody else reaches it: who may ask is
/// decided here.
pub(super) async fn run<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let run = run_component(engine, request.parameter("component")).await?;
    Ok(respond::json(&run))
}

/// Lets a component work on its jobs, and waits for it.
pub(super) async fn run_component<P: Ports>(
    engine: &Engine<P>,
    component: &str,
) -> Result<JobsRun, HttpError> {
    let unknown = || HttpError::UnknownComponent(component.to_owned());
    let is_part_of_host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !component.chars().all(is_part_of_host) {
        return Err(unknown());
    }
    let call = http::Request::post(format!("http://{component}-jobs.spin.internal/"))
        .body(Bytes::new())
        .map_err(|_| unknown())?;
    let http = engine.ports().http();
    let failed = |reason: String| HttpError::ComponentFailed {
        component: component.to_owned(),
        reason,
    };
    match http
        .send(call, RUN_TIMEOUT, &mut AnswerRoom::of(MAX_RUN_BYTES))
        .await
    {
        Ok(answer) if answer.status() == StatusCode::OK => serde_json::from_slice(answer.body())
            .map_err(|error| failed(format!("its answer cannot be read: {error}"))),
        Ok(answer) => Err(failed(format!("it answered {}", answer.status()))),
        // The manifest lists the components that may be asked.
        Err(CallError::Denied { .. }) => Err(unknown()),
        Err(error) => Err(failed(error.to_string())),
    }
}

pub(super) async fn list_queues<P: Ports>(
    engine: &Engine<P>,
) -> Result<Response<Bytes>, HttpError> {
    let jobs = Jobs::new(engine.ports().redis());
    let queues = jobs.all_counts(MINUTES).await?;
    Ok(listing(queues.into_iter().map(queue_info).collect(), None))
}

pub(super) async fn update_queue<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let queue = known_queue(engine, request.parameter("queue")).await?;
    let QueuePatch { paused } = request.body()?;
    let jobs = Jobs::new(engine.ports().redis());
    jobs.set_paused(&queue, paused).await?;
    if !paused {
        // Rings for what has waited.
        engine.sweeper().sweep().await?;
    }
    let counts = jobs.counts(queue, MINUTES).await?;
    Ok(respond::json(&queue_info(counts)))
}

pub(super) async fn retry_all<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let queue = known_queue(engine, request.parameter("queue")).await?;
    let jobs = Jobs::new(engine.ports().redis());
    let retried = jobs.retry_all(&queue, MAX_RETRIED).await?;
    let counts = jobs.counts(queue, 0).await?;
    Ok(respond::json(&JobsRetried {
        retried,
        dead: counts.jobs.get(&JobState::Dead).copied().unwrap_or(0),
    }))
}

pub(super) async fn list<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let queue = known_queue(engine, request.query("queue").unwrap_or_default()).await?;
    let state = request.query("state").unwrap_or("dead");
    let state = JobState::parse(state).ok_or_else(|| {
        let known = JobState::ALL.map(JobState::as_str).join(", ");
        HttpError::InvalidValue(format!("state is one of {known}"))
    })?;
    let from: usize = numeric_cursor(request)?;
    let most = limit(request)?.min(MAX_LISTED);
    let filter = JobFilter {
        name: request.query("name"),
        turn: request.query("user"),
        order: order(request, "time")?,
    };
    let jobs = Jobs::new(engine.ports().redis());
    let (found, next) = jobs.find(&queue, state, filter, from, most).await?;
    let next = next.map(|next| next.to_string());
    let found = found.into_iter().map(|job| JobInfo {
        payload: None,
        ..to_job(job)
    });
    Ok(listing(found.collect(), next))
}

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let job = find_info(engine, &job_id(request)?).await?;
    Ok(respond::json(&job))
}

/// A job, with its payload.
pub(super) async fn find_info<P: Ports>(
    engine: &Engine<P>,
    id: &JobId,
) -> Result<JobInfo, HttpError> {
    Ok(to_job(find(engine, id).await?))
}

/// What happened in a queue, minute by minute.
pub(super) async fn history<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let queue = known_queue(engine, request.parameter("queue")).await?;
    let minutes = match request.query("minutes") {
        None => HISTORY_MINUTES,
        Some(text) => {
            let minutes = text.parse().ok();
            let minutes = minutes.filter(|minutes| (1..=MAX_HISTORY_MINUTES).contains(minutes));
            minutes.ok_or_else(|| {
                HttpError::InvalidValue(format!(
                    "minutes is a number between 1 and {MAX_HISTORY_MINUTES}"
                ))
            })?
        }
    };
    let jobs = Jobs::new(engine.ports().redis());
    let minutes = jobs.minutes(&queue, minutes).await?.into_iter();
    let points = minutes.map(|minute| {
        let QueueMinute {
            at,
            enqueued,
            completed,
            failed,
            died,
        } = minute;
        QueuePoint {
            at: at.0,
            enqueued,
            completed,
            failed,
            died,
        }
    });
    Ok(respond::json(&QueueHistory {
        points: points.collect(),
    }))
}

/// Lets a job that waits for its time run now.
pub(super) async fn hasten<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let id = job_id(request)?;
    let jobs = Jobs::new(engine.ports().redis());
    match jobs.hasten(&id).await? {
        Ok(()) => show(engine, request).await,
        Err(refused) => Err(to_error(engine, id, refused, "delayed").await?),
    }
}

/// Lets a dead job be tried again, with another payload if one is sent.
///
/// The payload may not say that somebody else asked for the job, or of what: that is the administrator's alone.
pub(super) async fn retry<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    token: &ApiToken,
) -> Result<Response<Bytes>, HttpError> {
    let id = job_id(request)?;
    let payload = match request.raw_body().is_empty() {
        true => None,
        false => request.body::<JobRetry>()?.payload,
    };
    if let Some(payload) = &payload {
        let before = find(engine, &id).await?.payload;
        // Nobody asked for one that cannot be read.
        let before: Map<String, Value> = serde_json::from_str(&before).unwrap_or_default();
        if WHOSE
            .iter()
            .any(|name| before.get(*name) != payload.get(*name))
        {
            require(token, Scope::Admin)?;
        }
    }
    let payload = payload.map(|payload| Value::Object(payload).to_string());
    if payload
        .as_ref()
        .is_some_and(|text| text.len() > MAX_PAYLOAD_BYTES)
    {
        return Err(HttpError::InvalidValue(format!(
            "a payload has at most {MAX_PAYLOAD_BYTES} bytes"
        )));
    }
    let jobs = Jobs::new(engine.ports().redis());
    match jobs.retry(&id, payload.as_deref()).await? {
        Ok(()) => show(engine, request).await,
        Err(refused) => Err(to_error(engine, id, refused, "dead").await?),
    }
}

/// Discards a dead job, cancels one that waits or runs.
pub(super) async fn delete<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let id = job_id(request)?;
    let jobs = Jobs::new(engine.ports().redis());
    let refused = match jobs.discard(&id).await? {
        Ok(()) => return Ok(no_content()),
        Err(Refused::State) => match jobs.cancel(&id).await? {
            Ok(_) => return Ok(no_content()),
            Err(refused) => refused,
        },
        Err(refused) => refused,
    };
    Err(to_error(engine, id, refused, "waiting, running or dead").await?)
}

fn job_id(request: &Request) -> Result<JobId, HttpError> {
    let id = request.parameter("job");
    JobId::parse(id).map_err(|_| HttpError::UnknownJob(id.to_owned()))
}

async fn find<P: Ports>(engine: &Engine<P>, id: &JobId) -> Result<JobDetails, HttpError> {
    let jobs = Jobs::new(engine.ports().redis());
    let found = jobs.show(id).await?;
    found.ok_or_else(|| HttpError::UnknownJob(id.to_string()))
}

/// A queue that something was enqueued in once.
async fn known_queue<P: Ports>(engine: &Engine<P>, name: &str) -> Result<QueueName, HttpError> {
    let queues = Jobs::new(engine.ports().redis()).queues().await?;
    let found = queues.into_iter().find(|queue| queue.as_str() == name);
    found.ok_or_else(|| HttpError::UnknownQueue(name.to_owned()))
}

async fn to_error<P: Ports>(
    engine: &Engine<P>,
    id: JobId,
    refused: Refused,
    wanted: &str,
) -> Result<HttpError, HttpError> {
    Ok(match refused {
        Refused::Missing => HttpError::UnknownJob(id.to_string()),
        Refused::Taken(other) => {
            HttpError::WrongState(format!("job {other} has the same unique key"))
        }
        Refused::State => {
            let state = find(engine, &id).await?.state;
            HttpError::WrongState(format!("the job is {state}, not {wanted}"))
        }
    })
}

fn to_job(job: JobDetails) -> JobInfo {
    let JobDetails {
        id,
        state,
        name,
        queue,
        payload,
        turn,
        attempts,
        max_attempts,
        created,
        started,
        ended,
        unique,
        worker,
        errors,
        progress,
        result,
        reason,
    } = job;
    let errors = errors
        .into_iter()
        .map(|StoredError { at, attempt, error }| JobErrorInfo {
            at: at.0,
            attempt,
            error,
        });
    JobInfo {
        id: id.into_string(),
        state: state.to_string(),
        name,
        queue: queue.into_string(),
        // What cannot be read is shown as the text it is.
        payload: Some(serde_json::from_str(&payload).unwrap_or(payload.into())),
        user: turn,
        attempts,
        max_attempts,
        created_at: created.0,
        started_at: started.map(|at| at.0),
        ended_at: ended.map(|at| at.0),
        unique_key: unique,
        worker,
        errors: errors.collect(),
        progress,
        result,
        reason,
    }
}
