//! Workers with handlers of the tests' own.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use sync_jobs::{
    Budget, JobError, JobHandler, JobHandlers, JobState, Jobs, RunningJob, Sweeper, Worked,
};
use test_support::local;

use crate::scripted::{BUDGET, QUEUE, Scripted, Test};

#[test]
fn a_poison_job_is_dead_after_its_attempts_and_the_rest_proceed() {
    local(async {
        let test = Test::start().await;
        let poison = test
            .add("scripted", r#"{"name":"poison","fails":100}"#)
            .await;
        let dead = test.add("scripted", r#"{"name":"dead","dies":true}"#).await;
        let mut others = Vec::new();
        for number in 0..20 {
            let payload = format!(r#"{{"name":"{number}"}}"#);
            others.push(test.add("scripted", &payload).await);
        }
        assert_eq!(
            test.work().await,
            Worked {
                done: 20,
                failed: 2
            }
        );
        for id in &others {
            assert_eq!(test.show(id).await.state, JobState::Done);
        }
        for _ in 0..2 {
            test.ports().clock.advance(Duration::from_secs(600));
            test.sweep().await;
            test.work().await;
        }
        let poison = test.show(&poison).await;
        assert_eq!((poison.state, poison.attempts), (JobState::Dead, 3));
        assert_eq!(poison.reason.as_deref(), Some("not yet"));
        assert_eq!(poison.errors.len(), 3);
        let dead = test.show(&dead).await;
        assert_eq!((dead.state, dead.attempts), (JobState::Dead, 1));
        assert_eq!(dead.reason.as_deref(), Some("it cannot be"));
    });
}

#[test]
fn jobs_that_wait_run_at_once_and_no_more_than_that() {
    local(async {
        let test = Test::start().await;
        for number in 0..20 {
            let payload = format!(r#"{{"name":"{number}","waits_ms":1}}"#);
            test.add("scripted", &payload).await;
        }
        assert_eq!(test.work().await.done, 20);
        assert_eq!(test.scripted.most_at_once.get(), BUDGET.at_once);
    });
}

#[test]
fn a_job_nobody_here_knows_waits_and_costs_no_attempt() {
    local(async {
        let test = Test::start().await;
        let id = test.add("of-tomorrow", "{}").await;
        assert_eq!(test.work().await, Worked { done: 0, failed: 1 });
        let job = test.show(&id).await;
        assert_eq!((job.state, job.attempts), (JobState::Delayed, 0));
    });
}

#[test]
fn a_worker_whose_time_is_up_takes_no_more_jobs() {
    local(async {
        let test = Test::start().await;
        for number in 0..20 {
            let payload = format!(r#"{{"name":"{number}","waits_ms":5000}}"#);
            test.add("scripted", &payload).await;
        }
        let budget = Budget {
            time: Duration::from_secs(1),
            at_once: 4,
        };
        let worked = test.worker().run(budget).await.unwrap();
        assert_eq!(worked.done, 4, "those it had begun");
        let left = test
            .jobs()
            .list(&QUEUE, JobState::Ready, 0, 100)
            .await
            .unwrap();
        assert_eq!(left.len(), 16);
    });
}

/// Never ends by itself.
struct Endless;

#[async_trait(?Send)]
impl JobHandler<Scripted> for Endless {
    async fn run(&self, shared: &Scripted, job: &RunningJob) -> Result<String, JobError> {
        let cancels: bool = job.payload::<serde_json::Value>()? == "cancel";
        if cancels {
            let ports = &shared.ports;
            let cancelled = Jobs::new(&ports.redis).cancel(&job.claimed().id).await?;
            assert!(cancelled.is_ok());
        }
        std::future::pending().await
    }
}

#[test]
fn a_job_that_is_cancelled_or_takes_too_long_is_stopped() {
    local(async {
        let mut test = Test::start().await;
        test.handlers = JobHandlers::new().with("endless", Endless);
        let cancelled = test.add("endless", r#""cancel""#).await;
        let slow = test.add("endless", r#""wait""#).await;
        let worked = test.work().await;
        assert_eq!(worked.done, 0);
        let cancelled = test.show(&cancelled).await;
        assert_eq!(cancelled.state, JobState::Done);
        assert_eq!(cancelled.result.as_deref(), Some("cancelled"));
        let slow = test.show(&slow).await;
        assert_eq!(slow.state, JobState::Delayed);
        assert!(
            slow.errors[0].error.starts_with("stopped after"),
            "{slow:?}"
        );
    });
}

#[test]
fn a_schedule_has_one_job_per_tick_however_many_sweep() {
    local(async {
        let mut test = Test::start().await;
        test.every_minute();
        // The first sweep begins the schedule.
        test.sweep().await;
        for ticks in 1..4 {
            test.ports().clock.advance(Duration::from_secs(60));
            let sweeper = Sweeper::new(test.ports(), &test.settings);
            let swept = try_join_all((0..5).map(|_| sweeper.sweep())).await;
            assert!(swept.unwrap().iter().any(|queues| queues.contains(&QUEUE)));
            test.work().await;
            assert_eq!(test.scripted.log.borrow().len(), ticks);
        }
    });
}

#[test]
fn the_last_job_of_a_schedule_is_known_whoever_had_it_run() {
    local(async {
        let mut test = Test::start().await;
        test.every_minute();
        test.sweep().await;
        let jobs = Jobs::new(&test.ports().redis);
        assert!(jobs.ticked().await.unwrap().is_empty());
        test.ports().clock.advance(Duration::from_secs(60));
        test.sweep().await;
        test.work().await;
        let (name, schedule) = test.settings.schedules.first_key_value().unwrap();
        let field = schedule.field(name);
        let last = jobs.ticked().await.unwrap().remove(&field).unwrap();
        assert_eq!(last.state, JobState::Done);

        jobs.run_schedule(&field, &schedule.job).await.unwrap();
        let by_hand = jobs.ticked().await.unwrap().remove(&field).unwrap();
        assert_eq!(
            (by_hand.state, by_hand.id != last.id),
            (JobState::Ready, true)
        );
        test.work().await;
        assert_eq!(test.scripted.log.borrow().len(), 2);
    });
}
