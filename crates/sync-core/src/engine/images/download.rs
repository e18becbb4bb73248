//! A device downloads an image.

use crate::account::DeviceSession;
use crate::blob::{Blob, BlobError};
use crate::engine::{Engine, SyncError};
use crate::model::ImageId;
use crate::ports::Ports;
use crate::store::{Place, document_name};

impl<P: Ports> Engine<P> {
    /// Opens an image: for devices of users who share the copy that it is of, as it is now.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] for an image that is not there, not there any more, or of a copy that the user does not share;
    /// a session that has ended, and the store's.
    pub async fn open_image(&self, session: &DeviceSession, id: &str) -> Result<Blob, SyncError> {
        self.accounts.check_device(session).await?;
        let unknown = SyncError::from(BlobError::Unknown);
        let id = ImageId::parse(id).map_err(|_| unknown.clone())?;
        let image = self.images().get(&id).await?;
        let image = image.ok_or_else(|| unknown.clone())?;
        let (name, _) = image.document.split_once(' ').unwrap_or_default();
        let found = match self.source(name).await {
            Err(SyncError::UnknownSource { .. }) => return Err(unknown),
            found => found?,
        };
        let document = self.document_for(found.as_source(), session.user()).await?;
        if document_name(&document) != image.document {
            return Err(unknown);
        }
        // A copy that was removed and has come to be again is another, and may be anybody's.
        let head = self.document(&document).head().await?;
        if head.life.as_ref() != Some(&image.life) {
            return Err(unknown);
        }
        let place = Place::parse(&image.place)?;
        let opened = self.blobs.open_place(&place, image.digest, image.bytes);
        Ok(opened.map_err(BlobError::from)?)
    }
}
