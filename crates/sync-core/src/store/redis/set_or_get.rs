//! A value that whoever comes first sets.

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::script::{Reply, args};

/// Sets a key that is not there, for so many seconds; else answers what is. In two commands, as one with both `NX` and `GET`
/// needs Redis 7.
pub(crate) async fn set_or_get<R: RedisConn>(
    redis: &R,
    key: &str,
    value: &str,
    seconds: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    loop {
        let set = args!["SET", key, value, "NX", "EX", seconds];
        if Reply::new("SET", redis.run(set).await?).text()?.is_some() {
            return Ok(None);
        }
        let known = Reply::new("GET", redis.run(args!["GET", key]).await?).bytes()?;
        if known.is_some() {
            return Ok(known);
        }
        // It has ended in between.
    }
}
