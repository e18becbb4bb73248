//! Carries devices' changes to back ends, while no device waits.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::{JobError, JobHandler, NewJob, Priority, RunningJob};
use crate::engine::{Engine, StillWaiting};
use crate::ids::{ClientId, DocumentId, Millis, Partition, QueueName, SourceName, UserId};
use crate::ports::Ports;

/// How often work on one client's changes is tried where it is not the back end that fails: each change has its own
/// attempts there.
const ATTEMPTS: u32 = 20;

/// Carries the changes of one client to the back end of one source, in the order in which they were sent.
pub struct Cud;

/// Whose changes, and of what.
#[derive(Debug, Deserialize)]
struct CudPayload {
    source: SourceName,
    partition: String,
    user: UserId,
    client: ClientId,
}

impl Cud {
    /// What its jobs are called.
    pub const NAME: &str = "cud";

    /// The job that works on a client's changes. No two of a client and source run at once.
    pub(crate) fn job(
        queue: &QueueName,
        document: &DocumentId,
        user: &UserId,
        client: &ClientId,
        due: Millis,
    ) -> NewJob {
        let DocumentId { source, partition } = document;
        let partition = partition.to_stored();
        let payload = json!({
            "source": source,
            "partition": partition,
            "user": user,
            "client": client,
        });
        NewJob {
            name: Self::NAME.to_owned(),
            queue: queue.clone(),
            unique: Some(format!("{} {source}/{partition} {client}", Self::NAME)),
            payload: payload.to_string(),
            user: user.as_str().to_owned(),
            // Somebody looks at the device, perhaps.
            priority: Priority::High,
            max_attempts: ATTEMPTS,
            due,
        }
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<P> for Cud {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let CudPayload {
            source,
            partition,
            user,
            client,
        } = job.payload()?;
        let partition = Partition::from_stored(&partition)
            .ok_or_else(|| JobError::Dead(format!("{partition:?} is no partition")))?;
        let document = DocumentId { source, partition };
        match engine.work_by_job(&user, &client, &document).await? {
            None => Ok("nothing waits any more".to_owned()),
            Some(StillWaiting { count, next_in }) => Err(JobError::Later {
                reason: format!("{count} changes wait for the back end"),
                after: next_in.max(Duration::from_secs(1)),
            }),
        }
    }
}
