//! Events of back ends that have been taken in.

use crate::model::SourceName;
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// How long an event is known, in seconds: back ends send again what was not answered for some hours.
const LIFETIME_SECONDS: u64 = 86_400;

/// An event of a source, by a digest of what tells it from others.
pub(crate) struct HookEvent<'a, R> {
    redis: &'a R,
    key: String,
}

impl<'a, R: RedisConn> HookEvent<'a, R> {
    pub(crate) fn new(redis: &'a R, source: &SourceName, digest: &str) -> Self {
        let key = keys::hook_event(source, digest);
        Self { redis, key }
    }

    /// Whether it was taken in before.
    pub(crate) async fn is_known(&self) -> Result<bool, StoreError> {
        let found = self.redis.run(args!["EXISTS", &self.key]).await?;
        Ok(Reply::new("EXISTS", found).number()? > 0)
    }

    /// Notes that it is taken in.
    pub(crate) async fn keep(&self) -> Result<(), StoreError> {
        let set = args!["SET", &self.key, "1", "EX", LIFETIME_SECONDS];
        self.redis.run(set).await?;
        Ok(())
    }
}
