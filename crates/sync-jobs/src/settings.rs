//! How a queue works.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{QueueName, Schedule};

/// How jobs run. Where the values come from is the application's matter.
#[derive(Debug, Clone)]
pub struct JobsSettings {
    /// How long a job's worker may go without a sign of life until another takes the job over.
    pub lease: Duration,
    /// How long jobs that are done can be looked at.
    pub history: History,
    /// How long dead ones are kept, of each name in a queue.
    pub dead: History,
    /// The limits of queues that have some.
    pub queues: BTreeMap<QueueName, QueueLimits>,
    /// Jobs that recur, by the names of their schedules.
    pub schedules: BTreeMap<String, Schedule>,
}

impl Default for JobsSettings {
    /// A lease of half a minute, no limits, and nothing that recurs.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            history: History::DONE,
            dead: History::DEAD,
            queues: BTreeMap::new(),
            schedules: BTreeMap::new(),
        }
    }
}

/// How long jobs are kept that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// For how long.
    pub retention: Duration,
    /// Most jobs; the oldest make room.
    pub max_jobs: u64,
}

impl History {
    /// That of jobs that are done: a day, and ten thousand of a queue.
    pub const DONE: Self = Self {
        retention: Duration::from_secs(86_400),
        max_jobs: 10_000,
    };

    /// That of dead jobs: half a year, and ten thousand of each name in a queue.
    pub const DEAD: Self = Self {
        retention: Duration::from_secs(180 * 86_400),
        max_jobs: 10_000,
    };
}

/// The limits of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueLimits {
    /// Most jobs at once; `None`: as many as there are.
    pub concurrency: Option<u64>,
    /// How many are started in which time; `None`: as many as there are.
    pub rate: Option<Rate>,
}

/// Most jobs that are started in a period, in bursts of as many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub starts: u64,
    /// In which time.
    pub period: Duration,
}

/// A duration as scripts take it.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
