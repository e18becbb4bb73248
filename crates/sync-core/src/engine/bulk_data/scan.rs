//! Reads everything of some sources, as of one moment.
//!
//! The documents go on while they are read. So they are read twice: first what was there at the begin, then what has
//! changed until the end. A reader that takes both in has each document up to a version: the document's last one before
//! the last read, which found nothing more.

use std::collections::VecDeque;

use crate::engine::{Engine, SyncError};
use crate::model::{Attributes, DocumentId, Millis, ObjectId, PartitionRule, SourceName, Version};
use crate::ports::Ports;
use crate::store::{CHUNK, LOG_CHUNK, Pin};

/// A source as devices see it in bulk data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkSource {
    /// Its name.
    pub name: SourceName,
    /// Who shares a copy.
    pub partition: PartitionRule,
    /// When devices sync it.
    pub priority: u32,
    /// What belongs to objects of this source: sources, and the attributes in which they hold their ids.
    pub has_many: Vec<(SourceName, String)>,
    /// What is in the file of it; nothing where it was not asked for.
    pub copy: Option<BulkCopy>,
}

/// A copy of a source in bulk data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkCopy {
    /// What applications need to know of the source.
    pub metadata: Option<String>,
    /// How devices store its objects, as JSON.
    pub schema: Option<String>,
    /// When the back end was asked last.
    pub refreshed_at: Option<Millis>,
    /// How many objects it had at the begin.
    pub objects: u64,
}

/// Objects with what they are now; nothing for those that are gone.
pub type BulkObjects = Vec<(ObjectId, Option<Attributes>)>;

/// What comes next of the sources.
#[derive(Debug, PartialEq, Eq)]
pub enum BulkStep {
    /// Objects of a source (by its place among them). Each comes once, before [`BulkStep::CatchUp`].
    Objects {
        /// Which source.
        source: usize,
        /// The objects.
        objects: BulkObjects,
    },
    /// Everything has come that was there at the begin. What follows has changed since, and may have come before.
    CatchUp,
    /// That was all.
    End,
}

/// Reads everything of some sources.
pub struct BulkScan<'a, P> {
    engine: &'a Engine<P>,
    sources: Vec<BulkSource>,
    readings: Vec<Reading>,
    /// Which of them is read.
    at: usize,
    catches_up: bool,
}

/// A document that is read.
pub(in crate::engine) struct Reading {
    pub(in crate::engine) source: usize,
    pub(in crate::engine) document: DocumentId,
    pub(in crate::engine) life: String,
    /// Up to which version it is read: first the document's when its reading began, in the end its last.
    pub(in crate::engine) until: Version,
    /// What is read.
    pub(in crate::engine) cursor: Version,
    /// What is listed, but not read.
    pub(in crate::engine) listed: VecDeque<(ObjectId, Version)>,
    /// Whether everything is listed.
    pub(in crate::engine) is_listed: bool,
}

impl Reading {
    pub(in crate::engine) fn new(
        source: usize,
        document: DocumentId,
        life: String,
        until: Version,
    ) -> Self {
        Self {
            source,
            document,
            life,
            until,
            cursor: Version::ZERO,
            listed: VecDeque::new(),
            is_listed: false,
        }
    }
}

impl<'a, P: Ports> BulkScan<'a, P> {
    pub(in crate::engine) fn new(
        engine: &'a Engine<P>,
        sources: Vec<BulkSource>,
        readings: Vec<Reading>,
    ) -> Self {
        Self {
            engine,
            sources,
            readings,
            at: 0,
            catches_up: false,
        }
    }

    /// The sources of the partition, in the order in which devices sync them.
    pub fn sources(&self) -> &[BulkSource] {
        &self.sources
    }

    /// What comes next.
    ///
    /// # Errors
    /// The store's.
    pub async fn next(&mut self) -> Result<BulkStep, SyncError> {
        loop {
            let Some(reading) = self.readings.get_mut(self.at) else {
                if self.catches_up {
                    return Ok(BulkStep::End);
                }
                self.catches_up = true;
                self.at = 0;
                for reading in &mut self.readings {
                    reading.cursor = reading.until;
                    reading.is_listed = false;
                }
                return Ok(BulkStep::CatchUp);
            };
            let source = reading.source;
            let objects = reading.next(self.engine, self.catches_up).await?;
            if !objects.is_empty() {
                return Ok(BulkStep::Objects { source, objects });
            }
            self.at += 1;
        }
    }

    /// What has been read, once everything is.
    pub(in crate::engine) fn pins(&self) -> Vec<Pin> {
        let pins = self.readings.iter().map(|reading| Pin {
            source: reading.document.source.clone(),
            version: reading.until,
            life: reading.life.clone(),
        });
        pins.collect()
    }
}

impl Reading {
    /// Reads some objects; none where there are no more.
    async fn next<P: Ports>(
        &mut self,
        engine: &Engine<P>,
        catches_up: bool,
    ) -> Result<BulkObjects, SyncError> {
        loop {
            if self.listed.is_empty() {
                if self.is_listed {
                    return Ok(BulkObjects::new());
                }
                self.list(engine, catches_up).await?;
                continue;
            }
            let ids = self.listed.iter().take(CHUNK).map(|(id, _)| id.clone());
            let ids: Vec<_> = ids.collect();
            let records = engine.document(&self.document).records(&ids).await?;
            self.listed.drain(..records.len().min(self.listed.len()));
            let mut objects = BulkObjects::with_capacity(records.len());
            for (id, record) in ids.into_iter().zip(records) {
                let attributes = match record {
                    Some((record, _)) => record.attributes,
                    // Deleted and collected meanwhile.
                    None => Attributes::new(),
                };
                objects.push((id, Some(attributes).filter(|it| !it.is_empty())));
            }
            return Ok(objects);
        }
    }

    /// Lists what lies after the cursor: up to where the reading began, or all of it.
    async fn list<P: Ports>(
        &mut self,
        engine: &Engine<P>,
        catches_up: bool,
    ) -> Result<(), SyncError> {
        let document = engine.document(&self.document);
        // Read before the log: whatever has a version up to this is in the log then, or has moved on in it.
        let end = document.version().await?;
        let log = document.log_after(self.cursor).await?;
        self.is_listed = log.len() < LOG_CHUNK;
        for (id, version) in log {
            if !catches_up && version > self.until {
                self.is_listed = true;
                break;
            }
            self.cursor = version;
            self.listed.push_back((id, version));
        }
        if catches_up && self.is_listed {
            self.until = end;
        }
        Ok(())
    }
}
