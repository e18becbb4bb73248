//! A job makes an image of what would be the lines of a sync that brings everything, without cursors.

use std::collections::{BTreeMap, VecDeque};

use serde_json::value::RawValue;
use sync_proto::sync::SourceNews;

use crate::engine::bulk_data::{BulkObjects, BulkScan, BulkStep, BulkWriter, Reading};
use crate::engine::images::{DOWNLOAD_MS, ENTRY_MARGIN_MS, NAMED_MS, Worth, worth};
use crate::engine::{Engine, SyncError};
use crate::model::{AttributeTypes, DocumentId, Image, ImageForm, ImageId, fields};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{Aspect, Place, document_name, named_document};

/// How the making of an image begins.
pub enum ImageBegin<'a, P> {
    /// There is one that will do, or the document has no use for one any more.
    NotNeeded,
    /// It is to be made of this.
    Now(Box<ImageScan<'a, P>>),
}

/// What a document is described by, while an image is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Described {
    metadata: Option<String>,
    schema: Option<String>,
}

/// Reads a document line by line.
pub struct ImageScan<'a, P> {
    scan: BulkScan<'a, P>,
    document: DocumentId,
    form: ImageForm,
    described: Described,
    types: AttributeTypes,
    waiting: VecDeque<SourceNews>,
    catches_up: bool,
    has_ended: bool,
}

impl<P: Ports> ImageScan<'_, P> {
    /// The next line; `None` after the last. The first has what the source is described by. Objects that a line deletes may have come
    /// before, and may come again in the next.
    ///
    /// # Errors
    /// The store's.
    pub async fn next(&mut self) -> Result<Option<SourceNews>, SyncError> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Ok(Some(line));
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.scan.next().await? {
                BulkStep::Objects { objects, .. } => self.add(objects),
                BulkStep::CatchUp => self.catches_up = true,
                BulkStep::End => {
                    self.has_ended = true;
                    let end = self.line();
                    self.waiting.push_back(SourceNews { more: false, ..end });
                }
            }
        }
    }

    fn add(&mut self, objects: BulkObjects) {
        if self.catches_up {
            // They may have come before, with attributes that they do not have any more.
            let deleted = objects.iter().map(|(id, _)| id.to_string());
            let deleted = deleted.collect();
            let line = self.line();
            self.waiting.push_back(SourceNews { deleted, ..line });
        }
        let objects: BTreeMap<_, _> = objects
            .into_iter()
            .filter_map(|(id, attributes)| {
                let attributes = attributes?;
                Some((id.to_string(), fields(&self.types, attributes)))
            })
            .collect();
        if !objects.is_empty() {
            let line = self.line();
            self.waiting.push_back(SourceNews { objects, ..line });
        }
    }

    /// A line with nothing on it.
    fn line(&self) -> SourceNews {
        SourceNews {
            source: self.document.source.to_string(),
            more: true,
            ..SourceNews::default()
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Begins to make an image of the document of this name, in this form.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin_image(
        &self,
        document: &str,
        form: ImageForm,
    ) -> Result<ImageBegin<'_, P>, SyncError> {
        let least = self.settings.image_objects;
        let Some(id) = named_document(document) else {
            return Ok(ImageBegin::NotNeeded);
        };
        let document = self.document(&id);
        let head = document.head().await?;
        let now = self.ports.clock().now();
        let made = self.images().of(&id, form).await?;
        let will_do = |image: &Image| worth(image, &head, now) == Worth::Good;
        if least == 0 || head.live < least || made.as_ref().is_some_and(will_do) {
            return Ok(ImageBegin::NotNeeded);
        }
        let life = document.life(&self.ports.random().hex::<8>()).await?;
        let described = self.described(&id).await?;
        let until = document.version().await?;
        let reading = Reading::new(0, id.clone(), life, until);
        let mut scan = ImageScan {
            scan: BulkScan::new(self, Vec::new(), vec![reading]),
            types: match &described.schema {
                Some(schema) => AttributeTypes::of_schema(schema),
                None => AttributeTypes::default(),
            },
            document: id,
            form,
            described: described.clone(),
            waiting: VecDeque::new(),
            catches_up: false,
            has_ended: false,
        };
        let Described { metadata, schema } = described;
        let first = SourceNews {
            schema: schema.and_then(|schema| RawValue::from_string(schema).ok()),
            metadata,
            ..scan.line()
        };
        scan.waiting.push_back(first);
        Ok(ImageBegin::Now(Box::new(scan)))
    }

    /// Lets devices begin with what was read to the end. Says how many bytes it has.
    ///
    /// # Errors
    /// [`SyncError::Busy`] if the source has got another schema or other metadata meanwhile: the image is no good then. The S3
    /// store's, and the store's.
    pub async fn keep_image(
        &self,
        scan: &ImageScan<'_, P>,
        content: BulkWriter<P>,
    ) -> Result<u64, SyncError> {
        let pins = scan.scan.pins();
        let pin = pins.into_iter().next().ok_or(SyncError::Busy)?;
        if self.described(&scan.document).await? != scan.described {
            return Err(SyncError::Busy);
        }
        let random = self.ports.random().hex::<{ ImageId::DIGITS / 2 }>();
        let id = ImageId::parse(random).map_err(|_| SyncError::Busy)?;
        let now = self.ports.clock().now();
        let lifetime_ms = NAMED_MS + DOWNLOAD_MS;
        let (bytes, spool) = content.into_spool();
        let until = now.plus(lifetime_ms + ENTRY_MARGIN_MS);
        let (place, digest) = self.blobs.keep_until(spool, until).await?;
        let image = Image {
            id,
            document: document_name(&scan.document),
            form: scan.form,
            life: pin.life,
            version: pin.version,
            place: place.to_string(),
            bytes,
            digest,
            made_at: now,
        };
        let images = self.images();
        if let Some(old) = images.put(&scan.document, &image, lifetime_ms).await? {
            // Devices that have begun with it have a while to get the rest.
            images.shorten(&old.id, DOWNLOAD_MS).await?;
            let until = now.plus(DOWNLOAD_MS + ENTRY_MARGIN_MS);
            let place = Place::parse(&old.place)?;
            self.blobs.keep_no_longer_than(&place, until).await?;
        }
        Ok(bytes)
    }

    async fn described(&self, id: &DocumentId) -> Result<Described, SyncError> {
        let document = self.document(id);
        Ok(Described {
            metadata: document.description(Aspect::Metadata).await?,
            schema: document.description(Aspect::Schema).await?,
        })
    }
}
