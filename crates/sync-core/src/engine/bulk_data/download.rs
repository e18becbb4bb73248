//! A device downloads a bulk data file.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::LocalBoxStream;

use crate::blob::{Blob, BlobError, ContentError};
use crate::engine::bulk_data::BulkForm;
use crate::engine::bulk_data::{EXTENSION, file_name};
use crate::engine::{BlobReader, Engine, SyncError};
use crate::model::{BlobId, BulkContent, BulkFile, Partition, SelectionId};
use crate::ports::Ports;
use crate::store::Place;

/// A file that may be downloaded, in one of its forms.
#[derive(Debug, Clone)]
pub struct BulkDownload {
    /// In which form.
    pub form: BulkForm,
    name: String,
    content: BulkContent,
    deflated: Blob,
}

impl BulkDownload {
    /// How long it is, in bytes.
    pub fn size(&self) -> u64 {
        self.form.size(&self.content, &self.name)
    }

    /// What tells it from every other file, and from its other forms.
    pub fn tag(&self) -> String {
        format!("{}{}", self.deflated.id, self.form.suffix())
    }

    /// Reads a range of it piece by piece.
    pub fn read(&self, range: Range<u64>) -> LocalBoxStream<'static, Result<Bytes, ContentError>> {
        let range = range.start..range.end.min(self.size());
        self.form
            .read(&self.content, &self.name, &self.deflated, range)
    }
}

impl<P: Ports> Engine<P> {
    /// Opens a file. `name` is the last part of its address, which says in which form it is wanted.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] for a file that is not there, not there any more, or whose copies are another user's;
    /// a session that is not good, and the store's.
    pub async fn open_bulk_data(
        &self,
        reader: BlobReader<'_>,
        selection: &str,
        name: &str,
    ) -> Result<BulkDownload, SyncError> {
        if let BlobReader::User(session) = reader {
            self.accounts.check_session(session).await?;
        }
        let unknown = SyncError::from(BlobError::Unknown);
        let selection = SelectionId::parse(selection).map_err(|_| unknown.clone())?;
        let (form, file) = parse_name(name).ok_or_else(|| unknown.clone())?;
        let entry = self.bulk_data().file(&selection, &file).await?;
        let BulkFile {
            owner,
            place,
            content,
        } = entry.ok_or_else(|| unknown.clone())?;
        let may_read = match (reader, Partition::from_stored(&owner)) {
            (BlobReader::Administrator, _) | (_, Some(Partition::App)) => true,
            (BlobReader::User(session), Some(Partition::User(user))) => session.user == user,
            (
                BlobReader::User(_),
                None | Some(Partition::Named(_) | Partition::Narrowed(..) | Partition::Combined(_)),
            ) => false,
        };
        if !may_read {
            return Err(unknown);
        }
        let place = Place::parse(&place)?;
        Ok(BulkDownload {
            form,
            name: file_name(&file),
            deflated: self
                .blobs
                .open_place(&place, file, content.deflated_size())
                .map_err(BlobError::from)?,
            content,
        })
    }
}

/// Which file, and in which form.
fn parse_name(name: &str) -> Option<(BulkForm, BlobId)> {
    BulkForm::ALL.into_iter().find_map(|form| {
        let name = name.strip_suffix(form.suffix())?.strip_suffix(EXTENSION)?;
        Some((form, BlobId::parse(name).ok()?))
    })
}
