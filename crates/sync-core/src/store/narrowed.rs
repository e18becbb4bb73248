//! Copies of parts of sources: those that devices narrow down by parameters. They end with their last client, or when the
//! back end was not asked for them in a long time.

use crate::model::{DocumentId, Millis, Partition, SourceName};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// The list of all such copies.
pub(crate) struct NarrowedCopies<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> NarrowedCopies<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Notes that the back end is asked for a copy. Comes before there is anything of it.
    pub(crate) async fn add(&self, copy: &DocumentId, now: Millis) -> Result<(), StoreError> {
        let command = args!["ZADD", keys::narrowed(), now.0, entry(copy)];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Takes a copy off the list.
    pub(crate) async fn remove(&self, copy: &DocumentId) -> Result<(), StoreError> {
        let command = args!["ZREM", keys::narrowed(), entry(copy)];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Copies that the back end was not asked for since, the oldest first and at most `limit`.
    pub(crate) async fn unused_since(
        &self,
        since: Millis,
        limit: usize,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let (key, until) = (keys::narrowed(), format!("({since}"));
        let command = args!["ZRANGEBYSCORE", key, "-inf", until, "LIMIT", "0", limit];
        let mut reply = Reply::new("ZRANGEBYSCORE", self.redis.run(command).await?);
        let mut copies = Vec::new();
        while !reply.is_empty() {
            let entry = reply.required_text()?;
            copies.push(parse(&entry).ok_or_else(|| reply.unknown_outcome(&entry))?);
        }
        Ok(copies)
    }
}

/// Only the partition may contain spaces.
fn entry(DocumentId { source, partition }: &DocumentId) -> String {
    format!("{source} {}", partition.to_stored())
}

fn parse(entry: &str) -> Option<DocumentId> {
    let (source, partition) = entry.split_once(' ')?;
    Some(DocumentId {
        source: SourceName::parse(source).ok()?,
        partition: Partition::from_stored(partition)?,
    })
}
