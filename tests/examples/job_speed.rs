//! How fast jobs that do nothing are taken in and done, and how soon one begins when nothing else is to be done.
//!
//! Times depend on the machine, so no test looks at them. With an optimised host (`cargo xtask bench` builds one):
//!
//! ```sh
//! RHOSYNC_BIN_DIR=target/host cargo run -p integration-tests --example job_speed
//! ```

#![expect(clippy::print_stdout, reason = "it is a program that says something")]

use std::time::Instant;

use integration_tests::{Deployment, JobQueue, Options};
use sync_core::JobState;

/// Jobs at once; no more than the history keeps.
const MANY: usize = 10_000;

/// Jobs one after another.
const ALONE: usize = 200;

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
    for (name, share) in [("p50", 50), ("p99", 99)] {
        let wait = waits.get(ALONE * share / 100).copied().unwrap_or_default();
        println!("from enqueued to begun, {name}: {wait} ms");
    }

    let begin = Instant::now();
    queue.add_many(MANY, "noop", "{}");
    let taken_in = begin.elapsed();
    queue.until_empty();
    let done = begin.elapsed();
    let rate = |time: std::time::Duration| MANY as f64 / time.as_secs_f64();
    println!("taken in: {:.0} jobs/s", rate(taken_in));
    println!("taken in and done: {:.0} jobs/s", rate(done));
}
