//! What is to be looked at some time, by when: whoever comes then finds it without looking through all there is.

use crate::model::{DocumentId, Millis, Partition};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// Names, each with a time.
pub(crate) struct Deadlines<'a, R> {
    redis: &'a R,
    key: String,
}

impl<'a, R: RedisConn> Deadlines<'a, R> {
    /// When to look whether clients are still there.
    pub(crate) fn of_clients(redis: &'a R) -> Self {
        Self {
            redis,
            key: keys::clients_due(),
        }
    }

    /// When to collect the tombstones of documents.
    pub(crate) fn of_documents(redis: &'a R) -> Self {
        Self {
            redis,
            key: keys::documents_due(),
        }
    }

    /// Has something looked at at a time, whatever was said before.
    pub(crate) async fn set(&self, name: &str, at: Millis) -> Result<(), StoreError> {
        self.redis.run(args!["ZADD", &self.key, at.0, name]).await?;
        Ok(())
    }

    /// Has something looked at at a time, unless it is to be looked at anyway.
    pub(crate) async fn set_if_none(&self, name: &str, at: Millis) -> Result<(), StoreError> {
        let command = args!["ZADD", &self.key, "NX", at.0, name];
        self.redis.run(command).await?;
        Ok(())
    }

    /// It need not be looked at any more.
    pub(crate) async fn clear(&self, name: &str) -> Result<(), StoreError> {
        self.redis.run(args!["ZREM", &self.key, name]).await?;
        Ok(())
    }

    /// What is to be looked at by now, the most urgent first.
    pub(crate) async fn due(&self, now: Millis, most: usize) -> Result<Vec<String>, StoreError> {
        let command = args![
            "ZRANGEBYSCORE",
            &self.key,
            "-inf",
            now.0,
            "LIMIT",
            "0",
            most
        ];
        let mut reply = Reply::new("ZRANGEBYSCORE", self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.required_text()).collect()
    }
}

/// What a document is called here. Only the partition, which comes last, may contain spaces.
pub(crate) fn document_name(id: &DocumentId) -> String {
    format!("{} {}", id.source, id.partition.to_stored())
}

/// The document of a name; `None` for what is none.
pub(crate) fn named_document(name: &str) -> Option<DocumentId> {
    let (source, partition) = name.split_once(' ')?;
    Some(DocumentId {
        source: source.parse().ok()?,
        partition: Partition::from_stored(partition)?,
    })
}
