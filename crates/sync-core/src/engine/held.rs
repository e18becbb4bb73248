//! What a client has found by searching and holds alone.
//!
//! It stays with the client until the next query of the back end, which knows better: then what the query does not have goes,
//! as it always did. Others never hear of it.

use std::collections::BTreeMap;

use crate::engine::{Engine, SyncError};
use crate::model::{
    Attributes, ClientId, DocumentId, ObjectId, Operation, OperationKind, OutboxItem, UserId,
};
use crate::ports::{Clock as _, Ports};
use crate::store::{CHUNK, Commit, CommitMode, Document};

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
        let differing = self.differing(&document, objects).await?;
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

    /// Those of the objects that the document has not, or not so.
    async fn differing<'a>(
        &self,
        document: &Document<'_, P::Redis>,
        objects: &'a BTreeMap<ObjectId, Attributes>,
    ) -> Result<Vec<(&'a ObjectId, &'a Attributes)>, SyncError> {
        let mut differing = Vec::new();
        let ids: Vec<ObjectId> = objects.keys().cloned().collect();
        let mut objects = objects.iter();
        let mut left = &ids[..];
        while !left.is_empty() {
            // Large ones are fewer than were asked for.
            let records = document.records(left.get(..CHUNK).unwrap_or(left)).await?;
            left = left.get(records.len()..).unwrap_or_default();
            for (known, (id, found)) in records.into_iter().zip(objects.by_ref()) {
                let is_known = known.is_some_and(|(record, _)| has_all(&record.attributes, found));
                if !is_known {
                    differing.push((id, found));
                }
            }
        }
        Ok(differing)
    }

    /// Notes how a device has changed an object that it holds alone. Says whether it does.
    pub(super) async fn change_held(
        &self,
        client: &ClientId,
        id: &DocumentId,
        object: &ObjectId,
        operation: &Operation,
    ) -> Result<bool, SyncError> {
        let document = self.document(id);
        let Some(mut attributes) = document.held_object(client, object).await? else {
            return Ok(false);
        };
        match operation.kind {
            OperationKind::Delete => attributes.clear(),
            _ => attributes.extend(operation.attributes.clone()),
        }
        document.hold_changed(client, object, &attributes).await?;
        Ok(true)
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
            let differing = match why {
                LetGo::Leaving => part.objects.iter().collect(),
                LetGo::Outdated => self.differing(&document, &part.objects).await?,
            };
            let items = differing.into_iter().map(|(id, held)| {
                let (id, attributes) = (id.clone(), held.keys().cloned().collect());
                match why {
                    LetGo::Leaving => OutboxItem::Drop { id, attributes },
                    LetGo::Outdated => OutboxItem::Restate { id, attributes },
                }
            });
            let items: Vec<_> = items.collect();
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
