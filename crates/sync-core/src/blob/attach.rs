//! The files that come with changes become blobs of the objects they belong to.

use std::collections::BTreeMap;

use crate::blob::{BlobError, Blobs, GRACE_MS, UPLOAD_LIFETIME_MS, Upload};
use crate::model::{
    AttributeName, Attributes, BLOB_SUFFIX, BlobId, Operation, OperationKind, UserId, blob_address,
    blob_at, readdressed,
};
use crate::ports::{Clock as _, Ports};
use crate::store::{Holder, NewBlob, Place, Settlement};

/// Times an upload is settled anew because a blob it counted on was just collected.
const MAX_SETTLINGS: usize = 5;

/// Files that came with changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files<'a> {
    /// The files.
    pub uploads: &'a [Upload],
    /// The server's address as the device knows it.
    pub base_url: &'a str,
}

impl<P: Ports> Blobs<P> {
    /// Gives each operation the addresses of its files.
    pub(crate) fn attach_files(
        &self,
        operations: &mut [Operation],
        blob_fields: &[String],
        files: Files<'_>,
    ) -> Result<(), BlobError> {
        for operation in &mut *operations {
            // Such an attribute lets its document's users read the blob: only the server may write it.
            operation
                .attributes
                .retain(|name, value| !(name.ends_with(BLOB_SUFFIX) && blob_at(value).is_some()));
        }
        let base = self.base_url(files.base_url);
        for upload in files.uploads {
            let (operation, attribute) = place_of(&upload.part, operations, blob_fields)?;
            let attribute = AttributeName::parse(attribute)?.into_string();
            let url = blob_address(base, &upload.blob, &upload.file_name);
            let attributes = &mut operation.attributes;
            attributes
                .entry(attribute.clone())
                .or_insert_with(|| upload.file_name.clone());
            attributes.insert(format!("{attribute}{BLOB_SUFFIX}"), url);
        }
        Ok(())
    }

    /// Makes the addresses of blobs those of this server, whatever a device has sent: others download what stands there.
    pub(crate) fn readdress(&self, attributes: &mut Attributes, base_url: &str) {
        let base = self.base_url(base_url);
        for (name, value) in attributes {
            if name.ends_with(BLOB_SUFFIX)
                && let Some(address) = readdressed(base, value)
            {
                *value = address;
            }
        }
    }

    fn base_url<'a>(&'a self, as_sent: &'a str) -> &'a str {
        self.settings.public_url.as_deref().unwrap_or(as_sent)
    }

    /// Makes uploads blobs, so that operations may refer to them.
    pub(crate) async fn settle(&self, user: &UserId, uploads: &[Upload]) -> Result<(), BlobError> {
        if uploads.is_empty() {
            return Ok(());
        }
        let by_digest: BTreeMap<&BlobId, &Upload> = uploads
            .iter()
            .map(|upload| (&upload.blob, upload))
            .collect();
        let store = self.store();
        for _ in 0..MAX_SETTLINGS {
            let mut new = Vec::with_capacity(by_digest.len());
            for (blob, upload) in &by_digest {
                let place = if store.get(blob).await?.is_some() {
                    None
                } else {
                    self.keep(upload).await?
                };
                new.push(NewBlob {
                    blob,
                    size: upload.size,
                    content_type: &upload.content_type,
                    place,
                });
            }
            let now = self.ports.clock().now();
            let quota_bytes = self.settings.quota_bytes;
            let settlement = store
                .settle(user, quota_bytes, now, now.plus(GRACE_MS), &new)
                .await?;
            match settlement {
                Settlement::Done => return Ok(()),
                Settlement::Full => return Err(BlobError::QuotaExceeded { quota_bytes }),
                Settlement::Expired => return Err(BlobError::UploadExpired),
                Settlement::Missing => {}
            }
        }
        Err(BlobError::Busy)
    }

    /// Brings the content of an upload to where contents are kept. Until it is a blob's, its removal is planned. `None` where it is
    /// by now: another request has ended the same upload.
    async fn keep(&self, upload: &Upload) -> Result<Option<Place>, BlobError> {
        let now = self.ports.clock().now();
        if now >= upload.expires {
            return Err(BlobError::UploadExpired);
        }
        let place = self.contents.place_for(&upload.key);
        let (contents, key) = self.contents.at(&place)?;
        let removal = now.plus(UPLOAD_LIFETIME_MS);
        let store = self.store();
        let is_planned = store.plan_removal_of(&upload.blob, &place, removal).await?;
        if !is_planned {
            return Ok(None);
        }
        contents.keep(key, upload.size).await?;
        Ok(Some(place))
    }

    /// Says that a client's operations are about to refer to blobs.
    pub(crate) async fn announce<'a>(
        &self,
        holder: &Holder,
        blobs: impl IntoIterator<Item = &'a BlobId>,
    ) -> Result<(), BlobError> {
        Ok(self.store().refer(holder, blobs).await?)
    }
}

/// The operation a part `<attribute>-<object id>` belongs to, and the attribute.
///
/// Both may contain dashes, so it is the operations that tell: one of them has the object's id and the attribute.
fn place_of<'a>(
    part: &str,
    operations: &'a mut [Operation],
    blob_fields: &[String],
) -> Result<(&'a mut Operation, String), BlobError> {
    let misplaced = || BlobError::MisplacedFile {
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
