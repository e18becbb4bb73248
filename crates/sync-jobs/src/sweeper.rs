//! What happens when nobody does anything: times come, leases run out, schedules are due.

use std::collections::BTreeSet;

use futures_util::future::try_join;
use sync_redis::{StoreError, StorePorts, store_time};

use crate::{EnqueueError, Jobs, JobsSettings, QueueName, Schedule, Tick};

/// How often a sweep is worth it where nobody has asked for one, in milliseconds, over all instances.
const SWEEP_EVERY_MS: u64 = 1_000;

/// Most steps of one sweep: each moves some hundred jobs, and others want the store too.
const MAX_STEPS: usize = 50;

/// When the ticks of a schedule that is not in the settings any more are forgotten, in milliseconds: an instance with
/// older settings may still go by them.
const FORGET_TICKS_MS: u64 = 86_400_000;

/// Sees to what is due, for whoever comes by.
pub struct Sweeper<'a, P> {
    ports: &'a P,
    settings: &'a JobsSettings,
}

impl<'a, P: StorePorts> Sweeper<'a, P> {
    /// One that goes by these settings.
    pub fn new(ports: &'a P, settings: &'a JobsSettings) -> Self {
        Self { ports, settings }
    }

    /// Makes jobs ready whose time has come or whose worker has disappeared, and rings for all that is ready. Says in
    /// which queues that is.
    ///
    /// # Errors
    /// The store's.
    pub async fn sweep(&self) -> Result<Vec<QueueName>, StoreError> {
        self.tick().await?;
        let jobs = Jobs::new(self.ports.redis());
        let (done, dead) = (self.settings.history, self.settings.dead);
        let mut swept = jobs.sweep(done, dead).await?;
        for _ in 1..MAX_STEPS {
            if !swept.more {
                break;
            }
            swept = jobs.sweep(done, dead).await?;
        }
        Ok(swept.ready)
    }

    /// Sweeps, unless somebody else has done so within the last second.
    ///
    /// # Errors
    /// The store's.
    pub async fn sweep_if_due(&self) -> Result<(), StoreError> {
        let jobs = Jobs::new(self.ports.redis());
        if jobs.may_sweep(SWEEP_EVERY_MS).await? {
            self.sweep().await?;
        }
        Ok(())
    }

    /// Takes in the jobs of schedules that are due. However many do so at once, each tick has one job.
    async fn tick(&self) -> Result<(), StoreError> {
        let schedules = &self.settings.schedules;
        if schedules.is_empty() {
            return Ok(());
        }
        let jobs = Jobs::new(self.ports.redis());
        let (ticks, now) = try_join(jobs.ticks(), store_time(self.ports.redis())).await?;
        let mut known = BTreeSet::new();
        for (name, schedule) in schedules {
            let Schedule { rule, job } = schedule;
            let field = schedule.field(name);
            let seen = ticks.get(&field).copied();
            known.insert(field.clone());
            if seen.is_some_and(|due| due > now) {
                continue;
            }
            // Ticks that passed while nobody looked are made up for by one job.
            let Some(next) = rule.after(now) else {
                continue;
            };
            let tick = Tick {
                field: &field,
                seen,
                next,
            };
            match jobs.tick(job, &tick).await {
                Ok(_) => {}
                Err(EnqueueError::Store(error)) => return Err(error),
                Err(error) => {
                    tracing::error!(schedule = name, %error, "a schedule's job cannot be taken in")
                }
            }
        }
        let is_known = |field: &str| known.contains(field);
        let stale: Vec<_> = ticks
            .iter()
            .filter(|(field, due)| !is_known(field) && due.plus(FORGET_TICKS_MS) < now)
            .map(|(field, _)| field.as_str())
            .collect();
        jobs.forget_ticks(&stale).await
    }
}
