//! Files of devices with our own library: they come up before the change that refers to them, and go down to whoever has the object.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use sync_proto::sync::Line;

use crate::account::DeviceSession;
use crate::blob::{Blob, BlobError, BlobPart, PartUpload};
use crate::engine::device_sync::changes::refused;
use crate::engine::{Engine, SyncError};
use crate::model::{BlobId, DocumentId, Operation, blobs_of};
use crate::ports::Ports;
use crate::store::Holder;

impl<P: Ports> Engine<P> {
    /// Takes in a part of a file that a device brings.
    ///
    /// # Errors
    /// A session that has ended, a file that is too large or does not fit, and the store's.
    pub async fn begin_blob_part(
        &self,
        session: &DeviceSession,
        part: BlobPart,
    ) -> Result<PartUpload<'_, P>, SyncError> {
        self.accounts.check_device(session).await?;
        Ok(self.blobs.begin_part(session.user(), part).await?)
    }

    /// Opens a file for a device: one that the user has put there, or that an object refers to which the user has.
    ///
    /// # Errors
    /// [`BlobError::Unknown`], a session that has ended, and the store's.
    pub async fn open_device_blob(
        &self,
        session: &DeviceSession,
        blob: &BlobId,
    ) -> Result<Blob, SyncError> {
        self.accounts.check_device(session).await?;
        self.open_for(session, blob).await
    }

    async fn open_for(&self, session: &DeviceSession, blob: &BlobId) -> Result<Blob, SyncError> {
        let user = session.user();
        if self.blobs.is_put_by(user, blob).await? {
            return Ok(self.blobs.open(blob).await?);
        }
        let mut documents = self.documents_of(user).await?;
        let record = self.client_record(session.client()).await?;
        let followed = record.bound_documents();
        documents.extend(followed.filter(|it| it.partition.is_narrowed() && record.user == *user));
        Ok(self.blobs.open_of(&documents, blob).await?)
    }

    /// Says that a device's changes refer to files, and gives them the files' addresses at this server. Takes out those that refer to
    /// files which are not there for the user, with what the device is told of them.
    pub(super) async fn attach_blobs(
        &self,
        session: &DeviceSession,
        document: &DocumentId,
        operations: &mut Vec<Operation>,
        base_url: &str,
    ) -> Result<Vec<Line>, SyncError> {
        let blobs: BTreeSet<BlobId> = operations
            .iter()
            .flat_map(|operation| blobs_of(&operation.attributes))
            .collect();
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let may = try_join_all(blobs.iter().map(|blob| self.may_refer(session, blob)));
        let may: BTreeSet<BlobId> = blobs
            .iter()
            .zip(may.await?)
            .filter(|(_, may)| *may)
            .map(|(blob, _)| blob.clone())
            .collect();
        let holder = Holder::Operations(document.clone(), session.client().clone());
        self.blobs.announce(&holder, &may).await?;
        // The collector may have been faster than the announcement.
        let there = try_join_all(may.iter().map(|blob| self.blobs.is_there(blob))).await?;
        let there: BTreeSet<&BlobId> = may
            .iter()
            .zip(there)
            .filter(|(_, is_there)| *is_there)
            .map(|(blob, _)| blob)
            .collect();
        let mut lines = Vec::new();
        operations.retain_mut(|operation| {
            let wanted = blobs_of(&operation.attributes);
            if let Some(missing) = wanted.iter().find(|blob| !there.contains(blob)) {
                let name = operation.sent_as.as_ref().map_or("", |name| name.as_str());
                let message = format!("the file {missing} is not there; bring it first");
                lines.push(refused(name.to_owned(), "unknown_blob", &message));
                return false;
            }
            self.blobs.readdress(&mut operation.attributes, base_url);
            true
        });
        Ok(lines)
    }

    async fn may_refer(&self, session: &DeviceSession, blob: &BlobId) -> Result<bool, SyncError> {
        match self.open_for(session, blob).await {
            Ok(_) => Ok(true),
            Err(SyncError::Blob(BlobError::Unknown)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
