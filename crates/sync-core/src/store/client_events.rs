//! What a client did lately: its last events, newest first.

use crate::model::{ClientEvent, ClientId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::{parse_stored, to_stored};
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// How long after its last event they are kept, in seconds.
const LIFETIME_SECONDS: u64 = 30 * 86_400;

/// The events of clients.
pub(crate) struct ClientEvents<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> ClientEvents<'a, R> {
    /// Events of a client that are kept.
    pub(crate) const MOST: usize = 50;

    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Adds events, the oldest first.
    pub(crate) async fn add(
        &self,
        client: &ClientId,
        events: &[ClientEvent],
    ) -> Result<(), StoreError> {
        let mut args = args![Self::MOST, LIFETIME_SECONDS];
        for event in events {
            args.push(to_stored(event)?);
        }
        script::ADD_EVENTS
            .run(self.redis, &[keys::client_events(client)], args)
            .await
            .map(drop)
    }

    /// The events after so many of the newest, and at most `limit`.
    pub(crate) async fn list(
        &self,
        client: &ClientId,
        from: usize,
        limit: usize,
    ) -> Result<Vec<ClientEvent>, StoreError> {
        let to = from.saturating_add(limit.min(Self::MOST)).saturating_sub(1);
        let command = args!["LRANGE", keys::client_events(client), from, to];
        let mut reply = Reply::new("LRANGE", self.redis.run(command).await?);
        (0..reply.len())
            .map(|_| parse_stored("an event", reply.required_text()?.as_bytes()))
            .collect()
    }
}
