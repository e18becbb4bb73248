//! How a client is doing with each of its sources, and what it would get with its next sync. Looking changes nothing.

use futures_util::future::try_join_all;
use futures_util::join;
use serde_json::json;
use sync_proto::api::{ClientSourceSummary, ObjectChangeKind, ObjectNews, SyncPreview};

use crate::engine::clients::documents_of;
use crate::engine::{Engine, SyncError};
use crate::model::{
    ClientId, DocumentId, ObjectId, OutboxItem, PageBuilder, Partition, Reader, Record, Version,
};
use crate::ports::Ports;
use crate::store::{CursorState, Position, Waiting, WaitingChanges};

/// Most objects of a preview.
const MAX_PREVIEW: usize = 500;

/// Changes of a client that were given up and are looked at.
const GIVEN_UP_AT_ONCE: usize = 100;

impl<P: Ports> Engine<P> {
    /// How a client is doing with the sources it syncs, and with those it has left changes in.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`] and the store's.
    pub async fn client_sources(
        &self,
        client: &str,
    ) -> Result<Vec<ClientSourceSummary>, SyncError> {
        let client = crate::engine::binding::known_form(client)?;
        let record = self.client_record(&client).await?;
        let documents: Vec<(&ClientId, DocumentId)> = documents_of(&record)
            .into_iter()
            .map(|document| (&client, document))
            .collect();
        let index = WaitingChanges::new(self.ports.redis());
        let (waiting, given_up, seen) = join!(
            index.of(&documents),
            self.given_up_changes(&client, GIVEN_UP_AT_ONCE),
            self.seen_at(&client)
        );
        let (given_up, seen) = (given_up?, seen?);
        let summaries = documents.iter().zip(waiting?);
        let summaries = summaries.map(|((_, id), waiting)| {
            let is_bound = record.bindings.get(&id.source) == Some(&id.partition);
            let given_up: Vec<_> = given_up
                .iter()
                .filter(|kept| kept.change.source == id.source && is_bound)
                .collect();
            let client = &client;
            async move {
                if !is_bound && waiting.is_none() {
                    return Ok(None);
                }
                let document = self.document(id);
                let (position, summary, count) = join!(
                    document.position(client),
                    document.summary(),
                    document.waiting(client)
                );
                let (summary, count) = (summary?, count?);
                let position = position?.map(|position| (position.cursor, position.sent));
                let (cursor, sent) = position.unwrap_or_default();
                let (behind, unsent, outbox) = join!(
                    document.changed_after(cursor),
                    document.changed_after(sent),
                    document.outbox(client, Version::ZERO, summary.version)
                );
                let (behind, unsent, outbox) = (behind?, unsent?, outbox?);
                let refused: Vec<&str> = outbox.iter().filter_map(refusal).collect();
                let told = refused.last().map(|message| (*message).to_owned());
                let gave_up = given_up.iter().find_map(|kept| kept.reason.clone());
                let (since, said) = waiting
                    .map(|Waiting { since, error }| (since, error))
                    .unzip();
                let failed = (refused.len() + given_up.len()) as u64;
                Ok::<_, SyncError>(Some(ClientSourceSummary {
                    source: id.source.as_str().to_owned(),
                    copy: id.partition.to_stored(),
                    partition: partition_name(&id.partition),
                    version: cursor.0,
                    latest: summary.version.0,
                    behind,
                    unsent,
                    behind_since: seen.filter(|_| behind > 0).map(|at| at.0),
                    waiting: count,
                    waiting_since: since.map(|since| since.0),
                    failed,
                    error: said.flatten().or(told).or(gave_up),
                }))
            }
        });
        Ok(try_join_all(summaries)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    /// What a client would get of a source with its next sync, at most so many objects; `None` if it does not sync it. The back
    /// end is not asked.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`], [`SyncError::UnknownSource`] and the store's.
    pub async fn preview(
        &self,
        client: &str,
        source: &str,
        limit: usize,
    ) -> Result<Option<SyncPreview>, SyncError> {
        let (client, id) = self.bound_document(client, source).await?;
        let Some(id) = id else {
            return Ok(None);
        };
        let document = self.document(&id);
        let (position, summary) = join!(document.position(&client), document.summary());
        let (Some(position), summary) = (position?, summary?) else {
            return Ok(None);
        };
        let Position {
            cursor,
            base,
            since,
            state,
            ..
        } = position;
        if state == CursorState::Restart {
            return Ok(Some(SyncPreview {
                objects: Vec::new(),
                more: summary.live,
                outbox: json!({"schema-changed": "true"}),
            }));
        }
        let limit = limit.min(MAX_PREVIEW);
        let (log, changed) = join!(
            document.log_part(cursor, limit),
            document.changed_after(cursor)
        );
        let (log, changed) = (log?, changed?);
        let ids: Vec<ObjectId> = log.iter().map(|(id, _)| id.clone()).collect();
        // As many as are not too large together.
        let records = document.records(&ids).await?;
        let more = changed.saturating_sub(records.len() as u64);
        let reader = Reader {
            client: &client,
            base,
            since,
        };
        let objects = ids.into_iter().zip(records).filter_map(|(id, record)| {
            let (record, version) = record?;
            match state {
                CursorState::Leaving => taken_back(id, &record),
                _ => news(id, &record, version, reader),
            }
        });
        let objects = objects.collect();
        let items = document.outbox(&client, cursor, summary.version).await?;
        let mut builder = PageBuilder::new(reader);
        self.add_outbox(&mut builder, &id, &client, items).await?;
        Ok(Some(SyncPreview {
            objects,
            more,
            outbox: json!(builder.finish()),
        }))
    }
}

/// What a reader hears of an object; nothing where nothing is new to it.
fn news(id: ObjectId, record: &Record, version: Version, reader: Reader<'_>) -> Option<ObjectNews> {
    let news = record.news_for(reader, version);
    if news.insert.is_empty() && news.delete.is_empty() {
        return None;
    }
    let change = if !record.is_alive() {
        ObjectChangeKind::Delete
    } else if news.insert.len() == record.attributes.len() && news.delete.is_empty() {
        ObjectChangeKind::Create
    } else {
        ObjectChangeKind::Update
    };
    Some(ObjectNews {
        id: id.into_string(),
        change,
        set: news.insert,
        removed: news.delete,
    })
}

/// What a client hears of an object of a copy that it leaves.
fn taken_back(id: ObjectId, record: &Record) -> Option<ObjectNews> {
    let removed = record.every_attribute();
    (!removed.is_empty()).then(|| ObjectNews {
        id: id.into_string(),
        change: ObjectChangeKind::Delete,
        set: [].into(),
        removed,
    })
}

/// Why a change was refused, if that is what a client has yet to be told and nobody has settled it.
pub(super) fn refusal(item: &OutboxItem) -> Option<&str> {
    item.open_refusal()
        .map(|(_, refusal)| refusal.message.as_str())
}

/// What administrators call a partition.
pub(super) fn partition_name(partition: &Partition) -> String {
    match partition {
        Partition::App => "app".to_owned(),
        Partition::User(user) => format!("user/{user}"),
        Partition::Named(name) => format!("named/{name}"),
        Partition::Narrowed(user, narrowing) => format!("narrowed/{user}/{narrowing}"),
        Partition::Combined(members) => {
            let members: Vec<String> = members.iter().map(partition_name).collect();
            format!("combined/{}", members.join(" + "))
        }
    }
}
