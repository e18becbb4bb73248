//! A job makes a bulk data file: what it needs to know, and what becomes of the file.

use std::rc::Rc;

use futures_util::future::try_join_all;

use crate::blob::Spool;
use crate::engine::bulk_data::scan::Reading;
use crate::engine::bulk_data::{BulkCopy, BulkScan, BulkSource};
use crate::engine::by_jobs::query_queue;
use crate::engine::{Engine, SourceInfo, SyncError};
use crate::jobs::Query;
use crate::model::{
    BlobId, BulkContent, BulkFile, BulkSelection, DocumentId, Millis, PollInterval, SourceName,
    Version,
};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{Aspect, BulkOutcome, Summary};

/// How long back ends have for being asked, in milliseconds. Then the file is made of what is there.
const PATIENCE_MS: u64 = 60_000;

/// How long a file can be downloaded after it was handed out last, in milliseconds: devices go on where they were cut off.
const DOWNLOAD_MS: u64 = 86_400_000;

/// How long before its content a file's entry goes, in milliseconds: whoever has read it may begin to read the content.
const ENTRY_MARGIN_MS: u64 = 600_000;

/// How long devices are told that no file could be made, in milliseconds. Whoever asks later begins anew.
const FAILED_MS: u64 = 60_000;

/// How the making of a file begins.
pub enum BulkBegin<'a, P> {
    /// There is one that will do.
    Made,
    /// Back ends have to be asked first. Jobs see to it.
    Later {
        /// Those of these sources.
        sources: Vec<SourceName>,
    },
    /// There is nothing to make it of.
    Failed {
        /// Why not.
        message: String,
    },
    /// It is to be made of this.
    Now(BulkScan<'a, P>),
}

impl<P: Ports> Engine<P> {
    /// Begins to make a selection's file, which somebody asked for at a time.
    ///
    /// Back ends are asked by jobs of their own, elsewhere: whoever makes files needs no way to them.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin_bulk_data(
        &self,
        selection: &BulkSelection,
        asked_at: Millis,
    ) -> Result<BulkBegin<'_, P>, SyncError> {
        let now = self.ports.clock().now();
        if let Some(BulkOutcome::File {
            fresh_until, pins, ..
        }) = self.bulk_data().made(&selection.id()).await?
            && now < fresh_until
            && self.are_current(selection, &pins).await?
        {
            return Ok(BulkBegin::Made);
        }
        let mut sources = self.sources(Some(selection.partition)).await?;
        sources.sort_by_key(|source| source.settings.sync_priority);
        let is_selected = |source: &&SourceInfo| selection.sources.contains(&source.name);
        let asked = sources.iter().filter(is_selected).map(|source| async move {
            let id = selection.document(&source.name);
            let summary = self.document(&id).summary().await?;
            Ok::<_, SyncError>((source, summary))
        });
        let asked = try_join_all(asked).await?;
        let waiting: Vec<_> = asked
            .iter()
            .filter(|(source, summary)| is_due(source, summary, asked_at))
            .map(|(source, _)| *source)
            .collect();
        if !waiting.is_empty() && now.0 < asked_at.0.saturating_add(PATIENCE_MS) {
            for source in &waiting {
                self.ask_for(source, selection).await?;
            }
            let sources = waiting.iter().map(|source| source.name.clone()).collect();
            return Ok(BulkBegin::Later { sources });
        }
        // A copy that was filled before can be served though its back end is away; devices are told with their next pull.
        let empty = asked.iter().find(|(source, summary)| {
            summary.version == Version::ZERO
                && (summary.source_error.is_some() || is_due(source, summary, asked_at))
        });
        if let Some((source, summary)) = empty {
            let name = &source.name;
            let message = match &summary.source_error {
                Some(error) => format!("{name}: {}", error.message),
                None => format!("{name}: its back end has not been asked yet"),
            };
            self.fail_bulk_data(selection, &message).await?;
            return Ok(BulkBegin::Failed { message });
        }
        self.scan(selection, &sources).await.map(BulkBegin::Now)
    }

    /// Sees to it that a source's back end is asked.
    async fn ask_for(
        &self,
        source: &SourceInfo,
        selection: &BulkSelection,
    ) -> Result<(), SyncError> {
        let queue = query_queue(&source.settings);
        let partition = selection.owner().to_stored();
        let user = &selection.user;
        let job = Query::job(queue, &source.name, &partition, user, &[]);
        self.enqueue_own_once(&job).await
    }

    async fn scan(
        &self,
        selection: &BulkSelection,
        infos: &[SourceInfo],
    ) -> Result<BulkScan<'_, P>, SyncError> {
        let mut sources = Vec::with_capacity(infos.len());
        let mut readings = Vec::with_capacity(selection.sources.len());
        for info in infos {
            let mut copy = None;
            if selection.sources.contains(&info.name) {
                let document = selection.document(&info.name);
                copy = Some(self.copy(info, &document).await?);
                let new_life = self.ports.random().hex::<8>();
                let life = self.document(&document).life(&new_life).await?;
                let until = self.document(&document).version().await?;
                readings.push(Reading::new(sources.len(), document, life, until));
            }
            let has_many = infos.iter().flat_map(|other| {
                let belonging = other.settings.belongs_to.iter();
                belonging
                    .filter(|(_, owner)| **owner == info.name)
                    .map(|(attribute, _)| (other.name.clone(), attribute.clone()))
            });
            sources.push(BulkSource {
                name: info.name.clone(),
                partition: info.settings.partition,
                priority: info.settings.sync_priority,
                has_many: has_many.collect(),
                copy,
            });
        }
        Ok(BulkScan::new(self, sources, readings))
    }

    async fn copy(&self, info: &SourceInfo, id: &DocumentId) -> Result<BulkCopy, SyncError> {
        let document = self.document(id);
        let found = self.source(info.name.as_str()).await?;
        let known = document.marks().await?;
        self.describe_by_settings(found.as_source(), id, known)
            .await?;
        let Summary {
            live, refreshed_at, ..
        } = document.summary().await?;
        Ok(BulkCopy {
            metadata: document.description(Aspect::Metadata).await?,
            schema: document.description(Aspect::Schema).await?,
            refreshed_at,
            objects: live,
        })
    }

    /// Tells devices that wait for a selection's file that there will be none for now.
    ///
    /// # Errors
    /// The store's.
    pub async fn fail_bulk_data(
        &self,
        selection: &BulkSelection,
        message: &str,
    ) -> Result<(), SyncError> {
        let made = BulkOutcome::Failed {
            message: message.to_owned(),
        };
        let store = self.bulk_data();
        Ok(store.set_made(&selection.id(), &made, FAILED_MS).await?)
    }

    /// Begins to keep a file's content.
    ///
    /// # Errors
    /// The store's.
    pub async fn bulk_writer(&self) -> Result<BulkWriter<P>, SyncError> {
        let ports = Rc::clone(&self.ports);
        let spool = Spool::begin(ports.as_ref()).await?;
        Ok(BulkWriter { ports, spool })
    }

    /// Hands a selection's file out from now on, if it is of what was read to the end. Says which file it is.
    ///
    /// # Errors
    /// [`SyncError::Busy`] if a source has got another schema meanwhile: the file is no good then. The S3 store's, and the
    /// store's.
    pub async fn keep_bulk_data(
        &self,
        selection: &BulkSelection,
        scan: &BulkScan<'_, P>,
        writer: BulkWriter<P>,
        content: BulkContent,
    ) -> Result<BlobId, SyncError> {
        let pins = scan.pins();
        for source in scan.sources() {
            if let Some(copy) = &source.copy {
                let document = selection.document(&source.name);
                let schema = self.document(&document).description(Aspect::Schema).await?;
                if schema != copy.schema {
                    return Err(SyncError::Busy);
                }
            }
        }
        let (now, id) = (self.ports.clock().now(), selection.id());
        let fresh_ms = self.settings.bulk_sync_poll_interval.saturating_mul(1_000);
        let lifetime_ms = fresh_ms.saturating_add(DOWNLOAD_MS);
        let until = now.plus(lifetime_ms);
        let (place, file) = self.blobs.keep_until(writer.spool, until).await?;
        let entry = BulkFile {
            owner: selection.owner().to_stored(),
            place: place.to_string(),
            content,
        };
        let store = self.bulk_data();
        let entry_ms = lifetime_ms - ENTRY_MARGIN_MS;
        store.set_file(&id, &file, &entry, entry_ms).await?;
        let made = BulkOutcome::File {
            file: file.clone(),
            fresh_until: now.plus(fresh_ms),
            pins,
        };
        store.set_made(&id, &made, fresh_ms).await?;
        Ok(file)
    }
}

/// Whether a source's back end has to be asked before a file is made that somebody asked for at a time.
fn is_due(source: &SourceInfo, summary: &Summary, asked_at: Millis) -> bool {
    let max_age_ms = match source.settings.poll_interval {
        PollInterval::Never => return false,
        PollInterval::EverySync => 0,
        PollInterval::Seconds(seconds) => seconds.saturating_mul(1_000),
    };
    let asked = summary.refreshed_at;
    asked.is_none_or(|asked| asked.plus(max_age_ms) < asked_at)
}

/// Takes a file's content in, deflated.
pub struct BulkWriter<P> {
    ports: Rc<P>,
    spool: Spool,
}

impl<P: Ports> BulkWriter<P> {
    /// Takes more of it.
    ///
    /// # Errors
    /// [`BlobError::UploadExpired`](crate::BlobError::UploadExpired) if the rest was too long in coming, and the store's.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), SyncError> {
        while self.spool.fill(&mut bytes) {
            self.flush().await?;
        }
        Ok(())
    }

    /// How many bytes it has taken in, and where they are.
    pub(in crate::engine) fn into_spool(self) -> (u64, Spool) {
        (self.spool.size(), self.spool)
    }

    /// Brings the last of it to the store.
    ///
    /// # Errors
    /// As [`BulkWriter::write`].
    pub async fn flush(&mut self) -> Result<(), SyncError> {
        self.spool.stay_alive(self.ports.as_ref()).await?;
        Ok(self.spool.flush(self.ports.as_ref()).await?)
    }
}
