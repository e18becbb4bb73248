//! A device that begins is told of an image, or one is made for those who come later.

use sync_proto::sync::{ImageOffer, Line};

use crate::engine::images::{QUEUE, Worth, worth};
use crate::engine::{Engine, SyncError};
use crate::jobs::image_job;
use crate::model::{DocumentId, Image, ImageForm, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{Head, document_name};

/// Where images are, below the server's address.
const PATH: &str = "/sync/v1/images/";

/// An image that a device is told of.
pub(in crate::engine) struct NamedImage {
    image: Image,
    /// What the device goes on from when it has it.
    cursor: String,
}

impl NamedImage {
    pub(in crate::engine) fn new(image: Image, cursor: String) -> Self {
        Self { image, cursor }
    }

    pub(in crate::engine) fn into_line(self, source: String) -> Line {
        let Image {
            id,
            form,
            bytes,
            digest,
            ..
        } = self.image;
        Line::Image {
            source,
            image: ImageOffer {
                url: format!("{PATH}{id}"),
                form: form.as_str().to_owned(),
                bytes,
                sha256: digest.to_string(),
                cursor: self.cursor,
            },
        }
    }
}

impl<P: Ports> Engine<P> {
    /// The image with which a device begins that has nothing of a document, and reads these forms. Where there is none that will do,
    /// one is made for those who come later, of the form that the device likes best: nobody waits for it.
    pub(in crate::engine) async fn image_to_begin_with(
        &self,
        user: &UserId,
        document: &DocumentId,
        head: &Head,
        forms: &[ImageForm],
    ) -> Result<Option<Image>, SyncError> {
        let least = self.settings.image_objects;
        // A part of a source is on few devices, and ends with the last.
        let is_worth_one = least > 0 && head.live >= least && !document.partition.is_narrowed();
        let Some(best) = forms.first().filter(|_| is_worth_one) else {
            return Ok(None);
        };
        let now = self.ports.clock().now();
        let mut aged = None;
        for form in forms {
            let image = self.images().of(document, *form).await?;
            match image.as_ref().map(|image| worth(image, head, now)) {
                Some(Worth::Good) => return Ok(image),
                Some(Worth::Aged) => aged = aged.or(image),
                Some(Worth::None) | None => {}
            }
        }
        if self.is_shared(document).await? {
            let job = image_job(QUEUE, &document_name(document), *best, user);
            self.enqueue_own_once(&job).await?;
        }
        Ok(aged)
    }

    /// Whether more than the device that begins now may begin with it: most users' own copies are on one device.
    async fn is_shared(&self, document: &DocumentId) -> Result<bool, SyncError> {
        match document.partition.owner() {
            None => Ok(true),
            Some(_) => Ok(self.document(document).client_count().await? > 0),
        }
    }
}
