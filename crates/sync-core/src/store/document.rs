//! A document, one partition of one source: its log, its records and its clients' cursors.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{
    BlobId, ChangeName, ClientId, DocumentId, KeptVerdict, ObjectChange, ObjectId, OutboxItem,
    Record, UserId, Version, blobs_of, may_have_blobs,
};
use crate::ports::{RedisConn, RedisValue};
use crate::store::StoreError;
use crate::store::blobs::{BlobStore, Holder};
use crate::store::changed::ChangedDocuments;
use crate::store::redis::keys::{self, DocumentKeys};
use crate::store::redis::script::{self, Reply, arg, args};
use crate::store::stored_record::StoredRecord;

/// How long the outcome of a create is remembered after the client's last create, in seconds.
pub(super) const CREATES_LIFETIME_SECONDS: u64 = 90 * 86_400;

/// How long whoever works on a client's operations may give no sign of life, in milliseconds: then another goes on. A call of
/// an adapter may take longer; signs of life are given during it.
pub(crate) const OPERATIONS_LEASE_MS: u64 = 5_000;

/// How many records are read at once.
pub(crate) const CHUNK: usize = 500;

/// How many bytes of records are read at once; one that is larger is read alone.
pub(crate) const CHUNK_BYTES: usize = 1024 * 1024;

/// Most bytes of a value that are allocated and not used.
const MAX_EXCESS_BYTES: usize = 1024;

/// How much of a log is listed at once.
pub(crate) const LOG_CHUNK: usize = 5_000;

/// A partition's document.
pub(crate) struct Document<'a, R> {
    pub(super) redis: &'a R,
    pub(super) id: &'a DocumentId,
    pub(super) keys: DocumentKeys,
}

/// What devices know by this name: a back end does not let anybody in.
pub(crate) const LOGIN_ERROR: &str = "login-error";

/// What is wrong with a source itself, until its next good refresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceError {
    /// `query-error`, `login-error` or `logoff-error`.
    pub(crate) kind: String,
    pub(crate) message: String,
    /// Whether it is about some objects only, and the others are there.
    #[serde(default)]
    pub(crate) is_partial: bool,
}

/// Who commits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CommitMode<'a> {
    /// A refresh that holds this lease; objects that moved are passed over.
    Refresh { lease: &'a str },
    /// Anybody else; an object that moved stops the commit.
    Write,
}

/// The end of a client's operation, committed together with what it did.
#[derive(Debug, Clone)]
pub(crate) struct OperationEnd<'a> {
    pub(crate) number: u64,
    /// The client's offset when the operation was taken in; another now means another life of the device.
    pub(crate) offset: u64,
    pub(crate) lease: &'a str,
    /// For a create: its temporary id, and the id to remember, or nothing to forget it.
    pub(crate) create: Option<(ObjectId, Option<ObjectId>)>,
    /// The verdict, by the name that the device has for the change.
    pub(crate) verdict: Option<(ChangeName, KeptVerdict)>,
}

/// What is committed at once.
#[derive(Debug)]
pub(crate) struct Commit<'a> {
    pub(crate) mode: CommitMode<'a>,
    pub(crate) changes: &'a [ObjectChange],
    /// Whose operation or outbox this is about.
    pub(crate) client: Option<&'a ClientId>,
    /// What the client is told, as long as it is this user's.
    pub(crate) told: Option<(&'a UserId, &'a [OutboxItem])>,
    pub(crate) ends: Option<OperationEnd<'a>>,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitOutcome {
    /// Done. `passed_over` objects of a refresh had moved. `version` is the last that was given to anything.
    Done {
        version: Version,
        passed_over: u64,
        waiting: u64,
    },
    /// An object had moved; nothing was committed.
    Conflict,
    /// The lease is lost, that of the refresh or that on the operation; nothing was committed.
    Fenced,
    /// The operation had its verdict before; nothing was committed.
    Gone,
    /// The device that sent the operation has started over or is somebody else's; nothing was committed.
    Orphaned,
}

impl<'a, R: RedisConn> Document<'a, R> {
    pub(crate) fn new(redis: &'a R, document: &'a DocumentId) -> Self {
        Self {
            redis,
            id: document,
            keys: DocumentKeys::new(document),
        }
    }

    /// Whether any client has a cursor here.
    pub(crate) async fn has_clients(&self) -> Result<bool, StoreError> {
        let reply = self.redis.run(args!["EXISTS", self.keys.clients()]).await?;
        Ok(Reply::new("EXISTS", reply).number()? == 1)
    }

    /// Reads records as stored; `None` for ids that have none.
    pub(crate) async fn raw_records(
        &self,
        ids: impl Iterator<Item = &ObjectId>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut command = args!["HMGET", self.keys.records()];
        command.extend(ids.map(|id| arg(id.as_str())));
        if command.len() == 2 {
            return Ok(Vec::new());
        }
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.bytes()).collect()
    }

    /// Reads records with their versions, for a writer: of as many of the ids, from the first, as are not too large
    /// together.
    ///
    /// The versions are read first: a record that is written in between is newer than its version says, and the commit
    /// finds that out.
    pub(crate) async fn records(
        &self,
        ids: &[ObjectId],
    ) -> Result<Vec<Option<(Record, Version)>>, StoreError> {
        let stored = self.stored(ids).await?.into_iter();
        let read = |(record, version): (StoredRecord, _)| Ok((record.read()?, version));
        stored.map(|known| known.map(read).transpose()).collect()
    }

    /// The same, as they stand in the store.
    pub(crate) async fn stored(
        &self,
        ids: &[ObjectId],
    ) -> Result<Vec<Option<(StoredRecord, Version)>>, StoreError> {
        let versions = self.versions(ids).await?;
        let records = self.raw_records(ids.iter().take(versions.len())).await?;
        let records = records.into_iter().map(|it| it.map(StoredRecord::new));
        Ok(records
            .zip(versions)
            .map(|(record, version)| record.zip(version))
            .collect())
    }

    async fn versions(&self, ids: &[ObjectId]) -> Result<Vec<Option<Version>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys = [self.keys.log(), self.keys.records()];
        let mut args = args![CHUNK_BYTES];
        args.extend(ids.iter().map(|id| arg(id.as_str())));
        let mut reply = script::MEASURE.run(self.redis, &keys, args).await?;
        (0..reply.len())
            .map(|_| match reply.required_text()?.as_str() {
                "" => Ok(None),
                score => score
                    .parse()
                    .map(|version| Some(Version(version)))
                    .map_err(|_| reply.unknown_outcome(score)),
            })
            .collect()
    }

    /// What waits in a client's outbox after its cursor, up to the end of a page.
    pub(crate) async fn outbox(
        &self,
        client: &ClientId,
        cursor: Version,
        reached: Version,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        self.outbox_part(client, (cursor, reached), 0, -1).await
    }

    /// Part of what waits in a client's outbox between two versions: after the first `skipped` items, and `most` of them, or
    /// all where that is negative.
    pub(crate) async fn outbox_part(
        &self,
        client: &ClientId,
        between: (Version, Version),
        skipped: usize,
        most: i64,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let items = self
            .outbox_by_version(client, between, skipped, most)
            .await?;
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }

    /// The same, each with its version.
    pub(crate) async fn outbox_by_version(
        &self,
        client: &ClientId,
        (cursor, reached): (Version, Version),
        skipped: usize,
        most: i64,
    ) -> Result<Vec<(Version, OutboxItem)>, StoreError> {
        let command = args![
            "ZRANGEBYSCORE",
            self.keys.outbox(client),
            format!("({cursor}"),
            reached.0,
            "LIMIT",
            skipped,
            most.to_string()
        ];
        let values = self.redis.run(command).await?;
        values
            .into_iter()
            .filter_map(|value| match value {
                RedisValue::Bytes(bytes) => Some(bytes),
                _ => None,
            })
            .map(|bytes| {
                let mut parts = bytes.splitn(2, |byte| *byte == b' ');
                let version = parts.next().unwrap_or_default();
                let version = std::str::from_utf8(version).ok();
                let version = version.and_then(|text| text.parse().ok());
                let json = parts.next().unwrap_or_default();
                let item = parse_stored("an outbox item", json)?;
                Ok((Version(version.unwrap_or_default()), item))
            })
            .collect()
    }

    /// Commits, or says what is in the way.
    pub(crate) async fn commit(&self, commit: Commit<'_>) -> Result<CommitOutcome, StoreError> {
        let Commit {
            mode,
            changes,
            client,
            told,
            ends,
        } = commit;
        let nobody = ClientId::parse("-").map_err(|error| StoreError::Damaged {
            what: "the empty client id",
            reason: error.to_string(),
        })?;
        let client = client.unwrap_or(&nobody);
        let (user, items) = told.map_or(("", &[][..]), |(user, items)| (user.as_str(), items));
        let (number, offset, lease, create, verdict) = match ends {
            None => (String::new(), String::new(), "", None, None),
            Some(ends) => {
                let OperationEnd {
                    number,
                    offset,
                    lease,
                    create,
                    verdict,
                } = ends;
                let (number, offset) = (number.to_string(), offset.to_string());
                (number, offset, lease, create, verdict)
            }
        };
        let (temporary, new_id) = create.map_or_else(Default::default, |(temporary, id)| {
            (
                temporary.into_string(),
                id.map(ObjectId::into_string).unwrap_or_default(),
            )
        });
        let (name, verdict) = match &verdict {
            Some((name, verdict)) => (name.as_str(), to_stored(verdict)?),
            None => ("", Vec::new()),
        };
        let (mode, refresh_lease) = match mode {
            CommitMode::Refresh { lease } => ("refresh", lease),
            CommitMode::Write => ("write", ""),
        };
        let keys = [
            self.keys.head(),
            self.keys.log(),
            self.keys.records(),
            self.keys.tombstones(),
            self.keys.refresh_lease(),
            self.keys.clients(),
            self.keys.outbox(client),
            self.keys.operations(client),
            self.keys.operations_lease(client),
            self.keys.creates(client),
            self.keys.blobs(),
            self.keys.sent(client),
        ];
        let mut args = args![
            mode,
            refresh_lease,
            client.as_str(),
            user,
            number,
            lease,
            OPERATIONS_LEASE_MS,
            temporary,
            new_id,
            CREATES_LIFETIME_SECONDS,
            items.len(),
            changes.len(),
            offset,
            name,
            verdict,
        ];
        for item in items {
            args.push(to_stored(item)?);
        }
        // Blobs are told before anything refers to them.
        let referring = self.referring(changes).await?;
        for ObjectChange {
            id,
            expected,
            record,
            sum,
        } in changes
        {
            let alive = if record.is_alive() { "1" } else { "0" };
            args.extend([
                arg(id.as_str()),
                arg(expected.0),
                to_stored(record)?,
                arg(alive),
                arg(sum.to_string()),
            ]);
        }
        args.extend(referring);
        // It goes with the commit, and right after it, as another slot of a cluster: a change that nobody hears of is found by the
        // next sync, and one that is announced and refused costs a look.
        let announced = async {
            match changes.is_empty() {
                true => Ok(()),
                false => ChangedDocuments::new(self.redis).announce(self.id).await,
            }
        };
        let committed = script::COMMIT.run(self.redis, &keys, args);
        let (committed, announced) = futures_util::join!(committed, announced);
        if let Err(error) = announced {
            tracing::debug!(%error, "nobody is told of a commit");
        }
        let mut reply = committed?;
        match reply.required_text()?.as_str() {
            "ok" => Ok(CommitOutcome::Done {
                version: Version(reply.number()?),
                passed_over: reply.number()?,
                waiting: reply.number()?,
            }),
            "conflict" => Ok(CommitOutcome::Conflict),
            "fenced" => Ok(CommitOutcome::Fenced),
            "gone" => Ok(CommitOutcome::Gone),
            "orphaned" => Ok(CommitOutcome::Orphaned),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Announces this document to the blobs that changed objects refer to; answers which object refers to which, as
    /// the commit script takes it.
    async fn referring(&self, changes: &[ObjectChange]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut args = Vec::new();
        let mut all = BTreeSet::new();
        for (place, change) in changes.iter().enumerate() {
            if may_have_blobs(&change.record) {
                let blobs = blobs_of(&change.record.attributes);
                let digests: Vec<_> = blobs.iter().map(BlobId::as_str).collect();
                args.extend(args![place, digests.join(" ")]);
                all.extend(blobs);
            }
        }
        let holder = Holder::Document(self.id.clone());
        BlobStore::new(self.redis).refer(&holder, &all).await?;
        Ok(args)
    }

    /// Whether an object refers to the blob.
    pub(crate) async fn refers_to(&self, blob: &BlobId) -> Result<bool, StoreError> {
        let command = args!["HEXISTS", self.keys.blobs(), keys::digest_field(blob)];
        Ok(Reply::new("HEXISTS", self.redis.run(command).await?).number()? == 1)
    }

    /// Lists the log after a version, a chunk at a time: ids with their versions.
    pub(crate) async fn log_after(
        &self,
        version: Version,
    ) -> Result<Vec<(ObjectId, Version)>, StoreError> {
        self.log_part(version, LOG_CHUNK).await
    }

    /// Lists the log after a version, at most so many ids.
    pub(crate) async fn log_part(
        &self,
        version: Version,
        most: usize,
    ) -> Result<Vec<(ObjectId, Version)>, StoreError> {
        self.log_range("ZRANGEBYSCORE", &format!("({version}"), "+inf", most)
            .await
    }

    /// Lists the log before a version, the last change first, a chunk at a time.
    pub(crate) async fn log_before(
        &self,
        version: Version,
    ) -> Result<Vec<(ObjectId, Version)>, StoreError> {
        self.log_range(
            "ZREVRANGEBYSCORE",
            &format!("({version}"),
            "-inf",
            LOG_CHUNK,
        )
        .await
    }

    async fn log_range(
        &self,
        range: &'static str,
        from: &str,
        to: &str,
        most: usize,
    ) -> Result<Vec<(ObjectId, Version)>, StoreError> {
        let log = self.keys.log();
        let command = args![range, log, from, to, "WITHSCORES", "LIMIT", "0", most];
        let mut reply = Reply::new(range, self.redis.run(command).await?);
        let mut log = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            log.push((
                stored_object_id(reply.required_text()?)?,
                Version(reply.number()?),
            ));
        }
        Ok(log)
    }
}

/// Reads an id that was checked before it was stored.
pub(super) fn stored_object_id(text: String) -> Result<ObjectId, StoreError> {
    ObjectId::parse(text).map_err(|error| StoreError::Damaged {
        what: "an object id",
        reason: error.to_string(),
    })
}

/// Reads a record.
pub(crate) fn parse_record(json: &[u8]) -> Result<Record, StoreError> {
    parse_stored("a record", json)
}

/// Reads JSON that this module or another version of it wrote.
pub(super) fn parse_stored<'a, T: Deserialize<'a>>(
    what: &'static str,
    json: &'a [u8],
) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(|error| StoreError::Damaged {
        what,
        reason: error.to_string(),
    })
}

/// Writes a value as JSON for the store.
pub(super) fn to_stored(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let mut stored = serde_json::to_vec(value).map_err(|error| StoreError::Damaged {
        what: "a value to be stored",
        reason: error.to_string(),
    })?;
    if stored.capacity() - stored.len() > MAX_EXCESS_BYTES {
        // Thousands of them wait for one command.
        stored.shrink_to_fit();
    }
    Ok(stored)
}
