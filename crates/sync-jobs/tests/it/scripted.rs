//! A worker whose jobs do what their payloads say.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use sync_jobs::{
    Budget, Enqueued, JobDetails, JobError, JobHandler, JobHandlers, JobId, Jobs, JobsSettings,
    NewJob, Priority, QueueName, Rule, RunningJob, Schedule, Sweeper, Worked, Worker,
};
use sync_redis::Clock as _;
use test_support::{ManualClock, NativeRedis, TestRedis, TestStorePorts};

/// A day is enough for anything on a clock that is moved by waiting.
pub(crate) const BUDGET: Budget = Budget {
    time: Duration::from_secs(86_400),
    at_once: 8,
};

/// The queue these tests work on.
pub(crate) const QUEUE: QueueName = QueueName::constant("tests");

/// What the handlers need, and what they leave behind.
pub(crate) struct Scripted {
    pub(crate) ports: TestStorePorts,
    pub(crate) log: RefCell<Vec<String>>,
    running: Cell<usize>,
    pub(crate) most_at_once: Cell<usize>,
}

impl Scripted {
    fn with(ports: TestStorePorts) -> Self {
        Self {
            ports,
            log: RefCell::default(),
            running: Cell::default(),
            most_at_once: Cell::default(),
        }
    }
}

#[derive(Deserialize)]
struct Script {
    name: String,
    #[serde(default)]
    fails: u32,
    #[serde(default)]
    dies: bool,
    #[serde(default)]
    waits_ms: u64,
}

/// Does what a payload says, and remembers that.
pub(crate) struct Handler;

#[async_trait(?Send)]
impl JobHandler<Scripted> for Handler {
    async fn run(&self, shared: &Scripted, job: &RunningJob) -> Result<String, JobError> {
        let script: Script = job.payload()?;
        shared.log.borrow_mut().push(script.name.clone());
        shared.running.set(shared.running.get() + 1);
        let most = shared.most_at_once.get().max(shared.running.get());
        shared.most_at_once.set(most);
        job.set_progress("half");
        let wait = Duration::from_millis(script.waits_ms);
        shared.ports.clock.sleep(wait).await;
        shared.running.set(shared.running.get() - 1);
        if script.dies {
            return Err(JobError::dead("it cannot be"));
        }
        if job.claimed().attempt <= script.fails {
            return Err(JobError::retry("not yet"));
        }
        Ok(format!("{} is done", script.name))
    }
}

pub(crate) struct Test {
    pub(crate) scripted: Scripted,
    pub(crate) settings: JobsSettings,
    pub(crate) handlers: JobHandlers<Scripted>,
    server: TestRedis,
}

impl Test {
    pub(crate) async fn start() -> Self {
        let server = TestRedis::start();
        Self {
            scripted: Scripted::with(TestStorePorts::to(&server, 1).await),
            settings: JobsSettings::default(),
            handlers: JobHandlers::new().with("scripted", Handler),
            server,
        }
    }

    pub(crate) fn ports(&self) -> &TestStorePorts {
        &self.scripted.ports
    }

    pub(crate) fn jobs(&self) -> Jobs<'_, NativeRedis> {
        Jobs::new(&self.ports().redis)
    }

    /// What another host on the same Redis has, whose clock is so far ahead.
    pub(crate) async fn host_ahead(&self, by: Duration) -> Scripted {
        let clock = ManualClock::default();
        clock.advance(by);
        let time = &self.ports().clock;
        Scripted::with(TestStorePorts::with_time(&self.server, time, clock, 2).await)
    }

    /// Has a job done every minute.
    pub(crate) fn every_minute(&mut self) {
        let job = NewJob {
            max_attempts: 1,
            unique: Some("schedule:ticks".to_owned()),
            ..new_job("scripted", r#"{"name":"tick"}"#)
        };
        let rule = Rule::every(60);
        self.settings.schedules = [("ticks".to_owned(), Schedule { rule, job })].into();
    }

    pub(crate) async fn add(&self, name: &str, payload: &str) -> JobId {
        match self.jobs().enqueue(&new_job(name, payload)).await.unwrap() {
            Enqueued::New(id) => id,
            other => panic!("not new: {other:?}"),
        }
    }

    pub(crate) async fn work(&self) -> Worked {
        self.worker().run(BUDGET).await.unwrap()
    }

    pub(crate) fn worker(&self) -> Worker<'_, TestStorePorts, Scripted> {
        let (ports, settings) = (self.ports(), &self.settings);
        Worker::new(ports, settings, "tests", &self.handlers, &self.scripted)
    }

    pub(crate) async fn sweep(&self) {
        let sweeper = Sweeper::new(self.ports(), &self.settings);
        sweeper.sweep().await.unwrap();
    }

    pub(crate) async fn show(&self, id: &JobId) -> JobDetails {
        self.jobs().show(id).await.unwrap().unwrap()
    }
}

pub(crate) fn new_job(name: &str, payload: &str) -> NewJob {
    NewJob {
        name: name.to_owned(),
        queue: QUEUE,
        payload: payload.to_owned(),
        turn: None,
        priority: Priority::Normal,
        max_attempts: 3,
        delay: Duration::ZERO,
        unique: None,
    }
}
