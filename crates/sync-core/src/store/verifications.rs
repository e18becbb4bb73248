//! Counts how often devices have had their copies compared lately.

use crate::model::ClientId;
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// Comparisons of copies, per client within a window.
pub(crate) struct Verifications<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> Verifications<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Counts one more, and says how many there are. The first opens the window.
    pub(crate) async fn add(
        &self,
        client: &ClientId,
        window_seconds: u64,
    ) -> Result<u64, StoreError> {
        let key = keys::verifications(client);
        let open = args!["SET", &key, "0", "EX", window_seconds, "NX"];
        // Sent together on one connection, they run in this order.
        let (open, count) =
            futures_util::join!(self.redis.run(open), self.redis.run(args!["INCR", &key]));
        open?;
        Reply::new("INCR", count?).number()
    }
}
