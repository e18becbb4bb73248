//! What does the jobs of one name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use sync_redis::{RedisError, StoreError};

use crate::{ClaimedJob, EnqueueError};

/// Does the jobs of one name, with the help of a context `C`: what the handlers of one worker need.
///
/// It may be dropped at any `await`: when the job is cancelled, takes too long, or its lease was lost. And it may run
/// twice for the same job. So whatever it does must be harmless the second time.
#[async_trait(?Send)]
pub trait JobHandler<C> {
    /// Does the job. What it returns is kept with the job as its result, for people to read.
    async fn run(&self, context: &C, job: &RunningJob) -> Result<String, JobError>;
}

/// Handlers of one context, by the names of the jobs they do.
pub struct JobHandlers<C> {
    by_name: BTreeMap<&'static str, Rc<dyn JobHandler<C>>>,
}

impl<C> JobHandlers<C> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            by_name: BTreeMap::new(),
        }
    }

    /// These, and one more: jobs of this name are done by it.
    #[must_use]
    pub fn with(mut self, name: &'static str, handler: impl JobHandler<C> + 'static) -> Self {
        self.by_name.insert(name, Rc::new(handler));
        self
    }

    pub(crate) fn find(&self, name: &str) -> Option<&dyn JobHandler<C>> {
        self.by_name.get(name).map(Rc::as_ref)
    }
}

impl<C> Default for JobHandlers<C> {
    fn default() -> Self {
        Self::new()
    }
}

/// A job while it runs.
#[derive(Debug)]
pub struct RunningJob {
    claimed: ClaimedJob,
    progress: RefCell<String>,
}

impl RunningJob {
    /// A job that begins to run.
    pub fn new(claimed: ClaimedJob) -> Self {
        Self {
            claimed,
            progress: RefCell::default(),
        }
    }

    /// What it is to be done with.
    ///
    /// # Errors
    /// A payload that is not what the handler understands: no other attempt could change that.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        serde_json::from_str(&self.claimed.payload)
            .map_err(|error| JobError::Dead(format!("the payload cannot be read: {error}")))
    }

    /// The job as it was claimed.
    pub fn claimed(&self) -> &ClaimedJob {
        &self.claimed
    }

    /// Whether the job is dead if this attempt fails.
    pub fn is_last_attempt(&self) -> bool {
        self.claimed.attempt >= self.claimed.max_attempts
    }

    /// Says how far it is, in a few words for people; they can be seen with the next heartbeat.
    pub fn set_progress(&self, progress: impl Into<String>) {
        self.progress.replace(progress.into());
    }

    pub(crate) fn take_progress(&self) -> String {
        self.progress.take()
    }
}

/// Why a job was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// No other attempt could change anything: the job is dead, for this reason.
    #[error("{0}")]
    Dead(String),
    /// Another attempt may succeed, if the job has attempts left.
    #[error("{reason}")]
    Retry {
        /// What has happened.
        reason: String,
        /// Not before this is over, where somebody said so.
        after: Option<Duration>,
    },
    /// Nothing is wrong with the job, but there is more to do later: the attempt does not count.
    #[error("{reason}")]
    Later {
        /// What it waits for.
        reason: String,
        /// When it goes on.
        after: Duration,
    },
}

impl JobError {
    /// No other attempt could change anything.
    pub fn dead(reason: impl ToString) -> Self {
        Self::Dead(reason.to_string())
    }

    /// Another attempt may succeed.
    pub fn retry(reason: impl ToString) -> Self {
        Self::Retry {
            reason: reason.to_string(),
            after: None,
        }
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        if error.is_retryable() {
            Self::retry(error)
        } else {
            Self::dead(error)
        }
    }
}

impl From<RedisError> for JobError {
    fn from(error: RedisError) -> Self {
        Self::retry(error)
    }
}

impl From<EnqueueError> for JobError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::TooLong { .. } => Self::dead(error),
            EnqueueError::Store(error) => error.into(),
        }
    }
}
