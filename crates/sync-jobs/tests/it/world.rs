//! A queue, a clock that is moved by hand, and short ways to say what is done.

use std::cell::Cell;
use std::time::Duration;

use sync_jobs::{
    Claim, ClaimedJob, Enqueued, Failure, History, JobDetails, JobId, JobState, Jobs, Leased,
    NewJob, Priority, QueueCounts, QueueLimits, QueueName, Retry, Swept,
};
use sync_redis::{Clock as _, Millis};
use test_support::{ManualClock, NativeRedis, TestRedis};

/// How long leases are here, in milliseconds.
pub(crate) const LEASE_MS: u64 = 10_000;

const LEASE: Duration = Duration::from_millis(LEASE_MS);

pub(crate) struct World {
    redis: NativeRedis,
    _server: Option<TestRedis>,
    clock: ManualClock,
    leases: Cell<u64>,
    /// How long dead jobs are kept.
    dead: Cell<History>,
}

/// A lease somebody believes to have.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) job: ClaimedJob,
    pub(crate) lease: String,
}

impl Held {
    fn leased(&self) -> Leased<'_> {
        Leased {
            id: &self.job.id,
            lease: &self.lease,
        }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = TestRedis::start();
        let mut world = Self::on(&server).await;
        world._server = Some(server);
        world
    }

    pub(crate) async fn on(server: &TestRedis) -> Self {
        let clock = ManualClock::default();
        Self {
            redis: NativeRedis::connect(&server.url()).await.with_time(&clock),
            _server: None,
            clock,
            leases: Cell::new(0),
            dead: Cell::new(History::DEAD),
        }
    }

    pub(crate) fn jobs(&self) -> Jobs<'_, NativeRedis> {
        Jobs::new(&self.redis)
    }

    pub(crate) fn redis(&self) -> &NativeRedis {
        &self.redis
    }

    pub(crate) fn keep_dead(&self, dead: History) {
        self.dead.set(dead);
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// A job of the user for now, without a unique key.
    pub(crate) fn job(&self, user: &str) -> NewJob {
        NewJob {
            name: "test".to_owned(),
            queue: queue(),
            payload: "{}".to_owned(),
            turn: Some(user.to_owned()),
            priority: Priority::Normal,
            max_attempts: 3,
            delay: Duration::ZERO,
            unique: None,
        }
    }

    /// The same, for later.
    pub(crate) fn job_in(&self, user: &str, millis: u64) -> NewJob {
        NewJob {
            delay: Duration::from_millis(millis),
            ..self.job(user)
        }
    }

    pub(crate) async fn enqueue(&self, job: &NewJob) -> Enqueued {
        self.jobs().enqueue(job).await.unwrap()
    }

    /// Takes a job in that is new.
    pub(crate) async fn add(&self, job: &NewJob) -> JobId {
        match self.enqueue(job).await {
            Enqueued::New(id) => id,
            other => panic!("not new: {other:?}"),
        }
    }

    pub(crate) async fn claim(&self, most: usize) -> Vec<Held> {
        self.claim_as(|_| {}, most).await
    }

    pub(crate) async fn claim_as(
        &self,
        change: impl FnOnce(&mut Claim<'_>),
        most: usize,
    ) -> Vec<Held> {
        self.leases.set(self.leases.get() + 1);
        let lease = format!("lease-{}", self.leases.get());
        let queue = queue();
        let mut claim = Claim {
            queue: &queue,
            most,
            lease: &lease,
            lease_time: LEASE,
            worker: "w1",
            limits: QueueLimits::default(),
            idle: true,
        };
        change(&mut claim);
        let claimed = self.jobs().claim(&claim).await.unwrap();
        let held = |job| Held {
            job,
            lease: lease.clone(),
        };
        claimed.into_iter().map(held).collect()
    }

    pub(crate) async fn complete(&self, held: &Held) -> bool {
        self.jobs()
            .complete(held.leased(), "done", History::DONE)
            .await
            .unwrap()
    }

    pub(crate) async fn fail(&self, held: &Held, retry: Retry) -> bool {
        let failure = Failure {
            attempt: held.job.attempt,
            error: "it went wrong",
            retry,
        };
        self.jobs()
            .fail(held.leased(), &failure, self.dead.get())
            .await
            .unwrap()
    }

    pub(crate) async fn heartbeat(&self, held: &Held) -> sync_jobs::Standing {
        let beat = sync_jobs::Heartbeat {
            job: held.leased(),
            progress: "half",
        };
        let standings = self.jobs().heartbeat(LEASE, &[beat]).await;
        standings.unwrap()[0]
    }

    pub(crate) async fn sweep(&self) -> Swept {
        self.jobs()
            .sweep(History::DONE, self.dead.get())
            .await
            .unwrap()
    }

    pub(crate) async fn counts(&self, minutes: u64) -> QueueCounts {
        self.jobs().counts(queue(), minutes).await.unwrap()
    }

    pub(crate) async fn show(&self, id: &JobId) -> JobDetails {
        self.jobs().show(id).await.unwrap().expect("the job")
    }

    pub(crate) async fn ids(&self, state: JobState) -> Vec<JobId> {
        let jobs = self.jobs().list(&queue(), state, 0, 1_000).await.unwrap();
        jobs.into_iter()
            .map(|job| {
                assert_eq!(job.state, state, "a job's record and its set agree");
                job.id
            })
            .collect()
    }
}

pub(crate) fn queue() -> QueueName {
    QueueName::constant("adapter")
}
