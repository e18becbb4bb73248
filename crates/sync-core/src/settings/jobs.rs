//! How jobs run: leases, limits of queues, and jobs that recur.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sync_jobs::{
    History, JobsSettings, NewJob, Priority, QueueLimits, QueueName, Rate, Rule, Schedule,
};

use crate::settings::{KeyError, wrong};

/// How long a job's worker may go without a sign of life where the file does not say, in seconds.
const DEFAULT_LEASE_SECONDS: u64 = 30;

/// The longest: somebody waits for what a lost worker was at.
const MAX_LEASE_SECONDS: u64 = 3_600;

/// How long jobs that are done can be looked at where the file does not say, in hours.
const DEFAULT_HISTORY_HOURS: u64 = 24;

/// How long dead jobs are kept where the file does not say, in days.
const DEFAULT_DEAD_DAYS: u64 = 180;

/// The longest, in days: ten years.
const MAX_DEAD_DAYS: u64 = 3_660;

/// Most dead jobs of a name in a queue: each has a key of its own in Redis.
const MAX_DEAD_JOBS: u64 = 1_000_000;

/// The longest period of a limit or a schedule, in seconds: a year.
const MAX_PERIOD_SECONDS: u64 = 366 * 86_400;

/// How often a scheduled job is tried.
const ATTEMPTS: u32 = 5;

fn job(schedule: &str, name: &str, queue: QueueName, payload: String) -> NewJob {
    NewJob {
        name: name.to_owned(),
        queue,
        payload,
        turn: None,
        priority: Priority::Normal,
        max_attempts: ATTEMPTS,
        delay: Duration::ZERO,
        unique: Some(format!("schedule:{schedule}")),
    }
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct JobsEntry {
    lease_seconds: u64,
    history_hours: u64,
    dead_days: u64,
    dead_jobs: u64,
}

impl Default for JobsEntry {
    fn default() -> Self {
        Self {
            lease_seconds: DEFAULT_LEASE_SECONDS,
            history_hours: DEFAULT_HISTORY_HOURS,
            dead_days: DEFAULT_DEAD_DAYS,
            dead_jobs: History::DEAD.max_jobs,
        }
    }
}

impl JobsEntry {
    /// How long leases are, and how long jobs are kept that are done or dead. What queues and schedules say comes from
    /// tables of their own.
    pub(super) fn check(self) -> Result<JobsSettings, KeyError> {
        let Self {
            lease_seconds,
            history_hours,
            dead_days,
            dead_jobs,
        } = self;
        if !(1..=MAX_LEASE_SECONDS).contains(&lease_seconds) {
            return wrong(
                "lease_seconds",
                format!("must be between 1 and {MAX_LEASE_SECONDS}"),
            );
        }
        if !(1..=MAX_PERIOD_SECONDS / 3_600).contains(&history_hours) {
            return wrong("history_hours", "must be between 1 and a year");
        }
        let history = History {
            retention: Duration::from_secs(history_hours * 3_600),
            ..History::DONE
        };
        if !(1..=MAX_DEAD_DAYS).contains(&dead_days) {
            return wrong("dead_days", "must be between 1 and ten years");
        }
        if !(1..=MAX_DEAD_JOBS).contains(&dead_jobs) {
            return wrong(
                "dead_jobs",
                format!("must be between 1 and {MAX_DEAD_JOBS}"),
            );
        }
        let dead = History {
            retention: Duration::from_secs(dead_days * 86_400),
            max_jobs: dead_jobs,
        };
        Ok(JobsSettings {
            lease: Duration::from_secs(lease_seconds),
            history,
            dead,
            ..JobsSettings::default()
        })
    }
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueEntry {
    concurrency: Option<u64>,
    rate: Option<RateEntry>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RateEntry {
    starts: u64,
    per_seconds: u64,
}

pub(super) fn check_queues(
    entries: BTreeMap<String, QueueEntry>,
) -> Result<BTreeMap<QueueName, QueueLimits>, KeyError> {
    let check = |(name, QueueEntry { concurrency, rate }): (String, QueueEntry)| {
        let queue = QueueName::parse(&name).map_err(|error| (name.clone(), error.to_string()))?;
        if concurrency == Some(0) {
            return wrong(
                &format!("{name}.concurrency"),
                "must be at least 1; to stop a queue, pause it",
            );
        }
        if let Some(RateEntry {
            starts,
            per_seconds,
        }) = rate
            && (starts == 0 || !(1..=MAX_PERIOD_SECONDS).contains(&per_seconds))
        {
            return wrong(
                &format!("{name}.rate"),
                "has at least 1 start, per at least 1 second and at most a year",
            );
        }
        let rate = rate.map(
            |RateEntry {
                 starts,
                 per_seconds,
             }| Rate {
                starts,
                period: Duration::from_secs(per_seconds),
            },
        );
        Ok((queue, QueueLimits { concurrency, rate }))
    };
    entries.into_iter().map(check).collect()
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleEntry {
    job: String,
    queue: String,
    cron: Option<String>,
    every_seconds: Option<u64>,
    #[serde(default)]
    payload: serde_json::Map<String, serde_json::Value>,
}

impl ScheduleEntry {
    pub(super) fn check(self, name: &str) -> Result<Schedule, KeyError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(is_name) {
            return wrong("(name)", "has letters, digits, - and _ only");
        }
        let queue = QueueName::parse(&self.queue)
            .map_err(|error| ("queue".to_owned(), error.to_string()))?;
        if self.job.is_empty() {
            return wrong("job", "is empty");
        }
        let rule = match (self.cron, self.every_seconds) {
            (Some(cron), None) => Rule::cron(&cron)
                .map_err(|reason| ("cron".to_owned(), format!("{cron:?}: {reason}")))?,
            (None, Some(seconds)) if (1..=MAX_PERIOD_SECONDS).contains(&seconds) => {
                Rule::every(seconds)
            }
            (None, Some(_)) => {
                return wrong("every_seconds", "must be between 1 and a year");
            }
            _ => return wrong("cron", "needs either this or every_seconds"),
        };
        let payload = serde_json::Value::Object(self.payload).to_string();
        Ok(Schedule {
            rule,
            job: job(name, &self.job, queue, payload),
        })
    }
}
