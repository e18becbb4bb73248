//! What is new of one source.

use std::rc::Rc;

use futures_util::join;
use serde_json::value::RawValue;
use sync_proto::sync::{CopyCheck, SourceFailure, SourceNews};

use crate::account::DeviceSession;
use crate::engine::device_sync::Reading;
use crate::engine::device_sync::place::why_useless;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{
    AttributeTypes, ClientId, DeviceCursor, DevicePage, DocumentId, Reader, Version,
};
use crate::ports::Ports;
use crate::store::{Aspect, Head, PageLimit};

impl<P: Ports> Engine<P> {
    /// The next page, if there is one, or else that there is none.
    pub(super) async fn news_of(
        &self,
        session: &DeviceSession,
        reading: &mut Reading<'_>,
        head: &Rc<Head>,
        room: &mut usize,
    ) -> Result<SourceNews, SyncError> {
        let Some(cursor) = reading.cursor.clone() else {
            return Ok(self.left_for_later(reading));
        };
        if cursor.version == head.version && cursor.is_at_end() {
            let news = SourceNews {
                source: reading.document.source.to_string(),
                cursor: self.kept_cursor(reading),
                ..SourceNews::default()
            };
            return Ok(ended(news, head));
        }
        if *room == 0 {
            return Ok(self.left_for_later(reading));
        }
        let ahead = reading.ahead.take();
        // Part of it would be another page than the device may have.
        let ahead = ahead.filter(|news| news.reached == news.head.version);
        let source = reading.source(None);
        let limit = PageLimit {
            objects: source.settings.max_page_size,
            bytes: (*room).min(source.settings.max_page_bytes),
        };
        let document = self.document(&reading.document);
        let read = async {
            match ahead {
                Some(news) => Ok(news),
                None => document.news(cursor.version, limit).await,
            }
        };
        let (found, schema) = join!(read, self.schema_of(source, &reading.document, head));
        let (found, schema) = (found?, schema?);
        if let Some(reason) = why_useless(&cursor, &found.head) {
            // It became so in this very moment. The device comes again.
            reading.begin_anew(reason);
            return Ok(self.left_for_later(reading));
        }
        let records = async {
            match found.records {
                Some(records) => Ok(records),
                None => {
                    document
                        .raw_records(found.changed.iter().map(|(id, _)| id))
                        .await
                }
            }
        };
        let is_told = |mark: Version| {
            cursor.version == Version::ZERO || mark > cursor.version && mark <= found.reached
        };
        let marks = found.head.described;
        let metadata = async {
            match marks.metadata.filter(|mark| is_told(mark.version)) {
                Some(_) => document.description(Aspect::Metadata).await,
                None => Ok(None),
            }
        };
        let (records, metadata) = join!(records, metadata);
        let (records, metadata) = (records?, metadata?);
        let types = schema.as_deref().map(AttributeTypes::of_schema);
        let types = types.unwrap_or_default();
        let nobody = nobody()?;
        let reader = Reader {
            client: &nobody,
            base: cursor.base,
            since: cursor.since,
        };
        let mut page = DevicePage::new(reader, &types, reading.document.source.as_str());
        for ((id, version), record) in found.changed.iter().zip(records) {
            // One that is gone was deleted and collected meanwhile: every cursor had passed it.
            if let Some(record) = record.filter(|record| !record.is_empty()) {
                *room = room.saturating_sub(record.len());
                page.add(id, *version, &record)?;
            }
        }
        let is_end = found.reached == found.head.version;
        reading.cursor = Some(DeviceCursor {
            version: found.reached,
            base: if is_end { found.reached } else { cursor.base },
            ..cursor
        });
        reading.has_moved = true;
        let is_schema_told = marks.schema.is_some_and(|mark| is_told(mark.version));
        let schema = schema.filter(|_| is_schema_told);
        let news = SourceNews {
            schema: schema.and_then(|schema| RawValue::from_string(schema).ok()),
            metadata,
            cursor: self.kept_cursor(reading),
            more: !is_end,
            ..page.finish()
        };
        tracing::debug!(client.id = %session.client(), source.name = %reading.document.source, "a device got news");
        Ok(match is_end {
            true => ended(news, &found.head),
            false => news,
        })
    }

    /// The text of the source's schema, if it has one.
    pub(super) async fn schema_of(
        &self,
        source: Source<'_>,
        document: &DocumentId,
        head: &Head,
    ) -> Result<Option<String>, SyncError> {
        match (&source.settings.schema, head.described.schema) {
            (Some(schema), _) => Ok(Some(schema.text().to_owned())),
            (None, None) => Ok(None),
            (None, Some(_)) => {
                let document = self.document(document);
                Ok(document.description(Aspect::Schema).await?)
            }
        }
    }
}

/// What a device has that has everything, and what is wrong with the source.
fn ended(news: SourceNews, head: &Head) -> SourceNews {
    let failure = head.source_error.as_ref();
    SourceNews {
        check: Some(CopyCheck {
            count: head.live,
            sum: head.sum.map(|sum| sum.to_string()),
        }),
        error: failure.map(|error| SourceFailure {
            code: error.kind.clone(),
            message: error.message.clone(),
        }),
        ..news
    }
}

/// Whose changes are told to everybody: a device's own are no exception.
fn nobody() -> Result<ClientId, SyncError> {
    Ok(ClientId::parse("-")?)
}
