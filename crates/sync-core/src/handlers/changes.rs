//! Carries devices' changes to back ends, while no device waits.

use std::time::Duration;

use async_trait::async_trait;
use sync_jobs::{JobError, JobHandler, RunningJob};

use crate::engine::{Engine, StillWaiting};
use crate::jobs::{SendChanges, SendChangesPayload};
use crate::model::{DocumentId, Partition};
use crate::ports::Ports;

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for SendChanges {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let SendChangesPayload {
            source,
            partition,
            client,
        } = job.payload()?;
        let partition = Partition::from_stored(&partition)
            .ok_or_else(|| JobError::dead(format!("{partition:?} is no partition")))?;
        let document = DocumentId { source, partition };
        match engine.work_by_job(&client, &document).await? {
            None => Ok("nothing waits any more".to_owned()),
            Some(StillWaiting { count, next_in }) => Err(JobError::Later {
                reason: match count {
                    1 => "a change waits for the back end".to_owned(),
                    _ => format!("{count} changes wait for the back end"),
                },
                after: next_in.max(Duration::from_secs(1)),
            }),
        }
    }
}
