//! The smallest job there is.

use async_trait::async_trait;

use super::{JobError, JobHandler, RunningJob};
use crate::engine::Engine;
use crate::ports::Ports;

/// Does nothing: to see that jobs are worked on, and to measure how fast.
pub struct Noop;

impl Noop {
    /// What its jobs are called.
    pub const NAME: &str = "noop";
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<P> for Noop {
    async fn run(&self, _: &Engine<P>, _: &RunningJob) -> Result<String, JobError> {
        Ok(String::new())
    }
}
