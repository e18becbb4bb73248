//! Works on jobs until there are none, or time is up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable, Either, select};
use futures_util::stream::FuturesUnordered;
use sync_redis::{Clock as _, Random as _, StoreError, StorePorts};

use crate::{
    Backoff, Claim, ClaimedJob, Failure, Heartbeat, JobError, JobHandlers, JobId, Jobs,
    JobsSettings, Leased, QueueName, Retry, RunningJob, Standing, Sweeper,
};

/// How often a worker that waits for its jobs looks for more: the doorbell of its component is not heard meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How long a job may take. Long work is cut into steps, each a job.
const LONGEST_JOB: Duration = Duration::from_secs(600);

/// How long a worker with jobs at work waits after a command that failed, before it tries another of the kind.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// When a job is looked at again for which this server has no handler: another version of it may have one.
const UNKNOWN_AGAIN: Duration = Duration::from_secs(300);

/// How much a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// After this time it takes no more jobs; those that run are brought to their end.
    pub time: Duration,
    /// Most jobs at once.
    pub at_once: usize,
}

impl Budget {
    /// That of a component that was rung for.
    pub const RING: Self = Self {
        time: Duration::from_secs(60),
        at_once: 32,
    };
}

/// What a worker has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worked {
    /// Jobs that were done.
    pub done: u64,
    /// Attempts that failed.
    pub failed: u64,
}

/// Works on the jobs of a component's queues, with handlers of the context `C`.
pub struct Worker<'a, P, C> {
    ports: &'a P,
    settings: &'a JobsSettings,
    component: &'a str,
    handlers: &'a JobHandlers<C>,
    context: &'a C,
    name: String,
}

/// A job at work.
struct AtWork {
    job: RunningJob,
    lease: String,
    began: Duration,
    abort: AbortHandle,
}

impl AtWork {
    fn leased(&self) -> Leased<'_> {
        Leased {
            id: &self.job.claimed().id,
            lease: &self.lease,
        }
    }
}

/// Jobs at work, by id and lease: one that has just ended may be claimed again before its end was heard of.
type Running = RefCell<BTreeMap<(JobId, String), Rc<AtWork>>>;

/// A job and the lease under which it was claimed.
type Taken = (String, ClaimedJob);

/// How an attempt ended.
#[derive(Clone, Copy)]
enum Ended {
    Done,
    Failed,
    /// Cancelled, or another has the lease.
    Dropped,
}

impl<'a, P: StorePorts, C> Worker<'a, P, C> {
    /// A worker for the queues of this component, with what does their jobs.
    pub fn new(
        ports: &'a P,
        settings: &'a JobsSettings,
        component: &'a str,
        handlers: &'a JobHandlers<C>,
        context: &'a C,
    ) -> Self {
        let name = format!("{component} {}", ports.random().hex::<4>());
        Self {
            ports,
            settings,
            component,
            handlers,
            context,
            name,
        }
    }

    /// Works until nothing is ready, or time is up. Then it sweeps, and goes on if that has made something ready.
    ///
    /// A command that fails costs no job at work its attempt: the worker tries again, as long as it has any.
    ///
    /// # Errors
    /// The store's, when nothing is at work.
    pub async fn run(&self, budget: Budget) -> Result<Worked, StoreError> {
        let clock = self.ports.clock();
        let until = clock.monotonic() + budget.time;
        let mut worked = Worked::default();
        loop {
            let taken = self.drain(budget.at_once, until, &mut worked).await?;
            let swept = self.sweeper().sweep().await?;
            let is_ours = |queue: &QueueName| queue.component() == self.component;
            // What is ready and was not taken cannot be: its queue is at its limits.
            let more = taken && swept.iter().any(is_ours);
            if !more || clock.monotonic() >= until {
                return Ok(worked);
            }
        }
    }

    fn sweeper(&self) -> Sweeper<'a, P> {
        Sweeper::new(self.ports, self.settings)
    }

    /// Works until nothing can be claimed. Says whether anything could.
    async fn drain(
        &self,
        at_once: usize,
        until: Duration,
        worked: &mut Worked,
    ) -> Result<bool, StoreError> {
        let clock = self.ports.clock();
        let beat_every = self.settings.lease / 3;
        let running = Running::default();
        let mut at_work = FuturesUnordered::new();
        let mut has_taken = false;
        let mut beat_at = clock.monotonic() + beat_every;
        let mut look_at = clock.monotonic();
        loop {
            let now = clock.monotonic();
            let is_open = now < until && now >= look_at && !runs_alone(&running);
            if is_open && at_work.len() <= at_once / 2 {
                let mut taken = Vec::new();
                let claimed = self.claim(at_once, at_work.len(), &mut taken).await;
                for (lease, job) in taken {
                    has_taken = true;
                    at_work.push(self.attempt(&running, lease, job));
                }
                if let Err(error) = claimed {
                    if at_work.is_empty() {
                        return Err(error);
                    }
                    look_at = self.put_off(&error);
                }
            }
            match select(at_work.next(), pin!(clock.sleep(LOOK_AGAIN))).await {
                Either::Left((None, _)) => return Ok(has_taken),
                Either::Left((Some(Ended::Done), _)) => worked.done += 1,
                Either::Left((Some(Ended::Failed), _)) => worked.failed += 1,
                Either::Left((Some(Ended::Dropped), _)) => {}
                Either::Right(_) if clock.monotonic() >= look_at => {
                    if let Err(error) = self.sweeper().sweep_if_due().await {
                        look_at = self.put_off(&error);
                    }
                }
                Either::Right(_) => {}
            }
            if clock.monotonic() >= beat_at {
                beat_at = match self.beat(&running).await {
                    Ok(()) => clock.monotonic() + beat_every,
                    Err(error) => self.put_off(&error),
                };
            }
        }
    }

    /// When to try again what has failed while jobs are at work.
    fn put_off(&self, error: &StoreError) -> Duration {
        tracing::warn!(%error, "a worker goes on with what it has; the store failed it");
        self.ports.clock().monotonic() + AFTER_FAILURE
    }

    /// Takes as many jobs as fit beside those that run. What was taken before a command failed is taken.
    async fn claim(
        &self,
        at_once: usize,
        running: usize,
        taken: &mut Vec<Taken>,
    ) -> Result<(), StoreError> {
        let (ports, settings) = (self.ports, self.settings);
        let jobs = Jobs::new(ports.redis());
        for queue in jobs.queues().await? {
            let most = at_once.saturating_sub(running + taken.len());
            if queue.component() != self.component || most == 0 {
                continue;
            }
            let lease = ports.random().hex::<8>();
            let claim = Claim {
                queue: &queue,
                most,
                lease: &lease,
                lease_time: settings.lease,
                worker: &self.name,
                limits: settings.queues.get(&queue).copied().unwrap_or_default(),
                idle: running + taken.len() == 0,
            };
            let claimed = jobs.claim(&claim).await?;
            let is_alone = claimed.iter().any(|job| job.runs_alone);
            taken.extend(claimed.into_iter().map(|job| (lease.clone(), job)));
            if is_alone {
                break;
            }
        }
        Ok(())
    }

    /// Tries a job, and says in the store how that ended.
    async fn attempt(&self, running: &Running, lease: String, claimed: ClaimedJob) -> Ended {
        let (abort, registration) = AbortHandle::new_pair();
        let key = (claimed.id.clone(), lease.clone());
        let at_work = Rc::new(AtWork {
            job: RunningJob::new(claimed),
            lease,
            began: self.ports.clock().monotonic(),
            abort,
        });
        running
            .borrow_mut()
            .insert(key.clone(), Rc::clone(&at_work));
        let result = Abortable::new(self.handle(&at_work.job), registration).await;
        let result = result.unwrap_or_else(|_| Err(self.why_aborted(&at_work)));
        let ended = self.settle(&at_work, result).await;
        // Until here the lease was extended: what was done must not be done again because this could not be said.
        running.borrow_mut().remove(&key);
        ended
    }

    async fn handle(&self, job: &RunningJob) -> Result<String, JobError> {
        let name = &job.claimed().name;
        match self.handlers.find(name) {
            Some(handler) => handler.run(self.context, job).await,
            None => {
                tracing::warn!(job.id = %job.claimed().id, job.name = name, "a job of an unknown name is put off");
                Err(JobError::Later {
                    reason: format!("this server does not know jobs called {name:?}"),
                    after: UNKNOWN_AGAIN,
                })
            }
        }
    }

    /// What is said of a job that was stopped. Where it was cancelled or its lease lost, the store knows better.
    fn why_aborted(&self, at_work: &AtWork) -> JobError {
        let took = self.ports.clock().monotonic() - at_work.began;
        JobError::retry(format!("stopped after {} s", took.as_secs()))
    }

    /// Says in the store how an attempt ended: again and again for the time of a lease, if it has to be.
    async fn settle(&self, at_work: &AtWork, result: Result<String, JobError>) -> Ended {
        let clock = self.ports.clock();
        let ClaimedJob {
            id, name, attempt, ..
        } = at_work.job.claimed();
        match &result {
            Ok(_) => {}
            Err(error @ JobError::Later { .. }) => {
                tracing::debug!(job.id = %id, job.name = name, %error, "a job is put off");
            }
            Err(error) => {
                tracing::warn!(job.id = %id, job.name = name, job.attempt = attempt, %error, "a job was not done");
            }
        }
        let until = clock.monotonic() + self.settings.lease;
        loop {
            match self.end(at_work, &result).await {
                Ok(ended) => return ended,
                Err(error) if error.is_retryable() && clock.monotonic() < until => {
                    tracing::warn!(job.id = %id, job.name = name, %error, "how a job ended cannot be said yet");
                    clock.sleep(AFTER_FAILURE).await;
                }
                Err(error) => {
                    tracing::error!(job.id = %id, job.name = name, %error, "how a job ended could not be said; it is done again");
                    return Ended::Dropped;
                }
            }
        }
    }

    async fn end(
        &self,
        at_work: &AtWork,
        result: &Result<String, JobError>,
    ) -> Result<Ended, StoreError> {
        let jobs = Jobs::new(self.ports.redis());
        let attempt = at_work.job.claimed().attempt;
        let error = match result {
            Ok(result) => {
                let history = self.settings.history;
                let known = jobs.complete(at_work.leased(), result, history).await?;
                return Ok(if known { Ended::Done } else { Ended::Dropped });
            }
            Err(error) => error,
        };
        let retry = match error {
            JobError::Dead(_) => Retry::Never,
            JobError::Later { after, .. } => Retry::Uncounted(*after),
            JobError::Retry { after, .. } => {
                let backoff = Backoff::JOBS.wait_ms(attempt, self.ports.random());
                let backoff = Duration::from_millis(backoff);
                Retry::After(after.map_or(backoff, |after| after.max(backoff)))
            }
        };
        let failure = Failure {
            attempt,
            error: &error.to_string(),
            retry,
        };
        let known = jobs
            .fail(at_work.leased(), &failure, self.settings.dead)
            .await?;
        Ok(if known { Ended::Failed } else { Ended::Dropped })
    }

    /// Extends the leases of what runs, and stops what should not run any more.
    async fn beat(&self, running: &Running) -> Result<(), StoreError> {
        let at_work: Vec<_> = running.borrow().values().cloned().collect();
        if at_work.is_empty() {
            return Ok(());
        }
        let clock = self.ports.clock();
        let progress: Vec<_> = at_work.iter().map(|at| at.job.take_progress()).collect();
        let beats: Vec<_> = at_work
            .iter()
            .zip(&progress)
            .map(|(at_work, progress)| Heartbeat {
                job: at_work.leased(),
                progress,
            })
            .collect();
        let jobs = Jobs::new(self.ports.redis());
        let standings = jobs.heartbeat(self.settings.lease, &beats).await?;
        for (at_work, standing) in at_work.iter().zip(standings) {
            let is_late = clock.monotonic() - at_work.began > LONGEST_JOB;
            if standing != Standing::Held || is_late {
                at_work.abort.abort();
            }
        }
        Ok(())
    }
}

fn runs_alone(running: &Running) -> bool {
    let running = running.borrow();
    running.values().any(|at| at.job.claimed().runs_alone)
}
