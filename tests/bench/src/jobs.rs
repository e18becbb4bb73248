//! How fast jobs that do nothing are taken in and done, and how soon one begins when nothing else is to be done.

use std::time::Instant;

use sync_jobs::JobState;
use test_support::{Deployment, JobQueue, Options};

use crate::report::Budget;

/// Jobs at once; no more than the history keeps.
const MANY: usize = 10_000;

/// Jobs one after another.
const ALONE: usize = 200;

/// How many are to be done, per second.
const LEAST_PER_SECOND: f64 = 5_000.0;

/// How soon one is to begin, in milliseconds.
const MOST_MS: f64 = 5.0;

/// Measures it, on a server of its own.
pub(crate) fn measure() -> [Budget; 2] {
    let deployment = Deployment::start(Options {
        products: 0,
        ..Options::default()
    });
    let queue = JobQueue::new(&deployment.redis_url(), "adapter");
    deployment.until_listening("rhosync:jobs:adapter");

    let mut waits: Vec<u64> = (0..ALONE)
        .map(|_| {
            let id = queue.add(0, "noop", "{}");
            let job = queue.until(&id, JobState::Done);
            let started = job.started.unwrap_or(job.created);
            started.0.saturating_sub(job.created.0)
        })
        .collect();
    waits.sort_unstable();
    let median = waits.get(ALONE / 2).copied().unwrap_or_default();
    let wait = Budget::at_most(
        "a job when nothing else is to be done: p50 from enqueued to begun",
        median as f64,
        MOST_MS,
        "ms",
    );

    let begin = Instant::now();
    queue.add_many(MANY, "noop", "{}");
    queue.until_empty();
    let rate = MANY as f64 / begin.elapsed().as_secs_f64();
    let rate = Budget::at_least(
        "jobs that do nothing: enqueued and done",
        rate,
        LEAST_PER_SECOND,
        "per second",
    );
    [wait, rate]
}
