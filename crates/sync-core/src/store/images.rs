//! Images: which there are, and which of them is a document's.

use crate::model::{DocumentId, Image, ImageForm, ImageId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::{parse_stored, to_stored};
use crate::store::redis::keys;
use crate::store::redis::keys::DocumentKeys;
use crate::store::redis::script::{Reply, args};

/// Images of this store.
pub(crate) struct Images<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> Images<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// The image of a form that devices are told of which begin with a document.
    pub(crate) async fn of(
        &self,
        document: &DocumentId,
        form: ImageForm,
    ) -> Result<Option<Image>, StoreError> {
        let key = DocumentKeys::new(document).image(form);
        let command = args!["GET", key];
        read(&mut Reply::new("GET", self.redis.run(command).await?))
    }

    /// An image, whether devices are still told of it or not.
    pub(crate) async fn get(&self, id: &ImageId) -> Result<Option<Image>, StoreError> {
        let command = args!["GET", keys::image(id)];
        read(&mut Reply::new("GET", self.redis.run(command).await?))
    }

    /// Keeps an image for so long, and lets it be the document's of its form. Answers the one it takes the place of.
    pub(crate) async fn put(
        &self,
        document: &DocumentId,
        image: &Image,
        lifetime_ms: u64,
    ) -> Result<Option<Image>, StoreError> {
        let stored = to_stored(image)?;
        // Whoever is told of it finds it.
        let command = args![
            "SET",
            keys::image(&image.id),
            stored.clone(),
            "PX",
            lifetime_ms
        ];
        self.redis.run(command).await?;
        let key = DocumentKeys::new(document).image(image.form);
        let command = args!["SET", key, stored, "PX", lifetime_ms, "GET"];
        read(&mut Reply::new("SET", self.redis.run(command).await?))
    }

    /// Keeps an image for so long and no longer.
    pub(crate) async fn shorten(&self, id: &ImageId, lifetime_ms: u64) -> Result<(), StoreError> {
        let command = args!["PEXPIRE", keys::image(id), lifetime_ms];
        self.redis.run(command).await?;
        Ok(())
    }
}

fn read(reply: &mut Reply) -> Result<Option<Image>, StoreError> {
    let stored = reply.bytes()?;
    stored
        .map(|json| parse_stored("an image", &json))
        .transpose()
}
