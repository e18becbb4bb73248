//! What is known of the callbacks that were registered at back ends.

use serde::{Deserialize, Serialize};

use crate::model::{Millis, SourceName};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// A source's callback at its back end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionRecord {
    /// A random text, made with the record: a store that begins anew must not use a key of another.
    pub(crate) life: String,
    /// How many callbacks were made and removed.
    pub(crate) round: u64,
    /// The back end's name of the callback, while there is one.
    pub(crate) id: Option<String>,
    /// What tells the settings by which it was made.
    pub(crate) made_by: String,
    /// When it was made or renewed.
    pub(crate) renewed_at: Millis,
    /// Those that others have taken the place of, and that are still to be removed.
    pub(crate) old: Vec<String>,
    /// What they are removed by when the source is not in the settings any more, sealed.
    #[serde(default)]
    pub(crate) hook: Option<String>,
}

impl SubscriptionRecord {
    /// Whether there is nothing at the back end.
    pub(crate) fn is_over(&self) -> bool {
        self.id.is_none() && self.old.is_empty()
    }
}

/// Sources that may have a callback at their back ends.
pub(crate) async fn subscribed_sources<R: RedisConn>(
    redis: &R,
) -> Result<Vec<SourceName>, StoreError> {
    let found = redis.run(args!["SMEMBERS", keys::subscriptions()]).await?;
    let mut reply = Reply::new("SMEMBERS", found);
    let names = (0..reply.len()).map(|_| reply.required_text());
    let names = names.collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(names.flat_map(SourceName::parse).collect())
}

/// The record of one source.
pub(crate) struct SubscriptionStore<'a, R> {
    redis: &'a R,
    source: &'a SourceName,
    key: String,
}

impl<'a, R: RedisConn> SubscriptionStore<'a, R> {
    pub(crate) fn new(redis: &'a R, source: &'a SourceName) -> Self {
        Self {
            redis,
            source,
            key: keys::subscription(source),
        }
    }

    /// Reads the record, and the text that it was read from.
    pub(crate) async fn read(&self) -> Result<(SubscriptionRecord, String), StoreError> {
        let found = self.redis.run(args!["GET", &self.key]).await?;
        let text = Reply::new("GET", found).text()?.unwrap_or_default();
        // What nobody can read is as good as nothing: the callback is made anew.
        let record = serde_json::from_str(&text).unwrap_or_default();
        Ok((record, text))
    }

    /// Notes that the source may have a callback. It comes before the first.
    pub(crate) async fn list(&self) -> Result<(), StoreError> {
        let command = args!["SADD", keys::subscriptions(), self.source.as_str()];
        self.redis.run(command).await.map(drop).map_err(Into::into)
    }

    /// Forgets the source, unless somebody has written the record meanwhile.
    pub(crate) async fn forget(&self, was: &str) -> Result<(), StoreError> {
        let command = args!["SREM", keys::subscriptions(), self.source.as_str()];
        self.redis.run(command).await?;
        let keys = std::slice::from_ref(&self.key);
        let forgotten = script::SET_IF.run(self.redis, keys, args![was, ""]);
        match forgotten.await?.required_text()?.as_str() {
            "ok" => Ok(()),
            _ => self.list().await,
        }
    }

    /// Writes the record if it still is as it was read; answers its text then.
    pub(crate) async fn write(
        &self,
        record: &SubscriptionRecord,
        was: &str,
    ) -> Result<Option<String>, StoreError> {
        let text = serde_json::to_string(record).unwrap_or_default();
        let keys = std::slice::from_ref(&self.key);
        let mut reply = script::SET_IF
            .run(self.redis, keys, args![was, &text])
            .await?;
        match reply.required_text()?.as_str() {
            "ok" => Ok(Some(text)),
            _ => Ok(None),
        }
    }
}
