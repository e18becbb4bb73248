//! Changes of devices that a back end could not be brought to take.

use async_trait::async_trait;

use super::{JobError, JobHandler, NewJob, Priority, RunningJob};
use crate::adapter::AdapterError;
use crate::engine::{Engine, UndeliveredChange};
use crate::ids::{Millis, QueueName};
use crate::ports::Ports;

/// Tries a change once more that a back end did not take for so long that its device was told so.
///
/// Mostly that fails, and the job is dead: so the change is kept, can be looked at, mended, and tried again when the back
/// end is there. Then devices get it as news.
pub struct Deliver;

impl Deliver {
    /// What its jobs are called.
    pub const NAME: &str = "deliver";

    /// The job that keeps a change. `number` tells it from the client's others.
    pub(crate) fn job(
        queue: &QueueName,
        change: &UndeliveredChange,
        number: u64,
        due: Millis,
    ) -> Result<NewJob, serde_json::Error> {
        let UndeliveredChange {
            source,
            partition,
            client,
            user,
            ..
        } = change;
        Ok(NewJob {
            name: Self::NAME.to_owned(),
            queue: queue.clone(),
            payload: serde_json::to_string(change)?,
            user: user.as_str().to_owned(),
            priority: Priority::Low,
            max_attempts: 1,
            due,
            unique: Some(format!(
                "{} {source}/{partition} {client} {number}",
                Self::NAME
            )),
        })
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<P> for Deliver {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let change: UndeliveredChange = job.payload()?;
        match engine.deliver(&change).await? {
            Ok(()) => Ok("delivered".to_owned()),
            Err(AdapterError::Stash(error)) => Err(JobError::retry(error)),
            Err(error) => Err(JobError::Dead(error.to_string())),
        }
    }
}
