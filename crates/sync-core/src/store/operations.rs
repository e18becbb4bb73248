//! A client's operations from acceptance to verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::model::{
    ChangeName, ClientId, KeptVerdict, Millis, ObjectId, Operation, OperationKind, UserId, Version,
};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::{
    CHUNK_BYTES, CREATES_LIFETIME_SECONDS, Document, OPERATIONS_LEASE_MS, SourceError,
    parse_stored, stored_object_id, to_stored,
};
use crate::store::redis::script::{self, Reply, arg, args};

/// Most operations of one client that may wait for their verdict.
pub(super) const MAX_WAITING: usize = 10_000;

/// What became of operations that were handed in.
#[derive(Debug)]
pub(crate) enum AcceptOutcome {
    /// The client has no cursor in this partition.
    Unbound,
    /// Too many of its operations wait already.
    Full,
    /// This push, or a later one, was taken in before.
    Repeated,
    /// These creates were sent before with other content: nothing was taken in.
    Changed(BTreeSet<ObjectId>),
    /// They are durable.
    Done {
        /// Whether the caller is the one to work on them now.
        leased: bool,
        /// Whether others waited before.
        waited: bool,
        /// The numbers of those that were taken in.
        numbers: Range<u64>,
        /// Creates that failed before and are taken in again, with the versions at which the client was told that they failed.
        again: BTreeMap<ObjectId, Version>,
        /// Creates that were done before, with the ids they got.
        known: Vec<(ObjectId, ObjectId)>,
    },
}

/// What became of a create.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CreateOutcome {
    /// It has no verdict yet.
    Waiting,
    /// The back end gave it this id.
    Created(ObjectId),
    /// It got no id.
    Failed,
}

/// What became of a lease on operations.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReleaseOutcome {
    /// It is given back, or somebody else's.
    Yes,
    /// It is kept: operations came in meanwhile.
    MoreCame,
}

/// A client's operations in one partition.
pub(crate) struct Operations<'a, R> {
    document: &'a Document<'a, R>,
    client: &'a ClientId,
}

impl<'a, R: RedisConn> Operations<'a, R> {
    pub(crate) fn new(document: &'a Document<'a, R>, client: &'a ClientId) -> Self {
        Self { document, client }
    }

    fn keys(&self) -> [String; 2] {
        [
            self.document.keys.operations(self.client),
            self.document.keys.operations_lease(self.client),
        ]
    }

    /// Takes the operations in and, where `lease` names one, tries to get the lease on them. Pushes with a `sequence` number
    /// are taken in only in growing order. `changed` are the updates among them that were creates when they were sent.
    pub(crate) async fn accept(
        &self,
        user: &UserId,
        lease: Option<&str>,
        sequence: Option<u64>,
        operations: &[Operation],
        changed: &BTreeSet<ObjectId>,
        now: Millis,
    ) -> Result<AcceptOutcome, StoreError> {
        let keys = &self.document.keys;
        let [operations_key, lease_key] = self.keys();
        let keys = [
            keys.head(),
            keys.clients(),
            operations_key,
            lease_key,
            keys.creates(self.client),
            keys.outbox(self.client),
            keys.creates_by_time(self.client),
        ];
        let mut args = args![
            self.client.as_str(),
            user.as_str(),
            lease.unwrap_or_default(),
            OPERATIONS_LEASE_MS,
            MAX_WAITING,
            CREATES_LIFETIME_SECONDS,
            sequence.map_or_else(String::new, |sequence| sequence.to_string()),
            now.0,
        ];
        for operation in operations {
            let (temporary, digest) = match operation.kind {
                OperationKind::Create => (operation.id.as_str(), operation.content()),
                OperationKind::Update if changed.contains(&operation.id) => {
                    (operation.id.as_str(), format!("+{}", operation.content()))
                }
                OperationKind::Update | OperationKind::Delete => ("", String::new()),
            };
            args.extend([arg(temporary), arg(digest), to_stored(operation)?]);
        }
        let mut reply = script::ACCEPT.run(self.document.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "unbound" => Ok(AcceptOutcome::Unbound),
            "full" => Ok(AcceptOutcome::Full),
            "repeated" => Ok(AcceptOutcome::Repeated),
            "changed" => {
                let mut changed = BTreeSet::new();
                while !reply.is_empty() {
                    changed.insert(stored_object_id(reply.required_text()?)?);
                }
                Ok(AcceptOutcome::Changed(changed))
            }
            "ok" => {
                let leased = reply.number()? == 1;
                let waited = reply.number()? > 0;
                let first = reply.number()?;
                let numbers = first..first + reply.number()?;
                let mut again = BTreeMap::new();
                for _ in 0..reply.number()? {
                    let temporary = stored_object_id(reply.required_text()?)?;
                    again.insert(temporary, Version(reply.number()?));
                }
                let mut known = Vec::new();
                while !reply.is_empty() {
                    known.push((
                        stored_object_id(reply.required_text()?)?,
                        stored_object_id(reply.required_text()?)?,
                    ));
                }
                Ok(AcceptOutcome::Done {
                    leased,
                    waited,
                    numbers,
                    again,
                    known,
                })
            }
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Tries to become the one who works on what waits. Whose it is does not matter: operations end under the user who sent
    /// them, wherever the client is now.
    pub(crate) async fn lease(&self, lease: &str) -> Result<bool, StoreError> {
        let [_, lease_key] = self.keys();
        let command = args!["SET", lease_key, lease, "NX", "PX", OPERATIONS_LEASE_MS];
        let reply = self.document.redis.run(command).await?;
        Ok(Reply::new("SET", reply).text()?.is_some())
    }

    /// Says that whoever has the lease is still at work. `false` if the lease is lost.
    pub(crate) async fn heartbeat(&self, lease: &str) -> Result<bool, StoreError> {
        let [_, lease_key] = self.keys();
        let mut reply = script::EXTEND_LEASE
            .run(
                self.document.redis,
                &[lease_key],
                args![lease, OPERATIONS_LEASE_MS],
            )
            .await?;
        Ok(reply.required_text()? != "lost")
    }

    /// What waits, in the order it was sent, with numbers above `after`: as much as is not too large together, and
    /// nothing at the end.
    pub(crate) async fn waiting_after(
        &self,
        after: u64,
    ) -> Result<Vec<(u64, Operation)>, StoreError> {
        let [key, _] = self.keys();
        let mut reply = script::READ_WAITING
            .run(self.document.redis, &[key], args![after, CHUNK_BYTES])
            .await?;
        let mut operations = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            let number = reply.number()?;
            let stored = reply.bytes()?.unwrap_or_default();
            operations.push((number, read_stored(&stored)?));
        }
        Ok(operations)
    }

    /// One that waits; `None` if it has its verdict.
    pub(crate) async fn get(&self, number: u64) -> Result<Option<Operation>, StoreError> {
        let [key, _] = self.keys();
        let reply = self.document.redis.run(args!["HGET", key, number]).await?;
        let stored = Reply::new("HGET", reply).bytes()?;
        stored.map(|stored| read_stored(&stored)).transpose()
    }

    /// What became of a create of this client; `None` if there was no such create.
    pub(crate) async fn outcome_of_create(
        &self,
        temporary: &ObjectId,
    ) -> Result<Option<CreateOutcome>, StoreError> {
        let key = self.document.keys.creates(self.client);
        let command = args!["HGET", key, temporary.as_str()];
        let outcome = Reply::new("HGET", self.document.redis.run(command).await?).text()?;
        let Some(outcome) = outcome else {
            return Ok(None);
        };
        // The digest of its content stands before it.
        let outcome = outcome.trim_start_matches(|c: char| c == '#' || c.is_ascii_hexdigit());
        Ok(Some(match outcome.strip_prefix('=') {
            Some(id) => CreateOutcome::Created(stored_object_id(id.to_owned())?),
            None if outcome.is_empty() => CreateOutcome::Waiting,
            None => CreateOutcome::Failed,
        }))
    }

    /// Notes that a change was done which its device was told has failed, so that neither this create sent again makes another
    /// object, nor is somebody who asks after the change told the contrary.
    pub(crate) async fn note_done_after_all(
        &self,
        create: Option<(&ObjectId, &ObjectId)>,
        named: Option<(&ChangeName, &KeptVerdict)>,
    ) -> Result<(), StoreError> {
        let keys = &self.document.keys;
        let keys = [keys.creates(self.client), keys.sent(self.client)];
        let (temporary, id) = create.map_or(("", ""), |(temporary, id)| {
            (temporary.as_str(), id.as_str())
        });
        let (name, verdict) = match named {
            Some((name, verdict)) => (name.as_str(), to_stored(verdict)?),
            None => ("", Vec::new()),
        };
        let args = args![temporary, id, name, verdict];
        script::DONE_AFTER_ALL
            .run(self.document.redis, &keys, args)
            .await?;
        Ok(())
    }

    /// Keeps an operation for a later attempt, and says what is wrong with the source, if that is why. `false` if the lease is
    /// lost.
    pub(crate) async fn put_off(
        &self,
        lease: &str,
        number: u64,
        operation: &Operation,
        source_error: Option<&SourceError>,
    ) -> Result<bool, StoreError> {
        let Operation {
            offset,
            cursor,
            lacks_link,
            may_be_set_back,
            base,
            since,
            ..
        } = operation;
        let (lacks, set_back) = (u8::from(*lacks_link), u8::from(*may_be_set_back));
        let place = format!("{offset},{cursor},{lacks},{set_back},{base},{since} ");
        let mut stored = place.into_bytes();
        stored.extend(to_stored(operation)?);
        let error = source_error.map(to_stored).transpose()?.unwrap_or_default();
        let args = args![number, stored, lease, OPERATIONS_LEASE_MS, error];
        let [operations_key, lease_key] = self.keys();
        let keys = [operations_key, lease_key, self.document.keys.head()];
        let mut reply = script::PUT_OFF
            .run(self.document.redis, &keys, args)
            .await?;
        Ok(reply.required_text()? != "lost")
    }

    /// Gives the lease back, unless more than `known` operations wait by now.
    pub(crate) async fn release(
        &self,
        lease: &str,
        known: usize,
    ) -> Result<ReleaseOutcome, StoreError> {
        let mut reply = script::RELEASE
            .run(self.document.redis, &self.keys(), args![lease, known])
            .await?;
        match reply.required_text()?.as_str() {
            "released" | "lost" => Ok(ReleaseOutcome::Yes),
            "more" => Ok(ReleaseOutcome::MoreCame),
            other => Err(reply.unknown_outcome(other)),
        }
    }
}

/// Reads an operation as it is stored: where its device was when it was taken in, a space, and JSON.
fn read_stored(stored: &[u8]) -> Result<Operation, StoreError> {
    let damaged = || StoreError::Damaged {
        what: "an operation",
        reason: String::from_utf8_lossy(stored).into_owned(),
    };
    let space = stored
        .iter()
        .position(|byte| *byte == b' ')
        .ok_or_else(damaged)?;
    let (place, json) = stored.split_at(space);
    let place = std::str::from_utf8(place).map_err(|_| damaged())?;
    let mut place = place.split(',');
    let mut number = || place.next().and_then(|text| text.parse().ok());
    let offset = number().ok_or_else(damaged)?;
    let cursor = number().ok_or_else(damaged)?;
    let lacks_link = number().ok_or_else(damaged)? == 1;
    // One that was taken in by an earlier version does not say the rest.
    let may_be_set_back = number() == Some(1);
    let base = number().unwrap_or(cursor);
    let since = number().unwrap_or(0);
    Ok(Operation {
        offset,
        cursor: Version(cursor),
        lacks_link,
        may_be_set_back,
        base: Version(base),
        since: Version(since),
        ..parse_stored("an operation", json)?
    })
}
