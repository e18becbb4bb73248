//! Clients, and what they are bound to.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ClientId, DocumentId, Millis, Partition, ResetMark, SourceName, UserId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::client_index::ClientIndex;
use crate::store::deadlines::Deadlines;
use crate::store::metrics::CLIENTS_COUNTER;
use crate::store::redis::keys::{self, ClientField};
use crate::store::redis::script::{self, Reply, arg, args};

/// What a device calls the address by which it is pushed to.
pub(crate) const PUSH_ADDRESS: &str = "device_pin";

/// What stands before the partition that a client is about to get a cursor in. Whoever finds it there without one has not lost
/// it: another request is about to make it, or was cut off.
pub(super) const BEGINNING: char = '+';

/// Devices.
pub(crate) struct Clients<'a, R> {
    pub(super) redis: &'a R,
}

/// What is kept of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientRecord {
    pub(crate) user: UserId,
    pub(crate) created_at: Millis,
    /// The session by which it was registered last.
    pub(crate) session: Option<String>,
    /// What the device says of itself, by the names devices use.
    pub(crate) description: BTreeMap<String, String>,
    /// The partitions its cursors are in, by source.
    pub(crate) bindings: BTreeMap<SourceName, Partition>,
    /// Sources it once had a cursor for.
    pub(crate) left: BTreeSet<SourceName>,
}

impl ClientRecord {
    /// The documents the client has a cursor in, of every source.
    pub(crate) fn bound_documents(&self) -> impl Iterator<Item = DocumentId> {
        self.bindings.iter().map(|(source, partition)| DocumentId {
            source: source.clone(),
            partition: partition.clone(),
        })
    }
}

impl<'a, R: RedisConn> Clients<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Registers a client, or changes what is known of its device. It is looked at again at `deadline`.
    pub(crate) async fn put(
        &self,
        client: &ClientId,
        user: &UserId,
        session: &str,
        now: Millis,
        deadline: Millis,
        description: &[(&str, &str)],
    ) -> Result<(), StoreError> {
        // The user's list and the deadline first: a client that is listed but has no record is harmless, the other way
        // round it would outlive its user.
        let listed = args!["ZADD", keys::user_clients(user), "0", client.as_str()];
        let deadlines = Deadlines::of_clients(self.redis);
        let index = ClientIndex::new(self.redis);
        let (listed, noted, indexed) = futures_util::join!(
            self.redis.run(listed),
            deadlines.set(client.as_str(), deadline),
            index.add(client, now)
        );
        listed?;
        noted?;
        indexed?;
        let key = keys::client(client);
        let mut command = args!["HSET", &key, "user", user.as_str(), "session", session];
        for (name, value) in description {
            command.extend([arg(*name), arg(*value)]);
        }
        let created = self.redis.run(args!["HSETNX", &key, "at", now.0]);
        let (put, created) = futures_util::join!(self.redis.run(command), created);
        if Reply::new("HSETNX", created?).number()? == 1 {
            self.count("1").await?;
        }
        put?;
        Ok(())
    }

    /// Forgets where a client is pushed to, unless that has changed.
    pub(crate) async fn forget_push_address(
        &self,
        client: &ClientId,
        address: &str,
    ) -> Result<(), StoreError> {
        script::DELETE_FIELD_IF
            .run(
                self.redis,
                &[keys::client(client)],
                args![PUSH_ADDRESS, address],
            )
            .await
            .map(drop)
    }

    /// Reads a client.
    pub(crate) async fn get(&self, client: &ClientId) -> Result<Option<ClientRecord>, StoreError> {
        let command = args!["HGETALL", keys::client(client)];
        let mut reply = Reply::new("HGETALL", self.redis.run(command).await?);
        let mut fields = BTreeMap::new();
        while !reply.is_empty() {
            fields.insert(reply.required_text()?, reply.required_text()?);
        }
        let Some(user) = fields.remove("user") else {
            return Ok(None);
        };
        let mut record = ClientRecord {
            user: stored_user(user)?,
            created_at: Millis(
                fields
                    .remove("at")
                    .and_then(|at| at.parse().ok())
                    .unwrap_or(0),
            ),
            session: fields.remove("session"),
            description: BTreeMap::new(),
            bindings: BTreeMap::new(),
            left: BTreeSet::new(),
        };
        fields.remove(keys::LAST_RESET);
        for (field, value) in fields {
            match keys::source_of_client_field(&field) {
                Some(ClientField::Binding(source)) => {
                    if let Some(partition) = bound_partition(&value) {
                        record.bindings.insert(source, partition);
                    }
                }
                Some(ClientField::Continuation(source)) => {
                    record.left.insert(source);
                }
                Some(ClientField::Untold | ClientField::Reset) => {}
                None => {
                    record.description.insert(field, value);
                }
            }
        }
        Ok(Some(record))
    }

    /// Lists ids of a user's clients in lexical order, after one and at most `limit`.
    pub(crate) async fn list(
        &self,
        user: &UserId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ClientId>, StoreError> {
        let start = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let key = keys::user_clients(user);
        let command = args!["ZRANGEBYLEX", key, start, "+", "LIMIT", "0", limit];
        let mut reply = Reply::new("ZRANGEBYLEX", self.redis.run(command).await?);
        (0..reply.len())
            .map(|_| stored_client(reply.required_text()?))
            .collect()
    }

    /// How many clients a user has.
    pub(crate) async fn count_of(&self, user: &UserId) -> Result<u64, StoreError> {
        let command = args!["ZCARD", keys::user_clients(user)];
        Reply::new("ZCARD", self.redis.run(command).await?).number()
    }

    /// Forgets a client. Its record goes last: as long as it is there, deleting it can be begun again.
    pub(crate) async fn remove(&self, client: &ClientId, user: &UserId) -> Result<(), StoreError> {
        self.redis
            .run(args!["ZREM", keys::user_clients(user), client.as_str()])
            .await?;
        let command = args!["UNLINK", keys::client(client)];
        if Reply::new("UNLINK", self.redis.run(command).await?).number()? == 1 {
            self.count("-1").await?;
        }
        Deadlines::of_clients(self.redis)
            .clear(client.as_str())
            .await
    }

    /// Counts clients, for those who watch over the server: a crash between this and what was counted makes it wrong by
    /// one.
    async fn count(&self, difference: &str) -> Result<(), StoreError> {
        let command = args!["HINCRBY", keys::metrics(), CLIENTS_COUNTER, difference];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Marks that the client has to start the source over. Answers its last mark before, by which access tokens are known
    /// that do not know of this one yet; `None` if the client is gone.
    pub(crate) async fn mark_reset(
        &self,
        client: &ClientId,
        source: &SourceName,
        ResetMark(mark): ResetMark,
    ) -> Result<Option<ResetMark>, StoreError> {
        let keys = [keys::client(client)];
        let args = args![keys::LAST_RESET, keys::reset_field(source), mark];
        let mut reply = script::MARK_RESET.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "unknown" => Ok(None),
            "ok" => Ok(Some(ResetMark(reply.number()?))),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// When an administrator last let the client start any source over.
    pub(crate) async fn last_reset(&self, client: &ClientId) -> Result<ResetMark, StoreError> {
        self.reset_in(client, keys::LAST_RESET).await
    }

    /// When an administrator last let the client start this source over.
    pub(crate) async fn last_reset_of(
        &self,
        client: &ClientId,
        source: &SourceName,
    ) -> Result<ResetMark, StoreError> {
        self.reset_in(client, &keys::reset_field(source)).await
    }

    async fn reset_in(&self, client: &ClientId, field: &str) -> Result<ResetMark, StoreError> {
        let command = args!["HGET", keys::client(client), field];
        let mut reply = Reply::new("HGET", self.redis.run(command).await?);
        let mark = reply.text()?.map(|text| {
            text.parse().map_err(|_| StoreError::Damaged {
                what: "the mark of a reset",
                reason: format!("{text:?} is not a number"),
            })
        });
        Ok(ResetMark(mark.transpose()?.unwrap_or(0)))
    }

    /// Whose client it is.
    pub(crate) async fn user(&self, client: &ClientId) -> Result<Option<UserId>, StoreError> {
        let mut reply = Reply::new(
            "HGET",
            self.redis
                .run(args!["HGET", keys::client(client), "user"])
                .await?,
        );
        reply.text()?.map(stored_user).transpose()
    }

    /// Moves the client to another user's list and record.
    pub(crate) async fn hand_over(
        &self,
        client: &ClientId,
        from: &UserId,
        to: &UserId,
    ) -> Result<(), StoreError> {
        self.redis
            .run(args!["ZADD", keys::user_clients(to), "0", client.as_str()])
            .await?;
        self.redis
            .run(args!["HSET", keys::client(client), "user", to.as_str()])
            .await?;
        self.redis
            .run(args!["ZREM", keys::user_clients(from), client.as_str()])
            .await?;
        Ok(())
    }
}

/// Where a client is bound to, or about to be.
pub(super) fn bound_partition(stored: &str) -> Option<Partition> {
    Partition::from_stored(stored.strip_prefix(BEGINNING).unwrap_or(stored))
}

pub(super) fn stored_user(text: String) -> Result<UserId, StoreError> {
    UserId::parse(text).map_err(|error| StoreError::Damaged {
        what: "a user name",
        reason: error.to_string(),
    })
}

pub(super) fn stored_client(text: String) -> Result<ClientId, StoreError> {
    ClientId::parse(text).map_err(|error| StoreError::Damaged {
        what: "a client id",
        reason: error.to_string(),
    })
}
