//! What devices read that keep their cursors themselves.

use crate::model::{Checksum, ClientId, DeviceCursor, Millis, ObjectId, UserId, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::bindings::Continuation;
use crate::store::descriptions::Marks;
use crate::store::document::{Document, SourceError, parse_stored, stored_object_id};
use crate::store::pull::PageLimit;
use crate::store::redis::script::{self, Reply, args};

/// Most places that one script notes.
const PLACES_AT_ONCE: usize = 500;

/// How far a device is that keeps its cursor itself.
#[derive(Debug)]
pub(crate) struct DevicePlace {
    pub(crate) user: UserId,
    /// The cursor that it came with: what it has.
    pub(crate) kept: DeviceCursor,
    /// The version up to which it was sent everything then.
    pub(crate) sent: Version,
    /// Whether that was the end of the log.
    pub(crate) is_end: bool,
}

/// What a document keeps about itself.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) version: Version,
    /// Objects that exist.
    pub(crate) live: u64,
    /// The sum of their hashes, where it is known.
    pub(crate) sum: Option<Checksum>,
    pub(crate) life: Option<String>,
    /// Below it tombstones may be gone.
    pub(crate) floor: Version,
    pub(crate) refreshed_at: Option<Millis>,
    /// When the back end is to be asked next, where that was set; then the last refresh does not count.
    pub(crate) refresh_due: Option<Millis>,
    /// How long the last refresh took, or was waited for, in milliseconds.
    pub(crate) refresh_took: u64,
    pub(crate) source_error: Option<SourceError>,
    pub(crate) described: Marks,
}

/// The fields of a head, as [`Head::read`] reads them; `news.lua` answers the same.
const HEAD_FIELDS: [&str; 11] = [
    "v", "n", "sum", "life", "floor", "at", "due", "took", "err", "metav", "schemav",
];

/// Part of what is new.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) head: Head,
    /// The version it reaches.
    pub(crate) reached: Version,
    pub(crate) changed: Vec<(ObjectId, Version)>,
    /// Their records, if they are so few that the script read them.
    pub(crate) records: Option<Vec<Option<Vec<u8>>>>,
}

/// What became of telling the store where a device is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// It is known. A device that begins starts here.
    Done { life: String, version: Version },
    /// The document is not what the device's cursor says.
    Restored,
    /// Tombstones that the device needs are gone.
    TooOld,
}

impl Head {
    fn read(reply: &mut Reply) -> Result<Self, StoreError> {
        let number = |reply: &mut Reply| {
            let text = reply.text()?.filter(|text| !text.is_empty());
            let number = text.map(|text| text.parse::<u64>());
            Ok::<_, StoreError>(number.and_then(Result::ok).unwrap_or(0))
        };
        let text = |reply: &mut Reply| {
            let text = reply.text()?;
            Ok::<_, StoreError>(text.filter(|text| !text.is_empty()))
        };
        let (version, live) = (Version(number(reply)?), number(reply)?);
        let sum = match text(reply)? {
            Some(sum) => Checksum::parse(&sum),
            // Where there has never been an object, there is nothing to add up.
            None => (live == 0).then(Checksum::default),
        };
        let (life, floor) = (text(reply)?, Version(number(reply)?));
        let time = |reply: &mut Reply| {
            let at = Millis(number(reply)?);
            Ok::<_, StoreError>(Some(at).filter(|at| at.0 > 0))
        };
        let (refreshed_at, refresh_due) = (time(reply)?, time(reply)?);
        let refresh_took = time(reply)?.map_or(0, |took| took.0);
        let source_error = text(reply)?
            .map(|json| parse_stored("a source error", json.as_bytes()))
            .transpose()?;
        Ok(Self {
            version,
            live,
            sum,
            life,
            floor,
            refreshed_at,
            refresh_due,
            refresh_took,
            source_error,
            described: Marks::read_optional(reply)?,
        })
    }
}

impl<R: RedisConn> Document<'_, R> {
    /// What the document keeps about itself.
    pub(crate) async fn head(&self) -> Result<Head, StoreError> {
        let mut command = args!["HMGET", self.keys.head()];
        command.extend(HEAD_FIELDS.map(|field| field.as_bytes().to_vec()));
        Head::read(&mut Reply::new("HMGET", self.redis.run(command).await?))
    }

    /// What has changed after a version, oldest first.
    pub(crate) async fn news(&self, after: Version, limit: PageLimit) -> Result<News, StoreError> {
        let keys = [self.keys.head(), self.keys.log(), self.keys.records()];
        let args = args![after.0, limit.objects, limit.bytes];
        let mut reply = script::NEWS.run(self.redis, &keys, args).await?;
        let head = Head::read(&mut reply)?;
        let reached = Version(reply.number()?);
        let mut records = (reply.number()? == 1).then(Vec::new);
        let mut changed = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            let id = stored_object_id(reply.required_text()?)?;
            changed.push((id, Version(reply.number()?)));
            if let Some(records) = &mut records {
                records.push(reply.bytes()?);
            }
        }
        Ok(News {
            head,
            reached,
            changed,
            records,
        })
    }

    /// Tells the store where a device is, which keeps its cursor itself: so that what it needs is not collected, and that it can
    /// be told what becomes of its changes. Without a cursor it begins.
    pub(crate) async fn follow(
        &self,
        client: &ClientId,
        user: &UserId,
        cursor: Option<&DeviceCursor>,
        now: Millis,
        new_life: &str,
    ) -> Result<Followed, StoreError> {
        let keys = [
            self.keys.head(),
            self.keys.clients(),
            self.keys.outbox(client),
        ];
        let (version, base, since, life) = match cursor {
            Some(at) => (at.version.0, at.base.0, at.since.0, at.life.as_str()),
            None => (0, 0, 0, ""),
        };
        let follow = || {
            let args = args![
                client.as_str(),
                user.as_str(),
                version,
                base,
                since,
                now.day(),
                life
            ];
            script::FOLLOW.run(self.redis, &keys, args)
        };
        // Sent together on one connection, they run in this order.
        let (bound, followed) = futures_util::join!(
            self.bind(client, user, Continuation::default(), now, false, new_life),
            follow()
        );
        bound?;
        let mut reply = followed?;
        let mut outcome = reply.required_text()?;
        if outcome == "unbound" {
            // The store did not know the first script, and got it after it had run the second.
            reply = follow().await?;
            outcome = reply.required_text()?;
        }
        match outcome.as_str() {
            "ok" => Ok(Followed::Done {
                version: Version(reply.number()?),
                life: reply.required_text()?,
            }),
            "restored" => Ok(Followed::Restored),
            "too-old" => Ok(Followed::TooOld),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Notes how far devices are: what they have, and what they were sent since.
    pub(crate) async fn note_places(
        &self,
        places: &[(&ClientId, &DevicePlace)],
    ) -> Result<(), StoreError> {
        let keys = [self.keys.head(), self.keys.clients()];
        for places in places.chunks(PLACES_AT_ONCE) {
            let args = places.iter().flat_map(|(client, place)| {
                let DevicePlace {
                    user,
                    kept,
                    sent,
                    is_end,
                } = place;
                let given = 2 * sent.0 + u64::from(!is_end);
                args![
                    client.as_str(),
                    user.as_str(),
                    kept.life.as_str(),
                    kept.version.0,
                    kept.base.0,
                    given,
                ]
            });
            script::NOTE_PLACES
                .run(self.redis, &keys, args.collect())
                .await?;
        }
        Ok(())
    }
}
