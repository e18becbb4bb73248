//! Public keys of an identity provider, for all instances.

use crate::model::Millis;
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};
use crate::store::redis::set_or_get::set_or_get;

/// How long keys are kept, in seconds.
const LIFETIME_SECONDS: u64 = 86_400;

/// How long nobody else goes to look for keys, in seconds.
const TURN_SECONDS: u64 = 30;

/// The keys found at one address.
pub(crate) struct KeySets<'a, R> {
    redis: &'a R,
    digest: &'a str,
}

impl<'a, R: RedisConn> KeySets<'a, R> {
    pub(crate) fn new(redis: &'a R, digest: &'a str) -> Self {
        Self { redis, digest }
    }

    pub(crate) async fn get(&self) -> Result<Option<String>, StoreError> {
        let get = args!["GET", keys::key_set(self.digest)];
        Reply::new("GET", self.redis.run(get).await?).text()
    }

    pub(crate) async fn put(&self, text: &str) -> Result<(), StoreError> {
        let key = keys::key_set(self.digest);
        let set = args!["SET", key, text, "EX", LIFETIME_SECONDS];
        self.redis.run(set).await?;
        Ok(())
    }

    /// Takes the turn to look for keys, if nobody has it; else answers since when somebody has.
    pub(crate) async fn take_turn(&self, now: Millis) -> Result<Option<Millis>, StoreError> {
        let key = keys::key_set_turn(self.digest);
        let since = set_or_get(self.redis, &key, &now.to_string(), TURN_SECONDS).await?;
        let since = since.map(|since| String::from_utf8(since).unwrap_or_default());
        Ok(since.map(|since| Millis(since.parse().unwrap_or_default())))
    }
}
