//! Collecting what no client needs any more: tombstones, and cursors of clients that were silent for long.

use serde::{Deserialize, Serialize};

use crate::model::{ClientId, DocumentId, EPOCH, Millis, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::bindings::Continuation;
use crate::store::clients::{Clients, stored_client};
use crate::store::document::{CHUNK, Document};
use crate::store::redis::script::{self, Reply, args};

/// How far a scan of a document's clients is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientScan {
    /// Where it goes on.
    position: String,
    /// The version that all clients so far have passed.
    passed: Version,
    /// Below which no cursor moves back any more; none in the first of the two scans.
    #[serde(default)]
    floor: Option<Version>,
}

/// A client as a document knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastHeard {
    /// The day, since 1970, it was heard of last; `None`: it has no cursor here.
    pub(crate) day: Option<u64>,
    /// Operations that wait for their verdict.
    pub(crate) waiting: u64,
}

impl<R: RedisConn> Document<'_, R> {
    /// When a client was heard of last, and whether something of it waits.
    pub(crate) async fn last_heard(&self, client: &ClientId) -> Result<LastHeard, StoreError> {
        let entry = args!["HGET", self.keys.clients(), client.as_str()];
        let waiting = args!["HLEN", self.keys.operations(client)];
        let (entry, waiting) = futures_util::join!(self.redis.run(entry), self.redis.run(waiting));
        let entry = Reply::new("HGET", entry?).text()?;
        let cursor = entry.as_deref().map(parse_cursor).transpose()?;
        Ok(LastHeard {
            day: cursor.map(|cursor| cursor.day),
            waiting: Reply::new("HLEN", waiting?).number()?,
        })
    }

    /// Begins to look through the clients; `None` if there is nothing to collect.
    pub(crate) async fn begin_client_scan(&self) -> Result<Option<ClientScan>, StoreError> {
        let passed = self.version().await?;
        Ok((passed > Version::ZERO).then(|| ClientScan {
            position: "0".to_owned(),
            passed,
            floor: None,
        }))
    }

    /// After a scan that has found what all clients have passed: bulk data files move cursors back, from now on not below
    /// that. Some may have moved before, so there is a second scan. `None` if there is nothing to collect.
    async fn second_scan(&self, passed: Version) -> Result<Option<ClientScan>, StoreError> {
        let keys = [self.keys.head(), self.keys.tombstones()];
        let raised = script::RAISE_FLOOR.run(self.redis, &keys, args![passed.0]);
        let floor = Version(raised.await?.number()?);
        Ok((floor > Version::ZERO).then(|| ClientScan {
            position: "0".to_owned(),
            passed: floor,
            floor: Some(floor),
        }))
    }

    /// Looks through some of the clients, and takes their cursors from those that were silent for `retention_days`.
    /// Answers the version that all clients have passed once it is known, or how to go on.
    ///
    /// Cursors that move meanwhile only move forward, but for those that a bulk data file moves back to the floor at most; new
    /// ones start at the log's end. So the answer stays true.
    pub(crate) async fn scan_clients(
        &self,
        id: &DocumentId,
        now: Millis,
        retention_days: u64,
        scan: ClientScan,
    ) -> Result<Result<Version, ClientScan>, StoreError> {
        let ClientScan {
            position,
            mut passed,
            floor,
        } = scan;
        let command = args!["HSCAN", self.keys.clients(), &position, "COUNT", CHUNK];
        let mut reply = Reply::new("HSCAN", self.redis.run(command).await?);
        let position = reply.required_text()?;
        while !reply.is_empty() {
            let client = stored_client(reply.required_text()?)?;
            let cursor = parse_cursor(&reply.required_text()?)?;
            if cursor.day + retention_days < now.day() {
                // Where its tokens go on is written first: without the cursor nobody would know.
                let next = Continuation {
                    offset: cursor.offset + self.version().await?.0,
                    last_push: 0,
                };
                Clients::new(self.redis)
                    .set_continuation(&client, &id.source, next)
                    .await?;
                self.unbind(&client).await?;
            } else {
                passed = passed.min(cursor.acknowledged);
            }
        }
        if position != "0" {
            return Ok(Err(ClientScan {
                position,
                passed,
                floor,
            }));
        }
        if floor.is_some() {
            return Ok(Ok(passed));
        }
        let second = self.second_scan(passed).await?;
        Ok(second.map_or(Ok(Version::ZERO), Err))
    }

    /// Removes some of the tombstones that every client has passed. Says how many, and whether there are more.
    pub(crate) async fn collect_passed(&self, passed: Version) -> Result<(u64, bool), StoreError> {
        let keys = [
            self.keys.log(),
            self.keys.records(),
            self.keys.tombstones(),
            self.keys.refresh_lease(),
        ];
        let mut reply = script::COLLECT
            .run(self.redis, &keys, args![passed.0, CHUNK])
            .await?;
        let removed = reply.number()?;
        Ok((removed, removed == CHUNK as u64))
    }
}

/// What of a client's entry decides about tombstones.
pub(super) struct StoredCursor {
    /// Nothing before this is of interest to the client.
    pub(super) acknowledged: Version,
    /// Without the document's epoch.
    pub(super) offset: u64,
    pub(super) day: u64,
}

pub(super) fn parse_cursor(entry: &str) -> Result<StoredCursor, StoreError> {
    let damaged = || StoreError::Damaged {
        what: "a client's cursor",
        reason: entry.to_owned(),
    };
    let mut numbers = entry.splitn(7, ',').take(6).map(str::parse::<u64>);
    let mut next = || numbers.next().and_then(Result::ok).ok_or_else(damaged);
    let (cursor, base, _given) = (next()?, next()?, next()?);
    let (offset, since, day) = (next()? % EPOCH, next()?, next()?);
    // A client without a base had nothing when it started.
    let acknowledged = if base > 0 { cursor } else { cursor.max(since) };
    Ok(StoredCursor {
        acknowledged: Version(acknowledged),
        offset,
        day,
    })
}
