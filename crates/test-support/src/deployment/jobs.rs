//! The job queue, past RhoSync's API.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use sync_jobs::{Enqueued, JobDetails, JobId, JobState, Jobs, NewJob, Priority, QueueName};
use tokio::runtime::{Builder, Runtime};

use crate::native::NativeRedis;
use crate::wait::{until, until_or};

/// Jobs that are taken in at once.
const AT_ONCE: usize = 64;

/// A queue, as somebody sees it who has the store.
pub struct JobQueue {
    runtime: Runtime,
    redis: NativeRedis,
    name: QueueName,
}

impl JobQueue {
    /// The queue `name` in the store at `redis_url`.
    ///
    /// # Panics
    ///
    /// When the store cannot be reached.
    pub fn new(redis_url: &str, name: &str) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let redis = runtime.block_on(NativeRedis::connect(redis_url));
        Self {
            runtime,
            redis,
            name: QueueName::parse(name).expect("a queue's name"),
        }
    }

    /// A job that is due in `millis` ms.
    pub fn job_in(&self, millis: u64, name: &str, payload: &str) -> NewJob {
        NewJob {
            name: name.to_owned(),
            queue: self.name.clone(),
            payload: payload.to_owned(),
            turn: None,
            priority: Priority::Normal,
            max_attempts: 3,
            delay: Duration::from_millis(millis),
            unique: None,
        }
    }

    /// Takes a job in that is due in `millis` ms.
    ///
    /// # Panics
    ///
    /// When it is not taken in.
    pub fn add(&self, millis: u64, name: &str, payload: &str) -> JobId {
        let job = self.job_in(millis, name, payload);
        match self.run(|jobs| async move { jobs.enqueue(&job).await.expect("to enqueue") }) {
            Enqueued::New(id) => id,
            other => panic!("not a new job: {other:?}"),
        }
    }

    /// Takes many jobs in, as fast as one connection can.
    ///
    /// # Panics
    ///
    /// When one is not taken in.
    pub fn add_many(&self, count: usize, name: &str, payload: &str) {
        let job = self.job_in(0, name, payload);
        let jobs = std::iter::repeat_n(&job, count);
        self.run(|queue| async move {
            let queue = &queue;
            let taken_in = stream::iter(jobs).map(|job| queue.enqueue(job));
            let mut taken_in = taken_in.buffer_unordered(AT_ONCE);
            while let Some(taken_in) = taken_in.next().await {
                taken_in.expect("to enqueue");
            }
        });
    }

    /// The jobs in a state.
    ///
    /// # Panics
    ///
    /// When the store cannot be read.
    pub fn jobs(&self, state: JobState) -> Vec<JobDetails> {
        let name = self.name.clone();
        self.run(|jobs| async move {
            jobs.list(&name, state, 0, 1_000)
                .await
                .expect("to list the jobs")
        })
    }

    /// A job.
    ///
    /// # Panics
    ///
    /// When there is none of that id.
    pub fn show(&self, id: &JobId) -> JobDetails {
        self.run(|jobs| async move { jobs.show(id).await.expect("to read a job") })
            .expect("the job")
    }

    /// Waits until a job is in a state.
    pub fn until(&self, id: &JobId, state: JobState) -> JobDetails {
        until(&format!("a job to be {state}"), || {
            Some(self.show(id)).filter(|job| job.state == state)
        })
    }

    /// Waits until no job waits or runs.
    pub fn until_empty(&self) {
        self.until_empty_while(|| {});
    }

    /// Waits until no job waits or runs, and does something meanwhile again and again.
    ///
    /// # Panics
    ///
    /// When the store cannot be read.
    pub fn until_empty_while(&self, mut act: impl FnMut()) {
        until_or("an empty queue", || {
            act();
            let name = self.name.clone();
            let counts = self.run(|jobs| async move {
                let counts = jobs.counts(name, 0).await;
                counts.expect("to count the jobs").jobs
            });
            let busy = [JobState::Ready, JobState::Delayed, JobState::Leased];
            if busy.iter().all(|state| counts.get(state) == Some(&0)) {
                Ok(())
            } else {
                Err(format!("{counts:?}"))
            }
        });
    }

    fn run<'a, T, F: Future<Output = T>>(
        &'a self,
        ask: impl FnOnce(Jobs<'a, NativeRedis>) -> F,
    ) -> T {
        self.runtime.block_on(ask(Jobs::new(&self.redis)))
    }
}
