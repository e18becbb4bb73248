//! The entries of blobs: where their contents are, who refers to them, and whom they are charged to.
//!
//! All of it is in one slot, so that each step is one script. Who *really* refers to a blob stands elsewhere: in the
//! index of a document, and in operations that wait. Every holder says so here before it does; the collector asks it
//! whether that still holds.

mod holder;

use std::fmt;

use crate::model::{BlobId, DocumentId, Millis, UserId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, arg, args};

pub(crate) use holder::Holder;

/// Bytes of a piece of content in Redis. All but a content's last have as many, so it is part of the format.
pub(crate) const PIECE_BYTES: usize = 512 * 1024;

/// Blobs, or holders of one, that are read at once.
const SCANNED_AT_ONCE: usize = 500;

/// Most uploads of a user that may be on their way.
const MAX_UPLOADS: usize = 1_000;

/// Where a content is, with its key there. Keys are used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Redis(String),
    S3(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(key) => write!(f, "redis:{key}"),
            Self::S3(key) => write!(f, "s3:{key}"),
        }
    }
}

impl Place {
    /// Reads what a place is written as.
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        match text.split_once(':') {
            Some(("redis", key)) => Ok(Self::Redis(key.to_owned())),
            Some(("s3", key)) => Ok(Self::S3(key.to_owned())),
            _ => Err(damaged("the place of a blob", text)),
        }
    }
}

/// What is kept of a blob that has a content.
#[derive(Debug)]
pub(crate) struct BlobRecord {
    pub(crate) size: u64,
    pub(crate) content_type: String,
    pub(crate) place: Place,
}

/// An upload on its way to being a blob.
#[derive(Debug)]
pub(crate) struct NewBlob<'a> {
    pub(crate) blob: &'a BlobId,
    pub(crate) size: u64,
    pub(crate) content_type: &'a str,
    /// Where its content is; nothing where the blob is known already.
    pub(crate) place: Option<Place>,
}

/// An upload that is counted.
#[derive(Debug)]
pub(crate) struct Reserved<'a> {
    /// The key of its content.
    pub(crate) key: &'a str,
    /// What it has so far, or all that it will have where it comes in parts.
    pub(crate) bytes: u64,
    /// When it may be gone.
    pub(crate) expires: Millis,
    /// What it is to be, where it comes in parts: then one that has begun goes on.
    pub(crate) in_parts: Option<&'a BlobId>,
}

/// What became of uploads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// They are blobs, charged to the user.
    Done,
    /// They do not fit into the user's quota.
    Full,
    /// A blob that was known is not any more.
    Missing,
    /// A content was not taken over in time.
    Expired,
}

/// The blobs.
pub(crate) struct BlobStore<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> BlobStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Counts a user's upload. Answers the key of its content; `None` if too much of the user's is on its way.
    pub(crate) async fn reserve(
        &self,
        user: &UserId,
        upload: &Reserved<'_>,
        now: Millis,
        most_bytes: u64,
    ) -> Result<Option<String>, StoreError> {
        let Reserved {
            key,
            bytes,
            expires,
            in_parts,
        } = upload;
        let keys = [keys::blobs_spool(user), keys::blobs_gone()];
        let digest = in_parts.map_or("", BlobId::as_str);
        let args = args![
            *key,
            *bytes,
            now.0,
            expires.0,
            most_bytes,
            MAX_UPLOADS,
            digest
        ];
        let mut reply = script::RESERVE.run(self.redis, &keys, args).await?;
        Ok(match reply.required_text()?.as_str() {
            "ok" => Some(reply.required_text()?),
            _ => None,
        })
    }

    /// How far a content that comes in parts is: its pieces, and the state of their digest.
    pub(crate) async fn pieces(&self, key: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let command = args!["HMGET", keys::blob_content(key), "pieces", "state"];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (Some(pieces), Some(state)) = (reply.text()?, reply.bytes()?) else {
            return Ok(None);
        };
        let pieces = pieces
            .parse()
            .map_err(|_| damaged("the number of an upload's pieces", &pieces))?;
        Ok(Some((pieces, state)))
    }

    /// Adds the next piece to a content that comes in parts. `false` if somebody else has added one meanwhile.
    pub(crate) async fn add_piece(
        &self,
        key: &str,
        number: u64,
        piece: Vec<u8>,
        state: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let keys = [keys::blob_content(key)];
        let args = args![number, number + 1, piece, state];
        let mut reply = script::ADD_PIECE.run(self.redis, &keys, args).await?;
        Ok(reply.required_text()? == "ok")
    }

    /// Uploads of a user have ended.
    pub(crate) async fn release(
        &self,
        user: &UserId,
        uploads: impl IntoIterator<Item = &str>,
    ) -> Result<(), StoreError> {
        let mut command = args!["HDEL", keys::blobs_spool(user)];
        command.extend(uploads.into_iter().map(arg));
        if command.len() > 2 {
            self.redis.run(command).await?;
        }
        Ok(())
    }

    /// Keeps a piece of a content.
    pub(crate) async fn write_piece(
        &self,
        key: &str,
        number: u64,
        piece: Vec<u8>,
    ) -> Result<(), StoreError> {
        let command = args!["HSET", keys::blob_content(key), number, piece];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Reads a piece of a content.
    pub(crate) async fn read_piece(
        &self,
        key: &str,
        number: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let command = args!["HGET", keys::blob_content(key), number];
        Reply::new("HGET", self.redis.run(command).await?).bytes()
    }

    /// Deletes a content.
    pub(crate) async fn delete_content(&self, key: &str) -> Result<(), StoreError> {
        let command = args!["UNLINK", keys::blob_content(key)];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Has the collector remove what will be at a place, unless it has become a blob's by then.
    pub(crate) async fn plan_removal(&self, place: &Place, at: Millis) -> Result<(), StoreError> {
        let command = args!["ZADD", keys::blobs_gone(), at.0, place.to_string()];
        self.redis.run(command).await?;
        Ok(())
    }

    /// The same, unless it has become this blob's already: then it says `false`.
    pub(crate) async fn plan_removal_of(
        &self,
        blob: &BlobId,
        place: &Place,
        at: Millis,
    ) -> Result<bool, StoreError> {
        let keys = [keys::blobs_gone(), keys::blob(blob)];
        let args = args![place.to_string(), at.0];
        let mut reply = script::PLAN_REMOVAL.run(self.redis, &keys, args).await?;
        Ok(reply.required_text()? == "planned")
    }

    /// Whether what is at a place is nobody's.
    pub(crate) async fn is_planned(&self, place: &Place) -> Result<bool, StoreError> {
        let command = args!["ZSCORE", keys::blobs_gone(), place.to_string()];
        let score = Reply::new("ZSCORE", self.redis.run(command).await?).bytes()?;
        Ok(score.is_some())
    }

    /// Nothing is at a place any more.
    pub(crate) async fn removed(&self, place: &Place) -> Result<(), StoreError> {
        let command = args!["ZREM", keys::blobs_gone(), place.to_string()];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Places to remove what is there.
    pub(crate) async fn planned_removals(
        &self,
        until: Millis,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        self.due_in(keys::blobs_gone(), until, limit)
            .await?
            .iter()
            .map(|place| Place::parse(place))
            .collect()
    }

    /// Finds a blob that has a content.
    pub(crate) async fn get(&self, blob: &BlobId) -> Result<Option<BlobRecord>, StoreError> {
        Ok(self.get_held(blob, &[]).await?.map(|(record, _)| record))
    }

    /// Finds a blob that has a content, and which of the documents may refer to it.
    pub(crate) async fn get_held(
        &self,
        blob: &BlobId,
        documents: &[DocumentId],
    ) -> Result<Option<(BlobRecord, Vec<DocumentId>)>, StoreError> {
        let mut command = args!["HMGET", keys::blob(blob), "size", "type", "place"];
        command.extend(
            documents
                .iter()
                .map(|id| arg(Holder::Document(id.clone()).to_field())),
        );
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (size, content_type, place) = (reply.text()?, reply.text()?, reply.text()?);
        let (Some(size), Some(content_type), Some(place)) = (size, content_type, place) else {
            return Ok(None);
        };
        let record = BlobRecord {
            size: size
                .parse()
                .map_err(|_| damaged("the size of a blob", &size))?,
            content_type,
            place: Place::parse(&place)?,
        };
        let mut held = Vec::new();
        for document in documents {
            if reply.bytes()?.is_some() {
                held.push(document.clone());
            }
        }
        Ok(Some((record, held)))
    }

    /// How long a blob is that is charged to a user, who has put it there.
    pub(crate) async fn put_by(
        &self,
        blob: &BlobId,
        user: &UserId,
    ) -> Result<Option<u64>, StoreError> {
        let by = format!("by:{user}");
        let command = args!["HMGET", keys::blob(blob), "size", by];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (size, is_put) = (reply.text()?, reply.bytes()?.is_some());
        let size = size.filter(|_| is_put).map(|size| {
            let parsed = size.parse();
            parsed.map_err(|_| damaged("the size of a blob", &size))
        });
        size.transpose()
    }

    /// Makes uploads blobs and charges them to a user, all or none.
    pub(crate) async fn settle(
        &self,
        user: &UserId,
        quota_bytes: u64,
        now: Millis,
        look_at: Millis,
        uploads: &[NewBlob<'_>],
    ) -> Result<Settlement, StoreError> {
        let mut keys = vec![keys::blobs_used(), keys::blobs_due(), keys::blobs_gone()];
        let mut args = args![user.as_str(), quota_bytes, now.0, look_at.0];
        for upload in uploads {
            let NewBlob {
                blob,
                size,
                content_type,
                place,
            } = upload;
            keys.push(keys::blob(blob));
            let place = place.as_ref().map(Place::to_string).unwrap_or_default();
            args.extend(args![blob.as_str(), *size, *content_type, place]);
        }
        let mut reply = script::SETTLE.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "ok" => Ok(Settlement::Done),
            "full" => Ok(Settlement::Full),
            "missing" => Ok(Settlement::Missing),
            "expired" => Ok(Settlement::Expired),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Says that a holder refers to blobs from now on. Has to be done before it does.
    pub(crate) async fn refer(
        &self,
        holder: &Holder,
        blobs: impl IntoIterator<Item = &BlobId>,
    ) -> Result<(), StoreError> {
        let mut keys = vec![keys::blobs_due()];
        let mut args = args![holder.to_field()];
        for blob in blobs {
            keys.push(keys::blob(blob));
            args.push(arg(blob.as_str()));
        }
        if keys.len() > 1 {
            script::REFER.run(self.redis, &keys, args).await?;
        }
        Ok(())
    }

    /// Blobs it is time to look at.
    pub(crate) async fn due(&self, now: Millis, limit: usize) -> Result<Vec<BlobId>, StoreError> {
        self.due_in(keys::blobs_due(), now, limit)
            .await?
            .iter()
            .map(|id| stored_id(id))
            .collect()
    }

    async fn due_in(
        &self,
        key: String,
        until: Millis,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let command = args!["ZRANGEBYSCORE", key, "0", until.0, "LIMIT", "0", limit];
        let mut reply = Reply::new("ZRANGEBYSCORE", self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.required_text()).collect()
    }

    /// Some of all blobs, and where to go on; begins and ends with 0.
    pub(crate) async fn scan(&self, cursor: u64) -> Result<(Vec<BlobId>, u64), StoreError> {
        let command = args!["ZSCAN", keys::blobs_due(), cursor, "COUNT", SCANNED_AT_ONCE];
        let mut reply = Reply::new("ZSCAN", self.redis.run(command).await?);
        let next = reply.number()?;
        let mut blobs = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            blobs.push(stored_id(&reply.required_text()?)?);
            let _score = reply.bytes()?;
        }
        Ok((blobs, next))
    }

    /// Puts off the next look at a blob that is referred to.
    pub(crate) async fn look_again(&self, blob: &BlobId, at: Millis) -> Result<(), StoreError> {
        let command = args!["ZADD", keys::blobs_due(), "XX", at.0, blob.as_str()];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Some of those who may refer to a blob, and where to go on; begins and ends with 0.
    pub(crate) async fn holders(
        &self,
        blob: &BlobId,
        cursor: u64,
    ) -> Result<(Vec<Holder>, u64), StoreError> {
        let command = args![
            "HSCAN",
            keys::blob(blob),
            cursor,
            "MATCH",
            "in:*",
            "COUNT",
            SCANNED_AT_ONCE
        ];
        let mut reply = Reply::new("HSCAN", self.redis.run(command).await?);
        let next = reply.number()?;
        let mut holders = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            let field = reply.required_text()?;
            let _mark = reply.bytes()?;
            holders.extend(Holder::from_field(&field).transpose()?);
        }
        Ok((holders, next))
    }

    /// Removes a blob if none but these may refer to it, and none of them has for a while. Says whether it went.
    pub(crate) async fn collect(
        &self,
        blob: &BlobId,
        now: Millis,
        grace_ms: u64,
        not_referring: &[Holder],
    ) -> Result<bool, StoreError> {
        let keys = [
            keys::blob(blob),
            keys::blobs_due(),
            keys::blobs_gone(),
            keys::blobs_used(),
        ];
        let mut args = args![blob.as_str(), now.0, grace_ms, now.plus(grace_ms).0];
        args.extend(not_referring.iter().map(|holder| arg(holder.to_field())));
        let mut reply = script::COLLECT_BLOB.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "collected" => Ok(true),
            "kept" => Ok(false),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Bytes charged to a user.
    pub(crate) async fn charged(&self, user: &UserId) -> Result<u64, StoreError> {
        let command = args!["HGET", keys::blobs_used(), user.as_str()];
        let charged = Reply::new("HGET", self.redis.run(command).await?).text()?;
        charged.map_or(Ok(0), |text| {
            text.parse()
                .map_err(|_| damaged("a user's charge for blobs", &text))
        })
    }
}

fn stored_id(text: &str) -> Result<BlobId, StoreError> {
    BlobId::parse(text).map_err(|_| damaged("a blob's digest", text))
}

fn damaged(what: &'static str, found: &str) -> StoreError {
    StoreError::Damaged {
        what,
        reason: format!("{found:?}"),
    }
}
