//! Bulk data files: which there are, and moving a client's cursors to one.

use serde::{Deserialize, Serialize};

use crate::model::{BlobId, BulkFile, ClientId, Millis, SelectionId, SourceName, UserId, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::descriptions::Mark;
use crate::store::document::{Document, parse_stored, to_stored};
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// What came of making a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "kebab-case")]
pub(crate) enum BulkOutcome {
    /// It is there.
    File {
        /// Which.
        file: BlobId,
        /// Until when it is handed out.
        fresh_until: Millis,
        /// What it holds: the copies of the sources that were asked for, each up to a version.
        pins: Vec<Pin>,
    },
    /// It could not be made.
    Failed {
        /// Why not.
        message: String,
    },
}

/// A copy of a source in a file, up to a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    pub(crate) source: SourceName,
    pub(crate) version: Version,
    /// The document's life: one that was removed and has come to be again is another, with versions of its own.
    pub(crate) life: String,
}

impl Pin {
    /// The same copy of somebody who has nothing of it.
    pub(crate) fn without_content(self) -> Self {
        Self {
            version: Version::ZERO,
            ..self
        }
    }
}

/// What became of a client that is to go on from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartOutcome {
    /// Its next pull brings what came after the file.
    Yes,
    /// The client has no cursor in the document.
    Unbound,
    /// The file does not do any more.
    Stale,
    /// Changes of the client wait for their verdict.
    Waiting,
}

/// Bulk data files of this store.
pub(crate) struct BulkData<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> BulkData<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// What came of making a selection's file last.
    pub(crate) async fn made(
        &self,
        selection: &SelectionId,
    ) -> Result<Option<BulkOutcome>, StoreError> {
        self.get("what came of a bulk data file", keys::bulk_data(selection))
            .await
    }

    /// Keeps what came of making a selection's file, for so long.
    pub(crate) async fn set_made(
        &self,
        selection: &SelectionId,
        made: &BulkOutcome,
        lifetime_ms: u64,
    ) -> Result<(), StoreError> {
        self.set(keys::bulk_data(selection), made, lifetime_ms)
            .await
    }

    /// A file.
    pub(crate) async fn file(
        &self,
        selection: &SelectionId,
        file: &BlobId,
    ) -> Result<Option<BulkFile>, StoreError> {
        self.get("a bulk data file", keys::bulk_file(selection, file))
            .await
    }

    /// Keeps a file's entry, for so long.
    pub(crate) async fn set_file(
        &self,
        selection: &SelectionId,
        file: &BlobId,
        entry: &BulkFile,
        lifetime_ms: u64,
    ) -> Result<(), StoreError> {
        self.set(keys::bulk_file(selection, file), entry, lifetime_ms)
            .await
    }

    async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        what: &'static str,
        key: String,
    ) -> Result<Option<T>, StoreError> {
        let stored = Reply::new("GET", self.redis.run(args!["GET", key]).await?).bytes()?;
        stored.map(|json| parse_stored(what, &json)).transpose()
    }

    async fn set(
        &self,
        key: String,
        value: &impl Serialize,
        lifetime_ms: u64,
    ) -> Result<(), StoreError> {
        let command = args!["SET", key, to_stored(value)?, "PX", lifetime_ms];
        self.redis.run(command).await?;
        Ok(())
    }
}

impl<R: RedisConn> Document<'_, R> {
    /// The version of the last change.
    pub(crate) async fn version(&self) -> Result<Version, StoreError> {
        let command = args!["HGET", self.keys.head(), "v"];
        let version = Reply::new("HGET", self.redis.run(command).await?).text()?;
        Ok(version
            .and_then(|text| text.parse().ok())
            .map_or(Version::ZERO, Version))
    }

    /// What tells the document from an earlier one of the same name that was removed. `new` is a text nobody else has.
    pub(crate) async fn life(&self, new: &str) -> Result<String, StoreError> {
        let command = args!["HSETNX", self.keys.head(), "life", new];
        self.redis.run(command).await?;
        let command = args!["HGET", self.keys.head(), "life"];
        Reply::new("HGET", self.redis.run(command).await?).required_text()
    }

    /// Whether somebody who has everything up to a pin can be told what came after it, in the same form.
    pub(crate) async fn is_current(&self, pin: &Pin) -> Result<bool, StoreError> {
        let command = args!["HMGET", self.keys.head(), "floor", "schemav", "life"];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let floor: Option<u64> = reply.text()?.and_then(|text| text.parse().ok());
        let schema = Mark::parse(&reply.text()?.unwrap_or_default())?;
        Ok(floor.unwrap_or(0) <= pin.version.0
            && schema.is_none_or(|schema| schema.version <= pin.version)
            && reply.text()?.as_ref() == Some(&pin.life))
    }

    /// Lets a client go on from a pin: it has everything up to its version.
    pub(crate) async fn start_from(
        &self,
        client: &ClientId,
        user: &UserId,
        pin: &Pin,
        now: Millis,
    ) -> Result<StartOutcome, StoreError> {
        let keys = [
            self.keys.head(),
            self.keys.clients(),
            self.keys.outbox(client),
            self.keys.operations(client),
            self.keys.held(client),
        ];
        let args = args![
            client.as_str(),
            user.as_str(),
            pin.version.0,
            now.day(),
            &pin.life
        ];
        let mut reply = script::START_FROM.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "ok" => Ok(StartOutcome::Yes),
            "unbound" => Ok(StartOutcome::Unbound),
            "stale" => Ok(StartOutcome::Stale),
            "waiting" => Ok(StartOutcome::Waiting),
            other => Err(reply.unknown_outcome(other)),
        }
    }
}
