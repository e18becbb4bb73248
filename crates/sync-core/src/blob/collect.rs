//! Collects blobs that nobody refers to, and contents that belong to no blob.

use crate::blob::{BlobError, Blobs, ContentError, GRACE_MS, UPLOAD_LIFETIME_MS};
use crate::model::{BlobId, Millis, blobs_of};
use crate::ports::{Clock as _, Ports};
use crate::store::{BlobRecord, Document, Holder, Operations, Place};

/// How long after its time the content at a place is removed, in milliseconds: clocks differ.
const REMOVAL_MARGIN_MS: u64 = 60_000;

/// Blobs, and places, that one collection looks at.
const COLLECTED_AT_ONCE: usize = 100;

/// What a collection of blobs did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CollectedBlobs {
    /// Blobs nobody referred to any more.
    pub blobs: usize,
    /// Contents that were removed.
    pub contents: usize,
    /// Whether there is more to look at now.
    pub has_more: bool,
}

impl<P: Ports> Blobs<P> {
    /// Removes blobs nobody refers to, and contents that never became a blob's: some at a time.
    ///
    /// Interrupted anywhere, the next collection goes on.
    ///
    /// # Errors
    /// The store's.
    pub async fn collect(&self) -> Result<CollectedBlobs, BlobError> {
        let (store, now) = (self.store(), self.ports.clock().now());
        let due = store.due(now, COLLECTED_AT_ONCE).await?;
        let mut collected = CollectedBlobs::default();
        for blob in &due {
            if self.collect_blob(blob).await? {
                collected.blobs += 1;
            }
        }
        let until = Millis(now.0.saturating_sub(REMOVAL_MARGIN_MS));
        let places = store.planned_removals(until, COLLECTED_AT_ONCE).await?;
        for place in &places {
            match self.remove_content(place).await {
                Ok(()) => {
                    store.removed(place).await?;
                    collected.contents += 1;
                }
                Err(error) => {
                    tracing::warn!(%place, %error, "the content of a blob could not be removed");
                    // One store that is away must not keep the others full.
                    store
                        .plan_removal(place, now.plus(UPLOAD_LIFETIME_MS))
                        .await?;
                }
            }
        }
        collected.has_more = due.len().max(places.len()) == COLLECTED_AT_ONCE;
        Ok(collected)
    }

    /// Plans the removal of all contents that are not in Redis: their entries are about to be forgotten.
    pub(crate) async fn let_go_of_contents(&self) -> Result<(), BlobError> {
        let (store, now) = (self.store(), self.ports.clock().now());
        let mut cursor = 0;
        loop {
            let (blobs, next) = store.scan(cursor).await?;
            for blob in &blobs {
                let record = store.get(blob).await?;
                if let Some(BlobRecord { place, .. }) = record
                    && matches!(place, Place::S3(_))
                {
                    store.plan_removal(&place, now).await?;
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    async fn remove_content(&self, place: &Place) -> Result<(), ContentError> {
        let (contents, key) = self.contents.at(place)?;
        contents.delete(key).await
    }

    /// Looks whether anybody refers to a blob, and removes it if nobody has for a while.
    async fn collect_blob(&self, blob: &BlobId) -> Result<bool, BlobError> {
        let (store, now) = (self.store(), self.ports.clock().now());
        let mut not_referring = Vec::new();
        let mut cursor = 0;
        loop {
            let (holders, next) = store.holders(blob, cursor).await?;
            for holder in holders {
                if self.refers(&holder, blob).await? {
                    store.look_again(blob, now.plus(GRACE_MS)).await?;
                    return Ok(false);
                }
                not_referring.push(holder);
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        Ok(store.collect(blob, now, GRACE_MS, &not_referring).await?)
    }

    /// Whether a holder refers to a blob in fact.
    async fn refers(&self, holder: &Holder, blob: &BlobId) -> Result<bool, BlobError> {
        match holder {
            Holder::Document(id) => Ok(Document::new(self.ports.redis(), id)
                .refers_to(blob)
                .await?),
            Holder::Operations(id, client) => {
                let document = Document::new(self.ports.redis(), id);
                let operations = Operations::new(&document, client);
                let mut after = 0;
                loop {
                    let waiting = operations.waiting_after(after).await?;
                    let Some((last, _)) = waiting.last() else {
                        return Ok(false);
                    };
                    after = *last;
                    let mut waiting = waiting.iter().map(|(_, operation)| operation);
                    if waiting.any(|operation| blobs_of(&operation.attributes).contains(blob)) {
                        return Ok(true);
                    }
                }
            }
        }
    }
}
