//! Counts logins that failed.

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// Logins that failed within a window, per account and per address.
pub(crate) struct LoginFailures<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> LoginFailures<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// How many there are in the window.
    pub(crate) async fn count(&self, kind: &str, name: &str) -> Result<u64, StoreError> {
        let command = args!["GET", keys::login_failures(kind, name)];
        let count = Reply::new("GET", self.redis.run(command).await?).text()?;
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// Counts one more. The first opens the window.
    pub(crate) async fn add(
        &self,
        kind: &str,
        name: &str,
        window_seconds: u64,
    ) -> Result<(), StoreError> {
        let key = keys::login_failures(kind, name);
        let open = self
            .redis
            .run(args!["SET", &key, "0", "EX", window_seconds, "NX"]);
        let count = self.redis.run(args!["INCR", &key]);
        // Sent together on one connection, they run in this order.
        let (open, count) = futures_util::join!(open, count);
        open?;
        count?;
        Ok(())
    }

    /// Forgets them.
    pub(crate) async fn forget(&self, kind: &str, name: &str) -> Result<(), StoreError> {
        self.redis
            .run(args!["DEL", keys::login_failures(kind, name)])
            .await?;
        Ok(())
    }
}
