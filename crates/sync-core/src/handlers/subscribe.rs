//! Looks after callbacks at back ends.

use async_trait::async_trait;
use sync_jobs::{JobError, JobHandler, RunningJob};

use crate::engine::{Engine, SubscriptionError};
use crate::jobs::{Subscribe, SubscribePayload};
use crate::ports::Ports;

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for Subscribe {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let SubscribePayload { source } = job.payload()?;
        match engine.keep_subscription(&source).await {
            Ok(done) => Ok(done.to_owned()),
            Err(SubscriptionError::Store(error)) => Err(JobError::retry(error)),
            Err(SubscriptionError::Registry(error)) => Err(error.into()),
            Err(SubscriptionError::BackEnd(error)) => {
                if error.is_retryable() && !job.is_last_attempt() {
                    return Err(JobError::retry(error));
                }
                // The schedule begins anew in a minute; dead jobs would only be many.
                tracing::error!(source.name = %source, %error, "the back end does not take the subscription");
                Ok(format!("the back end does not take it: {error}"))
            }
        }
    }
}
