//! Jobs that recur.

use bytes::Bytes;
use http::Response;
use serde_json::Value;
use sync_core::{Engine, Ports};
use sync_jobs::{EnqueueError, Enqueued, JobDetails, JobState, Jobs, Schedule};
use sync_proto::api::ScheduleInfo;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{jobs, listing};

/// All of them, by name: those of the settings, and what the engine plans.
pub(super) async fn list<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    let queue = Jobs::new(engine.ports().redis());
    let (ticks, mut last) = futures_util::try_join!(queue.ticks(), queue.ticked())?;
    let schedules = engine.settings().jobs.schedules.iter();
    let schedules = schedules.map(|(name, schedule)| {
        let field = schedule.field(name);
        let next_at = ticks.get(&field).map(|at| at.0);
        to_info(name, schedule, next_at, last.remove(&field))
    });
    Ok(listing(schedules.collect(), None))
}

/// Lets the job of a schedule run now, beside its times.
pub(super) async fn run<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let name = request.parameter("schedule");
    let schedule = engine.settings().jobs.schedules.get(name);
    let schedule = schedule.ok_or_else(|| HttpError::UnknownSchedule(name.to_owned()))?;
    let queue = Jobs::new(engine.ports().redis());
    let field = schedule.field(name);
    match queue.run_schedule(&field, &schedule.job).await {
        Ok(Enqueued::New(id) | Enqueued::Waiting(id) | Enqueued::Again(id)) => {
            Ok(respond::json(&jobs::find_info(engine, &id).await?))
        }
        Ok(Enqueued::Ticked) => Err(HttpError::WrongState("it has run just now".to_owned())),
        Err(EnqueueError::Store(error)) => Err(error.into()),
        Err(error) => Err(HttpError::InvalidValue(error.to_string())),
    }
}

fn to_info(
    name: &str,
    schedule: &Schedule,
    next_at: Option<u64>,
    last: Option<JobDetails>,
) -> ScheduleInfo {
    let Schedule { rule, job } = schedule;
    let payload: Value = serde_json::from_str(&job.payload).unwrap_or_default();
    let subject = payload.get("source").and_then(Value::as_str);
    let last = last.as_ref();
    let failed = last.filter(|job| job.state != JobState::Done);
    let error = failed.and_then(|job| job.errors.last());
    ScheduleInfo {
        name: name.to_owned(),
        job: job.name.clone(),
        queue: job.queue.as_str().to_owned(),
        subject: subject.map(str::to_owned),
        every_seconds: rule.seconds(),
        cron: rule.expression(),
        next_at,
        last_at: last.and_then(|job| job.started).map(|at| at.0),
        last_job: last.map(|job| job.id.to_string()),
        last_error: error.map(|error| error.error.clone()),
    }
}
