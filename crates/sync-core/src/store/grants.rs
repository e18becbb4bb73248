//! Tokens that an authorization server gave for a grant, for all instances.

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// How long one may ask the authorization server while the others wait, in milliseconds: longer than any call may take.
const LEASE_MS: u64 = 25_000;

/// How long tokens are kept that nobody has used, in seconds: a year.
const LIFETIME_SECONDS: u64 = 366 * 86_400;

/// The tokens of one grant.
pub(crate) struct GrantStore<'a, R> {
    redis: &'a R,
    grant: &'a str,
}

impl<'a, R: RedisConn> GrantStore<'a, R> {
    pub(crate) fn new(redis: &'a R, grant: &'a str) -> Self {
        Self { redis, grant }
    }

    /// Reads what is kept, as it was sealed; empty if there is nothing.
    pub(crate) async fn read(&self) -> Result<String, StoreError> {
        let get = args!["GET", keys::grant(self.grant)];
        let found = Reply::new("GET", self.redis.run(get).await?).text()?;
        Ok(found.unwrap_or_default())
    }

    /// Takes the turn to ask the authorization server. `false`: somebody else has it.
    pub(crate) async fn take_turn(&self, lease: &str) -> Result<bool, StoreError> {
        let key = keys::grant_turn(self.grant);
        let set = args!["SET", key, lease, "NX", "PX", LEASE_MS];
        Ok(Reply::new("SET", self.redis.run(set).await?)
            .text()?
            .is_some())
    }

    /// Keeps tokens, unless others were kept since those that were read.
    pub(crate) async fn keep(&self, sealed: &str, was: &str) -> Result<(), StoreError> {
        let keys = [keys::grant(self.grant)];
        script::SET_IF
            .run(self.redis, &keys, args![was, sealed])
            .await?;
        let [key] = keys;
        self.redis
            .run(args!["EXPIRE", key, LIFETIME_SECONDS])
            .await?;
        Ok(())
    }

    /// Gives the turn back.
    pub(crate) async fn end_turn(&self, lease: &str) -> Result<(), StoreError> {
        let keys = [keys::grant_turn(self.grant)];
        let dropped = script::DROP_LEASE.run(self.redis, &keys, args![lease]);
        dropped.await.map(drop)
    }
}
