//! The store's time. Hosts whose clocks do not agree go by it wherever one of them reads what another has written.

use crate::{Millis, RedisConn, Reply, StoreError, args};

/// Now, by the store's clock.
///
/// # Errors
/// The store's.
pub async fn store_time(redis: &impl RedisConn) -> Result<Millis, StoreError> {
    if let Some(time) = redis.time_of_test() {
        return Ok(time);
    }
    let mut reply = Reply::new("TIME", redis.run(args!["TIME"]).await?);
    let (seconds, micros) = (reply.number()?, reply.number()?);
    Ok(Millis(seconds.saturating_mul(1_000)).plus(micros / 1_000))
}

/// What tells a script the time: nothing, since it asks the store for it; or the time of a test that has its own, in milliseconds.
pub fn script_time(redis: &impl RedisConn) -> String {
    let time = redis.time_of_test().map(|time| time.to_string());
    time.unwrap_or_default()
}
