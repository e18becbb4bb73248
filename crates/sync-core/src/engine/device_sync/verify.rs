//! A device whose copy has another sum finds out where it differs, and gets that anew.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::join;
use sync_proto::sync::{Line, ObjectFields, SourceNews, SourceParameters};

use crate::account::DeviceSession;
use crate::engine::device_sync::part::check_stated;
use crate::engine::device_sync::{Reading, Sharing};
use crate::engine::{Engine, SyncError};
use crate::model::{
    AttributeTypes, Checksum, DeviceCursor, DocumentId, ObjectId, Record, Version, bytes_of, fields,
};
use crate::ports::Ports;
use crate::store::{CHUNK, LOG_CHUNK, Verifications};

/// Into how many buckets a copy is divided.
const BUCKETS: usize = 256;

/// Most bytes of objects in an answer; a bucket that is begun is brought whole.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// How often a device may have a copy compared, and in how many seconds: each time the whole copy is read. One that needs more to
/// be mended gets the source anew, which is cheaper.
const MOST_OFTEN: (u64, u64) = (10, 60);

/// What a device asks.
#[derive(Debug, Clone, Copy)]
pub struct VerifyRequest<'a> {
    /// The source.
    pub source: &'a str,
    /// What the device narrows it down by.
    pub parameters: &'a BTreeMap<String, String>,
    /// How far the device is.
    pub cursor: &'a str,
    /// The sum of each of its buckets.
    pub buckets: &'a [String],
}

/// A part of the server's copy.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    sum: Checksum,
    bytes: usize,
}

/// What a device gets of one that differs.
#[derive(Default)]
struct Part {
    hashes: BTreeMap<String, String>,
    objects: BTreeMap<String, ObjectFields>,
}

/// The buckets that differ, as far as there is room for what they have.
fn different(ours: &[Bucket], theirs: &[Checksum]) -> BTreeMap<u8, Part> {
    let mut bytes = 0;
    let pairs = (0..=u8::MAX).zip(ours.iter().zip(theirs));
    pairs
        .filter(|(_, (ours, theirs))| ours.sum != **theirs)
        .take_while(|(_, (ours, _))| {
            let is_room = bytes < MOST_BYTES;
            bytes += ours.bytes;
            is_room
        })
        .map(|(bucket, _)| (bucket, Part::default()))
        .collect()
}

impl<P: Ports> Engine<P> {
    /// Compares a device's copy with the server's, bucket by bucket, and brings the buckets that differ, as far as there is room.
    /// `None` where the device has to sync first: copies can be compared only at the same version.
    ///
    /// # Errors
    /// A session that has ended, buckets that are none, and the store's.
    pub async fn verify_copy(
        &self,
        session: &DeviceSession,
        request: VerifyRequest<'_>,
    ) -> Result<Option<Vec<Line>>, SyncError> {
        let VerifyRequest {
            source,
            parameters,
            cursor,
            buckets,
        } = request;
        let parameters = SourceParameters::from([(source.to_owned(), parameters.clone())]);
        check_stated(&parameters)?;
        let theirs: Option<Vec<Checksum>> = buckets.iter().map(|it| Checksum::parse(it)).collect();
        let theirs = theirs
            .filter(|theirs| theirs.len() == BUCKETS)
            .ok_or(SyncError::InvalidBuckets)?;
        self.accounts.check_device(session).await?;
        let reading = self.reading(session, source, Some(cursor), &parameters, None);
        let reading = reading.await?;
        let Ok(Reading {
            document,
            cursor: Some(cursor),
            found,
            ..
        }) = reading
        else {
            return Ok(None);
        };
        let (limit, seconds) = MOST_OFTEN;
        let verifications = Verifications::new(self.ports.redis());
        let (known, times) = join!(
            self.head(&document, Sharing::Fresh),
            verifications.add(session.client(), seconds)
        );
        if times? > limit {
            return Err(SyncError::TooManyVerifications { limit, seconds });
        }
        let head = known?.head;
        let is_same = |life: &Option<String>, version: Version, at: &DeviceCursor| {
            life.as_ref() == Some(&at.life) && version == at.version && at.is_at_end()
        };
        if !is_same(&head.life, head.version, &cursor) {
            return Ok(None);
        }
        let mut ours = vec![Bucket::default(); BUCKETS];
        let all = |_: &ObjectId| true;
        self.each_object(&document, all, |id, record| {
            if let Some(bucket) = ours.get_mut(usize::from(Checksum::bucket(id))) {
                bucket.sum = bucket.sum.plus(Checksum::of(id, &record.attributes));
                bucket.bytes += bytes_of(id, &record.attributes);
            }
        })
        .await?;
        let mut parts = different(&ours, &theirs);
        let schema = self.schema_of(found.as_source(), &document, &head);
        let types = schema.await?.as_deref().map(AttributeTypes::of_schema);
        let types = types.unwrap_or_default();
        let numbers: BTreeSet<u8> = parts.keys().copied().collect();
        let is_in = |id: &ObjectId| numbers.contains(&Checksum::bucket(id));
        self.each_object(&document, is_in, |id, record| {
            if let Some(part) = parts.get_mut(&Checksum::bucket(id)) {
                let hash = Checksum::of(id, &record.attributes);
                part.hashes.insert(id.to_string(), hash.to_string());
                let object = fields(&types, record.attributes);
                part.objects.insert(id.to_string(), object);
            }
        })
        .await?;
        let lines = parts.into_iter().flat_map(|(bucket, part)| {
            let Part { hashes, objects } = part;
            let news = SourceNews {
                source: source.to_owned(),
                objects,
                ..SourceNews::default()
            };
            [Line::Bucket { bucket, hashes }, Line::News(Box::new(news))]
        });
        let lines = lines.collect();
        // What was written meanwhile may be in some buckets and not in others.
        let head = self.head(&document, Sharing::Fresh).await?.head;
        Ok(is_same(&head.life, head.version, &cursor).then_some(lines))
    }

    /// Reads the objects that are wanted, some at a time.
    async fn each_object(
        &self,
        id: &DocumentId,
        is_wanted: impl Fn(&ObjectId) -> bool,
        mut take: impl FnMut(&ObjectId, Record),
    ) -> Result<(), SyncError> {
        let document = self.document(id);
        let mut after = Version::ZERO;
        loop {
            let log = document.log_part(after, LOG_CHUNK).await?;
            let Some((_, last)) = log.last() else {
                return Ok(());
            };
            after = *last;
            let ids: Vec<ObjectId> = log
                .into_iter()
                .map(|(id, _)| id)
                .filter(|id| is_wanted(id))
                .collect();
            let mut left = &ids[..];
            while !left.is_empty() {
                let some = left.get(..CHUNK).unwrap_or(left);
                let records = document.records(some).await?;
                for (id, record) in some.iter().zip(&records) {
                    if let Some((record, _)) = record.clone().filter(|(it, _)| it.is_alive()) {
                        take(id, record);
                    }
                }
                left = left.get(records.len().max(1)..).unwrap_or_default();
            }
            self.pause().await;
        }
    }
}
