//! Collects what time has made superfluous.

use async_trait::async_trait;
use sync_jobs::{JobError, JobHandler, RunningJob};

use crate::engine::{Collected, Engine};
use crate::jobs::{Collect, CollectBlobs, CollectTombstones, CollectTombstonesPayload};
use crate::model::{DocumentId, Partition};
use crate::ports::Ports;
use crate::store::ClientScan;

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for Collect {
    async fn run(&self, engine: &Engine<P>, _: &RunningJob) -> Result<String, JobError> {
        let (clients, documents) = engine.collect_due().await?;
        Ok(format!(
            "{clients} clients forgotten, {documents} documents to collect"
        ))
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for CollectTombstones {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let CollectTombstonesPayload::<ClientScan> {
            source,
            partition,
            scan,
        } = job.payload()?;
        let partition = Partition::from_stored(&partition)
            .ok_or_else(|| JobError::dead(format!("{partition:?} is no partition")))?;
        let document = DocumentId { source, partition };
        Ok(match engine.collect_by_job(&document, scan).await? {
            Collected::All(tombstones) => format!("{tombstones} tombstones"),
            Collected::Some => "another job goes on".to_owned(),
        })
    }
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for CollectBlobs {
    async fn run(&self, engine: &Engine<P>, _: &RunningJob) -> Result<String, JobError> {
        let (blobs, contents) = engine.collect_blobs().await?;
        Ok(format!("{blobs} blobs, {contents} contents"))
    }
}
