//! What a client has found by searching and holds alone.
//!
//! It stays with the client until the next query of the back end, which knows better: then what the query does not have goes,
//! as it always did. Others never hear of it.

use std::collections::BTreeMap;

use crate::engine::{Engine, SyncError};
use crate::model::{Attributes, ClientId, DocumentId, ObjectId, OutboxItem, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{CHUNK, Commit, CommitMode};

/// Why a client no longer holds alone what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetGo {
    /// The document knows better.
    Outdated,
    /// The client leaves the document: it has to drop everything.
    Leaving,
}

impl<P: Ports> Engine<P> {
    /// Notes what a search has given a client that its document has not, or not so. `most` objects at most: what earlier
    /// searches have found makes room.
    pub(super) async fn hold_found(
        &self,
        client: &ClientId,
        user: &UserId,
        id: &DocumentId,
        objects: &BTreeMap<ObjectId, Attributes>,
        most: usize,
    ) -> Result<(), SyncError> {
        let document = self.document(id);
        let mut differing = Vec::new();
        let ids: Vec<ObjectId> = objects.keys().cloned().collect();
        for chunk in ids.chunks(CHUNK) {
            for (id, known) in chunk.iter().zip(document.records(chunk).await?) {
                let Some(found) = objects.get(id) else {
                    continue;
                };
                let is_known = known.is_some_and(|(record, _)| has_all(&record.attributes, found));
                if !is_known {
                    differing.push((id, found));
                }
            }
        }
        if differing.is_empty() {
            return Ok(());
        }
        let held = document.held_count(client).await?;
        if held.saturating_add(differing.len() as u64) > most as u64 {
            self.let_go(client, user, id, LetGo::Outdated).await?;
        }
        let now = self.ports.clock().now();
        Ok(document.hold(client, now, &differing).await?)
    }

    /// Ends what a client holds alone, and tells it where it has something else than its document.
    ///
    /// Interrupted, it can be repeated: what was told is told again.
    pub(super) async fn let_go(
        &self,
        client: &ClientId,
        user: &UserId,
        id: &DocumentId,
        why: LetGo,
    ) -> Result<(), SyncError> {
        let document = self.document(id);
        let mut position = "0".to_owned();
        loop {
            let part = document.held(client, &position).await?;
            let ids: Vec<ObjectId> = part.objects.keys().cloned().collect();
            let records = document.records(&ids).await?;
            let mut items = Vec::new();
            for ((id, held), known) in part.objects.iter().zip(records) {
                let attributes = held.keys().cloned().collect();
                let id = id.clone();
                match why {
                    LetGo::Leaving => items.push(OutboxItem::Drop { id, attributes }),
                    LetGo::Outdated => {
                        let is_known =
                            known.is_some_and(|(record, _)| has_all(&record.attributes, held));
                        if !is_known {
                            items.push(OutboxItem::Restate { id, attributes });
                        }
                    }
                }
            }
            if !items.is_empty() {
                let commit = Commit {
                    mode: CommitMode::Write,
                    changes: &[],
                    client: Some(client),
                    told: Some((user, &items)),
                    ends: None,
                };
                document.commit(commit).await?;
            }
            document.let_go(client, ids.iter()).await?;
            match part.next {
                Some(next) => position = next,
                None => break,
            }
        }
        Ok(document.let_all_go(client).await?)
    }
}

fn has_all(attributes: &Attributes, wanted: &Attributes) -> bool {
    let mut wanted = wanted.iter();
    wanted.all(|(name, value)| attributes.get(name) == Some(value))
}
