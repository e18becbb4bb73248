//! The job `image`.

use std::io::Write as _;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;
use sync_core::{
    BulkWriter, Engine, IMAGE, ImageBegin, ImageForm, ImagePayload, ImageScan, Ports, SyncError,
};
use sync_jobs::{JobError, JobHandler, RunningJob};

use crate::image_database::{ImageDatabase, ImageError};

/// It is made once, and downloaded often.
const LEVEL: Compression = Compression::new(6);

/// Pages of a database between two signs of life.
const PAGES_AT_ONCE: u32 = 100;

/// Makes an image. It may run twice: the second time it finds what the first has made.
pub struct MakeImage;

#[async_trait(?Send)]
impl<P: Ports> JobHandler<Engine<P>> for MakeImage {
    async fn run(&self, engine: &Engine<P>, job: &RunningJob) -> Result<String, JobError> {
        let ImagePayload { document, form } = job.payload()?;
        let mut scan = match engine.begin_image(&document, form).await? {
            ImageBegin::NotNeeded => return Ok("none is needed".to_owned()),
            ImageBegin::Now(scan) => scan,
        };
        let mut file = PackedFile {
            writer: engine.bulk_writer().await?,
            packer: GzEncoder::new(Vec::new(), LEVEL),
            size: 0,
        };
        match form {
            ImageForm::Ndjson => write_lines(engine, job, &mut scan, &mut file).await?,
            ImageForm::Sqlite => write_database(engine, job, &mut scan, &mut file).await?,
        }
        let size = file.size;
        let bytes = engine.keep_image(&scan, file.end().await?).await?;
        Ok(format!("{document}: {size} bytes, {bytes} compressed"))
    }
}

async fn write_lines<P: Ports>(
    engine: &Engine<P>,
    job: &RunningJob,
    scan: &mut ImageScan<'_, P>,
    file: &mut PackedFile<P>,
) -> Result<(), SyncError> {
    let mut lines = 0_u64;
    while let Some(line) = scan.next().await? {
        let mut line = serde_json::to_vec(&line).map_err(|error| unmade(&error.into()))?;
        line.push(b'\n');
        lines += 1;
        file.write(&line).await?;
        job.set_progress(format!("{lines} lines, {} bytes", file.size));
        // Others get their turn: signs of life among them.
        engine.pause().await;
    }
    Ok(())
}

async fn write_database<P: Ports>(
    engine: &Engine<P>,
    job: &RunningJob,
    scan: &mut ImageScan<'_, P>,
    file: &mut PackedFile<P>,
) -> Result<(), SyncError> {
    let database = ImageDatabase::new().map_err(|error| unmade(&error))?;
    let mut objects = 0;
    while let Some(line) = scan.next().await? {
        database.take(&line).map_err(|error| unmade(&error))?;
        objects += line.objects.len();
        job.set_progress(format!("{objects} objects"));
        engine.pause().await;
    }
    let pages = database.finish().map_err(|error| unmade(&error))?;
    for number in 1..=pages {
        let page = database.read_page(number, <[u8]>::to_vec);
        let page = page.map_err(|error| unmade(&error))?;
        file.write(&page).await?;
        if number % PAGES_AT_ONCE == 0 {
            job.set_progress(format!("{number} of {pages} pages"));
            engine.pause().await;
        }
    }
    Ok(())
}

/// What is written, compressed, to where the server keeps files.
struct PackedFile<P: Ports> {
    writer: BulkWriter<P>,
    packer: GzEncoder<Vec<u8>>,
    /// Bytes before they were compressed.
    size: usize,
}

impl<P: Ports> PackedFile<P> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), SyncError> {
        self.size += bytes.len();
        let packed = self.packer.write_all(bytes);
        packed.map_err(|error| unpacked(&error))?;
        self.writer
            .write(&std::mem::take(self.packer.get_mut()))
            .await
    }

    async fn end(mut self) -> Result<BulkWriter<P>, SyncError> {
        let rest = self.packer.finish().map_err(|error| unpacked(&error))?;
        self.writer.write(&rest).await?;
        self.writer.flush().await?;
        Ok(self.writer)
    }
}

/// Everything in it was JSON, or in a database, before: what goes wrong is a lack of memory, which may pass.
fn unmade(error: &ImageError) -> SyncError {
    tracing::error!(%error, job.name = IMAGE, "an image could not be made");
    SyncError::Busy
}

/// The packer writes to memory, which takes everything.
fn unpacked(error: &std::io::Error) -> SyncError {
    tracing::error!(%error, job.name = IMAGE, "an image could not be compressed");
    SyncError::Busy
}
