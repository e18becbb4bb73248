//! Files of devices: taken in, handed out, and collected when nobody refers to them.

use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use futures_util::try_join;

use crate::account::Session;
use crate::blob::{
    BLOB_SUFFIX, Blob, BlobError, UPLOAD_LIFETIME_MS, Upload, Uploader, address, blob_at, blobs_of,
    discard,
};
use crate::engine::{Engine, SyncError};
use crate::ids::{AttributeName, BlobId, DocumentId, Millis, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{
    BlobRecord, Blobs, Holder, Operation, OperationKind, Operations, Place, Settled, Settling,
};

/// How long a blob is kept that nobody refers to, in milliseconds. Much longer than anything takes that is about to.
const GRACE_MS: u64 = 86_400_000;

/// How long after its time the content at a place is removed, in milliseconds: clocks differ.
const REMOVAL_MARGIN_MS: u64 = 60_000;

/// Blobs, and places, that one collection looks at.
const COLLECTED_AT_ONCE: usize = 100;

/// Requests collect by the way, but not more often than this, in milliseconds.
const COLLECT_EVERY_MS: u64 = 60_000;

/// Times an upload is settled anew because a blob it counted on was just collected.
const MAX_SETTLINGS: usize = 5;

/// Files that came with a push.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files<'a> {
    /// The files.
    pub uploads: &'a [Upload],
    /// The server's address as the device knows it.
    pub base_url: &'a str,
}

/// Who wants to read a blob.
#[derive(Debug, Clone, Copy)]
pub enum BlobReader<'a> {
    /// A user, who may read what the own objects refer to.
    User(&'a Session),
    /// The administrator, who may read everything.
    Administrator,
}

/// Opens blobs by the addresses that stand in objects.
#[async_trait(?Send)]
pub trait BlobOpener {
    /// Opens the blob at an address; `None` for an address that is none of this server's blobs.
    ///
    /// # Errors
    /// The store's.
    async fn open_blob_at(&self, address: &str) -> Result<Option<Blob>, BlobError>;
}

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

impl<P: Ports> Engine<P> {
    /// Takes in the files of a request, for a session that is good.
    ///
    /// # Errors
    /// [`SyncError::NotAuthenticated`], and the store's.
    pub async fn uploader(&self, session: &Session) -> Result<Uploader<P>, SyncError> {
        self.check_session(session).await?;
        let settings = &self.settings.blobs;
        Ok(Uploader::new(
            Rc::clone(&self.ports),
            session.user.clone(),
            settings.max_bytes,
            settings.quota_bytes,
        ))
    }

    /// Removes the uploads of a request that is over, but for those that have become blobs; then collects, if it is time.
    pub async fn end_uploads(&self, session: &Session, uploads: &[Upload]) {
        discard(self.ports.as_ref(), &session.user, uploads).await;
        let collected = async {
            if self.blobs().take_turn(COLLECT_EVERY_MS).await? {
                self.collect_blobs().await?;
            }
            Ok::<(), SyncError>(())
        };
        if let Err(error) = collected.await {
            tracing::warn!(%error, "blobs could not be collected");
        }
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// [`SyncError::UnknownBlob`] for a blob that is not there or that the reader may not read,
    /// [`SyncError::NotAuthenticated`], and the store's.
    pub async fn open_blob(
        &self,
        reader: BlobReader<'_>,
        blob: &BlobId,
    ) -> Result<Blob, SyncError> {
        let store = self.blobs();
        let record = match reader {
            BlobReader::Administrator => store.get(blob).await?,
            BlobReader::User(session) => {
                let sources = self.sources(None).await?;
                let documents: Vec<DocumentId> = sources
                    .iter()
                    .map(|source| {
                        source
                            .settings
                            .partition
                            .document(&source.name, &session.user)
                    })
                    .collect();
                let found = async { Ok(store.get_held(blob, &documents).await?) };
                let ((), found) = try_join!(self.check_session(session), found)?;
                match found {
                    None => None,
                    Some((record, held)) => {
                        let documents: Vec<_> = held.iter().map(|id| self.document(id)).collect();
                        let asked = documents.iter().map(|document| document.refers_to(blob));
                        let refers = try_join_all(asked).await?;
                        refers.contains(&true).then_some(record)
                    }
                }
            }
        };
        match record {
            Some(record) => Ok(self.opened(blob, record)?),
            None => Err(SyncError::UnknownBlob),
        }
    }

    fn opened(&self, blob: &BlobId, record: BlobRecord) -> Result<Blob, BlobError> {
        let BlobRecord {
            size,
            content_type,
            place,
        } = record;
        let (store, key) = self.contents.at(&place)?;
        Ok(Blob {
            id: blob.clone(),
            size,
            content_type,
            store: Rc::clone(store),
            key: key.to_owned(),
        })
    }

    fn blobs(&self) -> Blobs<'_, P::Redis> {
        Blobs::new(self.ports.redis())
    }

    /// Gives each operation the addresses of its files.
    pub(super) fn attach_files(
        &self,
        operations: &mut [Operation],
        blob_fields: &[String],
        files: Files<'_>,
    ) -> Result<(), SyncError> {
        for operation in &mut *operations {
            // Such an attribute lets its document's users read the blob: only the server may write it.
            operation
                .attributes
                .retain(|name, value| !(name.ends_with(BLOB_SUFFIX) && blob_at(value).is_some()));
        }
        let settings = &self.settings.blobs;
        let base = settings.public_url.as_deref().unwrap_or(files.base_url);
        for upload in files.uploads {
            let (operation, attribute) = place_of(&upload.part, operations, blob_fields)?;
            let attribute = AttributeName::parse(attribute)?.into_string();
            let url = address(base, &upload.blob, &upload.file_name);
            let attributes = &mut operation.attributes;
            attributes
                .entry(attribute.clone())
                .or_insert_with(|| upload.file_name.clone());
            attributes.insert(format!("{attribute}{BLOB_SUFFIX}"), url);
        }
        Ok(())
    }

    /// Makes uploads blobs, so that operations may refer to them.
    pub(super) async fn settle(&self, user: &UserId, uploads: &[Upload]) -> Result<(), SyncError> {
        if uploads.is_empty() {
            return Ok(());
        }
        let by_digest: BTreeMap<&BlobId, &Upload> = uploads
            .iter()
            .map(|upload| (&upload.blob, upload))
            .collect();
        let store = self.blobs();
        for _ in 0..MAX_SETTLINGS {
            let mut settling = Vec::with_capacity(by_digest.len());
            for (blob, upload) in &by_digest {
                let place = if store.get(blob).await?.is_some() {
                    None
                } else {
                    Some(self.keep(upload).await?)
                };
                settling.push(Settling {
                    blob,
                    size: upload.size,
                    content_type: &upload.content_type,
                    place,
                });
            }
            let now = self.ports.clock().now();
            let quota_bytes = self.settings.blobs.quota_bytes;
            let settled = store
                .settle(user, quota_bytes, now, now.plus(GRACE_MS), &settling)
                .await?;
            match settled {
                Settled::Done => return Ok(()),
                Settled::Full => return Err(SyncError::QuotaExceeded { quota_bytes }),
                Settled::Expired => return Err(SyncError::UploadExpired),
                Settled::Missing => {}
            }
        }
        Err(SyncError::Busy)
    }

    /// Brings the content of an upload to where contents are kept. Until it is a blob's, its removal is planned.
    async fn keep(&self, upload: &Upload) -> Result<Place, SyncError> {
        let now = self.ports.clock().now();
        if now >= upload.expires {
            return Err(SyncError::UploadExpired);
        }
        let place = self.contents.place_for(&upload.key);
        let (contents, key) = self.contents.at(&place)?;
        let removal = now.plus(UPLOAD_LIFETIME_MS);
        self.blobs().plan_removal(&place, removal).await?;
        contents.keep(key, upload.size).await?;
        Ok(place)
    }

    /// Says that a client's operations are about to refer to blobs.
    pub(super) async fn announce(
        &self,
        holder: Holder,
        uploads: &[Upload],
    ) -> Result<(), SyncError> {
        let blobs = uploads.iter().map(|upload| &upload.blob);
        Ok(self.blobs().refer(&holder, blobs).await?)
    }

    /// Removes blobs nobody refers to, and contents that never became a blob's: some at a time.
    ///
    /// Interrupted anywhere, the next collection goes on.
    ///
    /// # Errors
    /// The store's.
    pub async fn collect_blobs(&self) -> Result<CollectedBlobs, SyncError> {
        let (store, now) = (self.blobs(), self.ports.clock().now());
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

    async fn remove_content(&self, place: &Place) -> Result<(), BlobError> {
        let (contents, key) = self.contents.at(place)?;
        contents.delete(key).await
    }

    /// Looks whether anybody refers to a blob, and removes it if nobody has for a while.
    async fn collect_blob(&self, blob: &BlobId) -> Result<bool, SyncError> {
        let (store, now) = (self.blobs(), self.ports.clock().now());
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
    async fn refers(&self, holder: &Holder, blob: &BlobId) -> Result<bool, SyncError> {
        match holder {
            Holder::Document(id) => Ok(self.document(id).refers_to(blob).await?),
            Holder::Operations(id, client) => {
                let document = self.document(id);
                let waiting = Operations::new(&document, client).waiting().await?;
                Ok(waiting
                    .iter()
                    .any(|(_, operation)| blobs_of(&operation.attributes).contains(blob)))
            }
        }
    }

    /// Bytes of blobs charged to a user.
    ///
    /// # Errors
    /// A name that cannot be one, and the store's.
    pub async fn blob_bytes(&self, user: &str) -> Result<u64, SyncError> {
        let user = UserId::parse(user)?;
        Ok(self.blobs().charged(&user).await?)
    }
}

#[async_trait(?Send)]
impl<P: Ports> BlobOpener for Engine<P> {
    async fn open_blob_at(&self, address: &str) -> Result<Option<Blob>, BlobError> {
        let Some(blob) = blob_at(address) else {
            return Ok(None);
        };
        let record = self.blobs().get(&blob).await?;
        record.map(|record| self.opened(&blob, record)).transpose()
    }
}

/// The operation a part `<attribute>-<object id>` belongs to, and the attribute.
///
/// Both may contain dashes, so it is the operations that tell: one of them has the object's id and the attribute.
fn place_of<'a>(
    part: &str,
    operations: &'a mut [Operation],
    blob_fields: &[String],
) -> Result<(&'a mut Operation, String), SyncError> {
    let misplaced = || SyncError::MisplacedFile {
        part: part.to_owned(),
    };
    let mut found: Option<(usize, String)> = None;
    for (place, operation) in operations.iter().enumerate() {
        let Some(attribute) = part
            .strip_suffix(operation.id.as_str())
            .and_then(|rest| rest.strip_suffix('-'))
        else {
            continue;
        };
        let is_field = blob_fields.iter().any(|field| field == attribute)
            || operation.attributes.contains_key(attribute);
        if !is_field || operation.kind == OperationKind::Delete {
            continue;
        }
        match &found {
            None => found = Some((place, attribute.to_owned())),
            // The same object a second time: the create it begins with has the file.
            Some((_, known)) if known == attribute => {}
            Some(_) => return Err(misplaced()),
        }
    }
    let (place, attribute) = found.ok_or_else(misplaced)?;
    let operation = operations.get_mut(place).ok_or_else(misplaced)?;
    Ok((operation, attribute))
}
