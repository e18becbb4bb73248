//! Several hosts, whose clocks do not agree.

use std::time::Duration;

use async_trait::async_trait;
use sync_jobs::{
    Enqueued, JobError, JobHandler, JobHandlers, JobState, Jobs, RunningJob, Sweeper, Worker,
};
use sync_redis::{Clock as _, Millis, RedisConn as _, Reply, args};
use test_support::{NativeRedis, TestRedis, local};

use crate::scripted::{BUDGET, Scripted, Test, new_job};

/// How far the clock of the other host is ahead.
const AHEAD: Duration = Duration::from_secs(90);

/// A job of four seconds, in the middle of which another host looks for work.
struct WhileAnotherLooks {
    other: Scripted,
}

#[async_trait(?Send)]
impl JobHandler<Scripted> for WhileAnotherLooks {
    async fn run(&self, shared: &Scripted, _: &RunningJob) -> Result<String, JobError> {
        shared.log.borrow_mut().push("began".to_owned());
        shared.ports.clock.sleep(Duration::from_secs(2)).await;
        let settings = sync_jobs::JobsSettings::default();
        Sweeper::new(&self.other.ports, &settings).sweep().await?;
        let handlers = JobHandlers::new().with("long", Unexpected);
        let worker = Worker::new(
            &self.other.ports,
            &settings,
            "tests",
            &handlers,
            &self.other,
        );
        worker.run(BUDGET).await?;
        shared.ports.clock.sleep(Duration::from_secs(2)).await;
        Ok("done".to_owned())
    }
}

/// What the other host does if it takes the job for its own.
struct Unexpected;

#[async_trait(?Send)]
impl JobHandler<Scripted> for Unexpected {
    async fn run(&self, shared: &Scripted, _: &RunningJob) -> Result<String, JobError> {
        shared.log.borrow_mut().push("ran here too".to_owned());
        Ok("done by the other".to_owned())
    }
}

#[test]
fn a_job_at_work_is_left_to_its_worker_by_a_host_whose_clock_is_ahead() {
    local(async {
        let mut test = Test::start().await;
        let other = test.host_ahead(AHEAD).await;
        test.handlers = JobHandlers::new().with("long", WhileAnotherLooks { other });
        let id = test.add("long", "{}").await;
        assert_eq!(test.work().await.done, 1);
        let job = test.show(&id).await;
        assert_eq!((job.state, job.attempts), (JobState::Done, 1), "{job:?}");
        assert_eq!(job.result.as_deref(), Some("done"));
        assert_eq!(job.errors, []);
    });
}

#[test]
fn what_a_host_whose_clock_is_ahead_puts_off_comes_back_at_its_time() {
    local(async {
        let test = Test::start().await;
        let other = test.host_ahead(AHEAD).await;
        let id = test.add("scripted", r#"{"name":"a","fails":1}"#).await;
        let worker = Worker::new(
            &other.ports,
            &test.settings,
            "tests",
            &test.handlers,
            &other,
        );
        assert_eq!(worker.run(BUDGET).await.unwrap().failed, 1);
        test.ports().clock.advance(Duration::from_secs(1));
        test.sweep().await;
        assert_eq!(test.work().await.done, 1);
        let job = test.show(&id).await;
        assert_eq!((job.state, job.attempts), (JobState::Done, 2), "{job:?}");
    });
}

#[test]
fn a_schedule_ticks_once_though_a_host_is_ahead() {
    local(async {
        let mut test = Test::start().await;
        let other = test.host_ahead(AHEAD).await;
        test.every_minute();
        let ahead = Sweeper::new(&other.ports, &test.settings);
        // The first sweep begins the schedule.
        ahead.sweep().await.unwrap();
        for ticks in 1..4 {
            ahead.sweep().await.unwrap();
            test.sweep().await;
            test.work().await;
            assert_eq!(test.scripted.log.borrow().len(), ticks - 1, "too early");
            test.ports().clock.advance(Duration::from_secs(60));
            ahead.sweep().await.unwrap();
            test.sweep().await;
            test.work().await;
            assert_eq!(test.scripted.log.borrow().len(), ticks);
        }
    });
}

#[test]
fn where_no_test_sets_the_time_the_stores_own_counts() {
    local(async {
        let server = TestRedis::start();
        let redis = NativeRedis::connect(&server.url()).await;
        let time = async || {
            let parts = redis.run(args!["TIME"]).await.unwrap();
            let mut parts = Reply::new("TIME", parts);
            Millis(parts.number().unwrap() * 1_000 + parts.number().unwrap() / 1_000)
        };
        let before = time().await;
        let jobs = Jobs::new(&redis);
        let enqueued = jobs.enqueue(&new_job("scripted", "{}")).await.unwrap();
        let Enqueued::New(id) = enqueued else {
            panic!("not new: {enqueued:?}")
        };
        let job = jobs.show(&id).await.unwrap().unwrap();
        assert!((before..=time().await).contains(&job.created), "{job:?}");
        assert_eq!(job.state, JobState::Ready);
    });
}
