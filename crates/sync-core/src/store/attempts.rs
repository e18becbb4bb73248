//! Counts attempts to log in.

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// Logins tried within a window, per account and per address.
pub(crate) struct Attempts<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> Attempts<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Counts one more attempt; answers how many there are in the window now.
    pub(crate) async fn count(
        &self,
        kind: &str,
        name: &str,
        window_seconds: u64,
    ) -> Result<u64, StoreError> {
        let key = keys::login_attempts(kind, name);
        let open = self
            .redis
            .run(args!["SET", &key, "0", "EX", window_seconds, "NX"]);
        let count = self.redis.run(args!["INCR", &key]);
        // Sent together on one connection, they run in this order.
        let (open, count) = futures_util::join!(open, count);
        open?;
        Reply::new("INCR", count?).number()
    }

    /// Forgets the attempts after a login that succeeded.
    pub(crate) async fn forget(&self, kind: &str, name: &str) -> Result<(), StoreError> {
        self.redis
            .run(args!["DEL", keys::login_attempts(kind, name)])
            .await?;
        Ok(())
    }
}
