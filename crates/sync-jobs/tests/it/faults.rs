//! Commands that fail while a worker is at work.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, poll_fn, select};
use sync_jobs::{Budget, JobError, JobHandler, JobHandlers, JobState, QueueName, RunningJob};
use sync_redis::Clock as _;
use test_support::{Break, local};

use crate::scripted::{QUEUE, Scripted, Test, new_job};

/// Jobs that run at once, in two queues.
const JOBS: usize = 6;

/// Takes five seconds, in steps: the worker looks around meanwhile.
struct Steps;

#[async_trait(?Send)]
impl JobHandler<Scripted> for Steps {
    async fn run(&self, shared: &Scripted, job: &RunningJob) -> Result<String, JobError> {
        let id = job.claimed().id.to_string();
        shared.log.borrow_mut().push(format!("began {id}"));
        for _ in 0..20 {
            shared.ports.clock.sleep(Duration::from_millis(250)).await;
        }
        let ended = format!("ended {id}");
        let is_first = !shared.log.borrow().contains(&ended);
        shared.log.borrow_mut().push(ended);
        match job.claimed().payload.as_str() {
            r#""fails""# if is_first => Err(JobError::retry("not yet")),
            _ => Ok("done".to_owned()),
        }
    }
}

async fn start() -> Test {
    let mut test = Test::start().await;
    test.handlers = JobHandlers::new().with("steps", Steps);
    for number in 0..JOBS {
        let payload = if number == 3 { r#""fails""# } else { "{}" };
        let mut job = new_job("steps", payload);
        if number >= JOBS / 2 {
            job.queue = QueueName::constant("tests.b");
        }
        test.jobs().enqueue(&job).await.unwrap();
    }
    test
}

/// All jobs, in both queues, that are done.
async fn done(test: &Test) -> BTreeSet<String> {
    let mut done = BTreeSet::new();
    for queue in [QUEUE, QueueName::constant("tests.b")] {
        let jobs = test.jobs().list(&queue, JobState::Done, 0, 100).await;
        done.extend(jobs.unwrap().iter().map(|job| job.id.to_string()));
    }
    done
}

const BUDGET: Budget = Budget {
    time: Duration::from_secs(86_400),
    at_once: 2 * JOBS,
};

/// Works, until the connection breaks: then the host is gone at once, with all it had at work. Says whether it is.
async fn work_until_killed(test: &Test) -> bool {
    let redis = &test.ports().redis;
    let worker = test.worker();
    let killed = poll_fn(|context| {
        context.waker().wake_by_ref();
        if redis.is_broken() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    match select(pin!(worker.run(BUDGET)), pin!(killed)).await {
        Either::Left((worked, _)) => {
            let is_killed = redis.is_broken();
            assert!(is_killed || worked.is_ok(), "{worked:?}");
            is_killed
        }
        Either::Right(_) => true,
    }
}

#[test]
fn a_host_that_is_killed_at_any_command_loses_no_job_and_leaves_what_was_done() {
    local(async {
        let mut killed = 0;
        for (command, at) in
            (1..200).flat_map(|command| [(command, Break::Before), (command, Break::After)])
        {
            let test = start().await;
            test.ports().redis.break_at(command, at);
            let is_killed = work_until_killed(&test).await;
            test.ports().redis.mend();
            if !is_killed {
                break;
            }
            killed += 1;
            let done_before = done(&test).await;
            let began_before = test.scripted.log.borrow().len();
            for _ in 0..4 {
                test.ports().clock.advance(Duration::from_secs(31));
                test.sweep().await;
                test.worker().run(BUDGET).await.unwrap();
            }
            let fault = format!("killed {at:?} command {command}");
            assert_eq!(done(&test).await.len(), JOBS, "{fault}");
            let log = test.scripted.log.borrow();
            let again = log[began_before..]
                .iter()
                .filter_map(|line| line.strip_prefix("began "));
            for id in again {
                assert!(!done_before.contains(id), "{id} was done, {fault}");
            }
        }
        assert!(killed > 40, "only {killed} commands fell into the work");
    });
}

#[test]
fn one_command_that_fails_costs_no_job_at_work_its_attempt() {
    local(async {
        let mut failed = 0;
        for (command, at) in
            (1..200).flat_map(|command| [(command, Break::Before), (command, Break::After)])
        {
            let test = start().await;
            let redis = &test.ports().redis;
            redis.fail_at(command, at);
            // Where nothing is at work, the worker may give up: it is rung for again.
            let _: Result<_, _> = test.worker().run(BUDGET).await;
            if !redis.has_failed() {
                break;
            }
            failed += 1;
            for _ in 0..3 {
                test.ports().clock.advance(Duration::from_secs(31));
                test.sweep().await;
                test.worker().run(BUDGET).await.unwrap();
            }
            let mut times = BTreeMap::<String, usize>::new();
            for line in test.scripted.log.borrow().iter() {
                *times.entry(line.clone()).or_default() += 1;
            }
            let fault = format!("command {command} failed {at:?}: {times:?}");
            assert_eq!(times.len(), 2 * JOBS, "{fault}");
            for (line, times) in &times {
                let expected = if line.ends_with('4') { 2 } else { 1 };
                assert_eq!(*times, expected, "{line}, {fault}");
            }
            assert_eq!(done(&test).await.len(), JOBS, "{fault}");
        }
        assert!(failed > 40, "only {failed} commands failed");
    });
}
