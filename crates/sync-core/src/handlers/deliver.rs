//! Changes of devices that a back end could not be brought to take.

use std::time::Duration;

use async_trait::async_trait;
use sync_jobs::{JobError, JobHandler, RunningJob};

use crate::adapter::AdapterError;
use crate::engine::Engine;
use crate::jobs::{Deliver, UndeliveredChange};
use crate::ports::Ports;

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for Deliver {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let change: UndeliveredChange = job.payload()?;
        match engine.deliver(&job.claimed().id, &change).await? {
            Ok(()) => Ok("delivered".to_owned()),
            // That was no attempt, and somebody may have asked for one.
            Err(AdapterError::CircuitOpen { message, wait_ms }) => Err(JobError::Later {
                reason: message,
                after: Duration::from_millis(wait_ms),
            }),
            Err(AdapterError::Stash(error)) => Err(JobError::retry(error)),
            Err(error) => Err(JobError::dead(error)),
        }
    }
}
