//! The store's time. Hosts whose clocks do not agree go by it wherever one of them reads what another has written.

use crate::model::Millis;
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::script::{Reply, args};

/// Now, by the store's clock.
pub(crate) async fn store_time(redis: &impl RedisConn) -> Result<Millis, StoreError> {
    if let Some(time) = redis.time_of_test() {
        return Ok(time);
    }
    let mut reply = Reply::new("TIME", redis.run(args!["TIME"]).await?);
    let (seconds, micros) = (reply.number()?, reply.number()?);
    Ok(Millis(
        seconds.saturating_mul(1_000).saturating_add(micros / 1_000),
    ))
}
