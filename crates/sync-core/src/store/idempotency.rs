//! Answers to writes that may be repeated.

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// What is kept of a write by its idempotency key.
pub(crate) struct Idempotency<'a, R> {
    redis: &'a R,
    key: String,
}

impl<'a, R: RedisConn> Idempotency<'a, R> {
    pub(crate) fn new(redis: &'a R, token: &str, digest: &str) -> Self {
        Self {
            redis,
            key: keys::idempotency(token, digest),
        }
    }

    /// Writes down that the write has begun, unless something is there: that is answered.
    pub(crate) async fn begin(
        &self,
        begun: &str,
        seconds: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let set = args!["SET", &self.key, begun, "NX", "GET", "EX", seconds];
        Reply::new("SET", self.redis.run(set).await?).bytes()
    }

    /// Keeps what became of the write.
    pub(crate) async fn end(&self, kept: &[u8], seconds: u64) -> Result<(), StoreError> {
        self.redis
            .run(args!["SET", &self.key, kept.to_vec(), "EX", seconds])
            .await?;
        Ok(())
    }

    /// Forgets the write.
    pub(crate) async fn forget(&self) -> Result<(), StoreError> {
        self.redis.run(args!["DEL", &self.key]).await?;
        Ok(())
    }
}
