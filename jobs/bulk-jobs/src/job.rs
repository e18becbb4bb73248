//! The job `bulk-data`.

use std::time::Duration;

use async_trait::async_trait;
use sync_core::{
    BULK_DATA, BulkBegin, BulkScan, BulkSelection, BulkStep, Engine, Ports, SyncError,
};
use sync_jobs::{JobError, JobHandler, RunningJob};

use crate::deflate::Deflater;
use crate::{DatabaseError, DeviceDatabase};

/// When to look again whether back ends have been asked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Makes a bulk data file. It may run twice: the second time it finds what the first has made.
pub struct MakeBulkData;

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for MakeBulkData {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let selection: BulkSelection = job.payload()?;
        let scan = match engine
            .begin_bulk_data(&selection, job.claimed().created)
            .await?
        {
            BulkBegin::Made => return Ok("there is one that will do".to_owned()),
            BulkBegin::Later { sources } => {
                let names: Vec<_> = sources.iter().map(|name| name.as_str()).collect();
                return Err(JobError::Later {
                    reason: format!("back ends are asked: {}", names.join(", ")),
                    after: LOOK_AGAIN,
                });
            }
            BulkBegin::Failed { message } => return Err(JobError::dead(message)),
            BulkBegin::Now(scan) => scan,
        };
        match make(engine, job, &selection, scan).await {
            Err(MakeError::Database(error)) => {
                // Another attempt would find the same.
                let message = error.to_string();
                engine.fail_bulk_data(&selection, &message).await?;
                Err(JobError::dead(message))
            }
            Err(MakeError::Sync(error)) => Err(error.into()),
            Ok(made) => Ok(made),
        }
    }
}

/// Why a file was not made.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl From<flate2::CompressError> for MakeError {
    fn from(error: flate2::CompressError) -> Self {
        // The compressor refuses only what it was given wrongly.
        tracing::error!(%error, job.name = BULK_DATA, "a file could not be deflated");
        Self::Sync(SyncError::Busy)
    }
}

async fn make<P: Ports>(
    engine: &Engine<P>,
    job: &RunningJob,
    selection: &BulkSelection,
    mut scan: BulkScan<'_, P>,
) -> Result<String, MakeError> {
    let mut database = DeviceDatabase::new(scan.sources())?;
    let copies = scan
        .sources()
        .iter()
        .filter_map(|source| source.copy.as_ref());
    let all: u64 = copies.map(|copy| copy.objects).sum();
    let mut read = 0;
    loop {
        match scan.next().await? {
            BulkStep::Objects { source, objects } => {
                database.put(source, &objects)?;
                read += objects.len() as u64;
                job.set_progress(format!("{} of {all} objects", read.min(all)));
            }
            BulkStep::CatchUp => {
                for statement in database.index_statements() {
                    database.index(&statement)?;
                    // Others get their turn: signs of life among them.
                    engine.pause().await;
                }
            }
            BulkStep::End => break,
        }
    }
    database.finish(scan.sources())?;

    let pages = database.pages()?;
    let mut writer = engine.bulk_writer().await?;
    let mut deflater = Deflater::new();
    for number in 1..=pages {
        // A page is smaller than a block, so it ends at most one.
        let block = database.read_page(number, |mut page| {
            let block = deflater.fill(&mut page)?;
            let rest = deflater.fill(&mut page)?;
            Ok::<_, flate2::CompressError>(block.or(rest))
        })??;
        if let Some(block) = block {
            writer.write(&block).await?;
        }
        if number % 1_000 == 0 {
            job.set_progress(format!("{number} of {pages} pages"));
        }
    }
    drop(database);
    let (last, content) = deflater.finish()?;
    writer.write(&last).await?;
    writer.flush().await?;
    let (size, deflated) = (content.size, content.deflated_size());
    let file = engine
        .keep_bulk_data(selection, &scan, writer, content)
        .await?;
    Ok(format!(
        "{file}: {all} objects, {size} bytes, {deflated} deflated"
    ))
}
