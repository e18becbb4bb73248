//! Builds what a device is told of a source that keeps its cursor itself.
//!
//! It is told of its own changes too: so what it has is what the server has, whatever it thinks it has done.

use serde_json::Map;
use sync_proto::sync::{ObjectFields, SourceNews};

use crate::model::page::{StoredRecord, parse};
use crate::model::{AttributeTypes, Attributes, DamagedRecord, ObjectId, Reader, Record, Version};

/// Collects the news of one source.
pub(crate) struct DevicePage<'a> {
    reader: Reader<'a>,
    types: &'a AttributeTypes,
    news: SourceNews,
}

impl<'a> DevicePage<'a> {
    pub(crate) fn new(reader: Reader<'a>, types: &'a AttributeTypes, source: &str) -> Self {
        let news = SourceNews {
            source: source.to_owned(),
            ..SourceNews::default()
        };
        Self {
            reader,
            types,
            news,
        }
    }

    /// Adds what is news of one object that changed at `version`. A record may be newer than that: it comes again then.
    pub(crate) fn add(
        &mut self,
        id: &ObjectId,
        version: Version,
        record: &[u8],
    ) -> Result<(), DamagedRecord> {
        let news = &mut self.news;
        let stored: StoredRecord<'_> = parse(record)?;
        let is_whole = stored.older.is_none() || self.reader.base == Version::ZERO;
        if is_whole && stored.removed.is_none() && self.types.is_empty() {
            let fields = ObjectFields::Raw(stored.attributes.to_owned());
            news.objects.insert(id.to_string(), fields);
            return Ok(());
        }
        let record: Record = parse(record)?;
        let changed = record.news_for(self.reader, version);
        if !record.is_alive() {
            if !changed.delete.is_empty() {
                news.deleted.push(id.to_string());
            }
            return Ok(());
        }
        if !changed.insert.is_empty() {
            let fields = fields(self.types, changed.insert);
            news.objects.insert(id.to_string(), fields);
        }
        if !changed.delete.is_empty() {
            news.unset.insert(id.to_string(), changed.delete);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> SourceNews {
        self.news
    }
}

/// Attributes as values.
pub(crate) fn fields(types: &AttributeTypes, attributes: Attributes) -> ObjectFields {
    let attributes = attributes.into_iter();
    let values: Map<_, _> = attributes
        .map(|(name, text)| {
            let value = types.value(&name, text);
            (name, value)
        })
        .collect();
    ObjectFields::Values(values)
}
