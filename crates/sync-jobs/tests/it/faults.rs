//! Commands that fail while a worker is at work.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
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

#[test]
fn one_command_that_fails_costs_no_job_at_work_its_attempt() {
    local(async {
        let budget = Budget {
            time: Duration::from_secs(86_400),
            at_once: 2 * JOBS,
        };
        let mut failed = 0;
        for (command, at) in
            (1..200).flat_map(|command| [(command, Break::Before), (command, Break::After)])
        {
            let test = start().await;
            let redis = &test.ports().redis;
            redis.fail_at(command, at);
            // Where nothing is at work, the worker may give up: it is rung for again.
            let _: Result<_, _> = test.worker().run(budget).await;
            if !redis.has_failed() {
                break;
            }
            failed += 1;
            for _ in 0..3 {
                test.ports().clock.advance(Duration::from_secs(31));
                test.sweep().await;
                test.worker().run(budget).await.unwrap();
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
            for queue in [QUEUE, QueueName::constant("tests.b")] {
                let done = test.jobs().list(&queue, JobState::Done, 0, 100).await;
                assert_eq!(done.unwrap().len(), JOBS / 2, "{fault}");
            }
        }
        assert!(failed > 40, "only {failed} commands failed");
    });
}
