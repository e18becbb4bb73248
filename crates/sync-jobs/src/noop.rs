//! The smallest job there is.

use async_trait::async_trait;

use crate::{JobError, JobHandler, RunningJob};

/// Does nothing: to see that jobs are worked on, and to measure how fast.
pub struct Noop;

impl Noop {
    /// What its jobs are called.
    pub const NAME: &str = "noop";
}

#[async_trait(?Send)]
impl<C> JobHandler<C> for Noop {
    async fn run(&self, _: &C, _: &RunningJob) -> Result<String, JobError> {
        Ok(String::new())
    }
}
