//! In which objects a client's copy of a source differs from the server's, part by part. Looking changes nothing.
//!
//! The server keeps no copy of what a client has: it is derived from the client's cursor. First comes the log after that, then what
//! the client's searches have found, which it holds alone.

use std::collections::BTreeSet;

use sync_proto::api::{DifferenceKind, ObjectDifference};

use crate::engine::client_list::invalid_cursor;
use crate::engine::documents::LogPlace;
use crate::engine::{Engine, SyncError};
use crate::model::{Attributes, ClientId, DocumentId, ObjectId, Reader, Record, Version};
use crate::ports::Ports;
use crate::store::{CursorState, HeldPart, Position};

/// What cursors begin with that are among what the client's searches have found.
const HELD: &str = "held-";

/// Part of a list of differences. It may have fewer than were asked for, even none, also where there are more.
#[derive(Debug, Default)]
pub struct DifferencePage {
    /// The differences.
    pub differences: Vec<ObjectDifference>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<String>,
}

impl<P: Ports> Engine<P> {
    /// Lists the objects in which a client's copy of a source differs from the server's; `None` if it does not sync it.
    ///
    /// # Errors
    /// [`SyncError::UnknownClient`], [`SyncError::UnknownSource`], [`SyncError::InvalidSetting`] for a cursor that was not
    /// given out, and the store's.
    pub async fn differences(
        &self,
        client: &str,
        source: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Option<DifferencePage>, SyncError> {
        let (client, id) = self.bound_document(client, source).await?;
        let Some(id) = id else {
            return Ok(None);
        };
        if let Some(place) = cursor.and_then(|cursor| cursor.strip_prefix(HELD)) {
            let place: u64 = place.parse().map_err(|_| invalid_cursor())?;
            return self.held_differences(&client, &id, place).await.map(Some);
        }
        let Some(position) = self.document(&id).position(&client).await? else {
            return Ok(None);
        };
        let after = cursor.map(str::parse).transpose();
        let after = after.map_err(|_| invalid_cursor())?.map(Version);
        let after = after.unwrap_or_default().max(position.cursor);
        let seen = |id: &ObjectId, record: Record, version| {
            let difference = difference(id, &record, version, &client, &position)?;
            Some((bytes_of(&difference), difference))
        };
        let (differences, next) = self
            .walk_log(&id, LogPlace::after(after), limit, seen)
            .await?;
        let next = match next {
            Some(version) => Some(version.to_string()),
            None if self.document(&id).held_count(&client).await? > 0 => Some(format!("{HELD}0")),
            None => None,
        };
        Ok(Some(DifferencePage { differences, next }))
    }

    /// Compares part of what the client's searches have found with what the server knows.
    async fn held_differences(
        &self,
        client: &ClientId,
        id: &DocumentId,
        place: u64,
    ) -> Result<DifferencePage, SyncError> {
        let document = self.document(id);
        let HeldPart { objects, next } = document.held(client, &place.to_string()).await?;
        let ids: Vec<ObjectId> = objects.keys().cloned().collect();
        let mut known = Vec::with_capacity(ids.len());
        while let Some(left) = ids.get(known.len()..).filter(|left| !left.is_empty()) {
            // As many as are not too large together, but always one.
            known.extend(document.records(left).await?);
        }
        let differences = objects.into_iter().zip(known);
        let differences = differences.filter_map(|((id, held), known)| {
            let known = known.filter(|(record, _)| record.is_alive());
            held_difference(id, &held, known)
        });
        Ok(DifferencePage {
            differences: differences.collect(),
            next: next.map(|next| format!("{HELD}{next}")),
        })
    }
}

/// What a client whose cursor is below `version` lacks of an object, or has too much.
fn difference(
    id: &ObjectId,
    record: &Record,
    version: Version,
    client: &ClientId,
    position: &Position,
) -> Option<ObjectDifference> {
    let leaves = position.state == CursorState::Leaving;
    let (kind, attributes) = if leaves {
        (DifferenceKind::Surplus, record.every_attribute())
    } else {
        let news = record.news_for(
            Reader {
                client,
                base: position.base,
                since: position.since,
            },
            version,
        );
        let has_some = news.insert.len() < record.attributes.len() || !news.delete.is_empty();
        let kind = match record.is_alive() {
            false => DifferenceKind::Surplus,
            true if has_some => DifferenceKind::Outdated,
            true => DifferenceKind::Missing,
        };
        let names: BTreeSet<String> = news.insert.into_keys().chain(news.delete).collect();
        (kind, names.into_iter().collect())
    };
    (!attributes.is_empty()).then(|| ObjectDifference {
        id: id.as_str().to_owned(),
        difference: kind,
        version: Some(version.0),
        attributes,
    })
}

/// How what a client holds alone differs from what the server knows.
fn held_difference(
    id: ObjectId,
    held: &Attributes,
    known: Option<(Record, Version)>,
) -> Option<ObjectDifference> {
    let (kind, version, attributes) = match known {
        None => {
            let names: Vec<String> = held.keys().cloned().collect();
            (DifferenceKind::Surplus, None, names)
        }
        Some((record, version)) => {
            let differs = |name: &&String| held.get(*name) != record.attributes.get(*name);
            let names = held.keys().filter(differs).cloned().collect();
            (DifferenceKind::Outdated, Some(version.0), names)
        }
    };
    (!attributes.is_empty()).then(|| ObjectDifference {
        id: id.into_string(),
        difference: kind,
        version,
        attributes,
    })
}

fn bytes_of(difference: &ObjectDifference) -> usize {
    let names = difference.attributes.iter().map(String::len);
    difference.id.len() + names.sum::<usize>()
}
