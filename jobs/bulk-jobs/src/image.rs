//! The job `image`.

use std::io::Write as _;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;
use sync_core::{Engine, IMAGE, ImageBegin, ImagePayload, Ports, SyncError};
use sync_jobs::{JobError, JobHandler, RunningJob};

/// It is made once, and downloaded often.
const LEVEL: Compression = Compression::new(6);

/// Makes an image. It may run twice: the second time it finds what the first has made.
pub struct MakeImage;

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for MakeImage {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let ImagePayload { document } = job.payload()?;
        let mut scan = match engine.begin_image(&document).await? {
            ImageBegin::NotNeeded => return Ok("none is needed".to_owned()),
            ImageBegin::Now(scan) => scan,
        };
        let mut writer = engine.bulk_writer().await?;
        let mut packer = GzEncoder::new(Vec::new(), LEVEL);
        let (mut lines, mut size) = (0_u64, 0);
        while let Some(line) = scan.next().await? {
            size += line.len();
            lines += 1;
            packer.write_all(&line).map_err(|error| unpacked(&error))?;
            writer.write(&std::mem::take(packer.get_mut())).await?;
            job.set_progress(format!("{lines} lines, {size} bytes"));
            // Others get their turn: signs of life among them.
            engine.pause().await;
        }
        let rest = packer.finish().map_err(|error| unpacked(&error))?;
        writer.write(&rest).await?;
        writer.flush().await?;
        let bytes = engine.keep_image(&scan, writer).await?;
        Ok(format!("{document}: {size} bytes, {bytes} compressed"))
    }
}

/// The packer writes to memory, which takes everything.
fn unpacked(error: &std::io::Error) -> SyncError {
    tracing::error!(%error, job.name = IMAGE, "an image could not be compressed");
    SyncError::Busy
}
