//! Answers to writes that may be repeated.

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, args};
use crate::store::redis::set_or_get::set_or_get;

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
        set_or_get(self.redis, &self.key, begun, seconds).await
    }

    /// Keeps what became of the write, or forgets it where that is empty; unless another has begun it anew since this one
    /// wrote down that it had `begun`.
    pub(crate) async fn end(
        &self,
        begun: &str,
        kept: &[u8],
        seconds: u64,
    ) -> Result<(), StoreError> {
        let args = args![begun, kept.to_vec(), seconds];
        let ended = script::END_WRITE.run(self.redis, std::slice::from_ref(&self.key), args);
        ended.await.map(drop)
    }
}
