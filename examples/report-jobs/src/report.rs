//! The job `report`.

use async_trait::async_trait;
use serde::Deserialize;
use sync_core::{ADMINISTRATOR, Engine, Ports, SyncError};
use sync_jobs::{JobError, JobHandler, RunningJob};

/// Users that are read at once.
const CHUNK: usize = 100;

/// Counts the objects that users have of a source. It changes nothing, so it may run twice.
pub struct Report;

impl Report {
    /// What its jobs are called.
    pub const NAME: &str = "report";
}

#[derive(Deserialize)]
struct Payload {
    source: String,
}

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for Report {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let Payload { source } = job.payload()?;
        let (mut users, mut objects) = (0_u64, 0_u64);
        let mut last: Option<String> = None;
        loop {
            let chunk = engine
                .accounts()
                .list_users(last.as_deref(), CHUNK)
                .await
                .map_err(SyncError::from)?;
            for user in chunk.iter().filter(|user| *user != ADMINISTRATOR) {
                let document = engine.document_details(&source, user).await?;
                users += 1;
                objects += document.objects;
            }
            job.set_progress(format!("{users} users"));
            last = chunk.last().cloned();
            if chunk.len() < CHUNK {
                return Ok(format!("{users} users have {objects} objects of {source}"));
            }
        }
    }
}
