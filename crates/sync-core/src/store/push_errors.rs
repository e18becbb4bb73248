//! What push services said last, where that was an error.

use std::collections::BTreeMap;

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// The last errors of push services.
pub(crate) struct PushErrors<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> PushErrors<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Notes what a service said to the last ping; nothing if it took it.
    pub(crate) async fn note(&self, service: &str, error: Option<&str>) -> Result<(), StoreError> {
        let command = match error {
            Some(error) => args!["HSET", keys::push_errors(), service, error],
            None => args!["HDEL", keys::push_errors(), service],
        };
        self.redis.run(command).await?;
        Ok(())
    }

    /// What services said last, by service.
    pub(crate) async fn all(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let reply = self
            .redis
            .run(args!["HGETALL", keys::push_errors()])
            .await?;
        let mut reply = Reply::new("HGETALL", reply);
        let mut errors = BTreeMap::new();
        while !reply.is_empty() {
            errors.insert(reply.required_text()?, reply.required_text()?);
        }
        Ok(errors)
    }
}
