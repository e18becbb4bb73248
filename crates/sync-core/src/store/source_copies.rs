//! The copies of each source, and how its back end is doing: what administrators see without looking at every document.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use futures_util::join;

use crate::model::{DocumentId, Millis, Partition, SourceName};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::Document;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// What became of asking a back end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refreshed {
    /// When that was over.
    pub(crate) at: Millis,
    /// How long it took, in milliseconds.
    pub(crate) took: u64,
    /// What is wrong: its kind, and a message.
    pub(crate) error: Option<(String, String)>,
}

/// How a source is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourceCondition {
    /// Number of copies.
    pub(crate) copies: u64,
    /// Objects in all of them, as far as that has been noted.
    pub(crate) objects: u64,
    /// The last time a back end was asked.
    pub(crate) refreshed: Option<Refreshed>,
    /// Since when that fails.
    pub(crate) failing_since: Option<Millis>,
}

/// The copies of all sources.
pub(crate) struct SourceCopies<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> SourceCopies<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Notes how copies are that have changed, or of which the back end was asked.
    pub(crate) async fn note(
        &self,
        touched: &BTreeMap<DocumentId, Option<Refreshed>>,
    ) -> Result<(), StoreError> {
        let noted = touched.iter().map(async |(id, refreshed)| {
            let objects = Document::new(self.redis, id).count().await?;
            let DocumentId { source, partition } = id;
            let keys = [keys::copies(source), keys::source_condition(source)];
            let objects = objects.map(|objects| objects.to_string());
            let mut args = args![partition.to_stored(), objects.unwrap_or_default()];
            match refreshed {
                Some(Refreshed { at, took, error }) => {
                    let error = error.as_ref();
                    let error = error.map(|(kind, message)| format!("{kind} {message}"));
                    args.extend(args![at.0, *took, error.unwrap_or_default()]);
                }
                None => args.extend(args!["", "", ""]),
            }
            script::NOTE_COPY.run(self.redis, &keys, args).await
        });
        try_join_all(noted).await?;
        Ok(())
    }

    /// Forgets a source.
    pub(crate) async fn forget(&self, source: &SourceName) -> Result<(), StoreError> {
        let command = args![
            "UNLINK",
            keys::copies(source),
            keys::source_condition(source)
        ];
        self.redis.run(command).await?;
        Ok(())
    }

    /// How a source is doing.
    pub(crate) async fn condition(
        &self,
        source: &SourceName,
    ) -> Result<SourceCondition, StoreError> {
        let key = keys::source_condition(source);
        let condition = args!["HMGET", key, "objects", "at", "took", "since", "error"];
        let copies = args!["HLEN", keys::copies(source)];
        let (condition, copies) = join!(self.redis.run(condition), self.redis.run(copies));
        let mut reply = Reply::new("HMGET", condition?);
        let mut number = || {
            let text = reply.text()?;
            Ok::<Option<u64>, StoreError>(text.and_then(|text| text.parse().ok()))
        };
        let (objects, at, took, since) = (number()?, number()?, number()?, number()?);
        let error = reply.text()?;
        let error = error.map(|error| match error.split_once(' ') {
            Some((kind, message)) => (kind.to_owned(), message.to_owned()),
            None => (String::new(), error),
        });
        Ok(SourceCondition {
            copies: Reply::new("HLEN", copies?).number()?,
            objects: objects.unwrap_or(0),
            refreshed: at.map(|at| Refreshed {
                at: Millis(at),
                took: took.unwrap_or(0),
                error,
            }),
            failing_since: since.map(Millis),
        })
    }

    /// Lists copies of a source, about `limit`, from a position of Redis's; answers the next one.
    pub(crate) async fn list(
        &self,
        source: &SourceName,
        position: u64,
        limit: usize,
    ) -> Result<(Vec<DocumentId>, Option<u64>), StoreError> {
        let command = args!["HSCAN", keys::copies(source), position, "COUNT", limit];
        let mut reply = Reply::new("HSCAN", self.redis.run(command).await?);
        let position = reply.number()?;
        let mut copies = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            let (partition, _objects) = (reply.required_text()?, reply.bytes()?);
            let partition = Partition::from_stored(&partition);
            copies.extend(partition.map(|partition| DocumentId {
                source: source.clone(),
                partition,
            }));
        }
        Ok((copies, Some(position).filter(|position| *position > 0)))
    }
}
