//! How fast jobs that do nothing are taken in and done, and how soon one begins when nothing else is to be done.
//!
//! Times depend on the machine, so no test looks at them. `cargo xtask bench --only jobs` runs this with an optimised host.

use std::time::Instant;

use integration_tests::{Deployment, Figure, JobQueue, Options};
use sync_core::JobState;

/// Jobs at once; no more than the history keeps.
const MANY: usize = 10_000;

/// Jobs one after another.
const ALONE: usize = 200;

/// How many are to be done, per second.
const LEAST_PER_SECOND: f64 = 5_000.0;

/// How soon one is to begin, in milliseconds.
const MOST_MS: f64 = 5.0;

fn main() {
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
    let what = "a job when nothing else is to be done: p50 from enqueued to begun";
    Figure::at_most(what, median as f64, MOST_MS, "ms").print();

    let begin = Instant::now();
    queue.add_many(MANY, "noop", "{}");
    queue.until_empty();
    let rate = MANY as f64 / begin.elapsed().as_secs_f64();
    let what = "jobs that do nothing: enqueued and done";
    Figure::at_least(what, rate, LEAST_PER_SECOND, "per second").print();
}
