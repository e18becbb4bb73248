//! The lease and the outcome of a refresh: one at a time per partition.

use crate::model::{Millis, ObjectId, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::descriptions::Marks;
use crate::store::document::{
    CHUNK, Document, LOGIN_ERROR, SourceError, stored_object_id, to_stored,
};
use crate::store::redis::script::{self, Reply, arg, args};

/// How long the progress of a refresh is kept that has broken off, in milliseconds. What the back end changes meanwhile may be
/// met twice or not at all, as while a query goes on; the next one puts that right.
const PROGRESS_LIFETIME_MS: u64 = 900_000;

/// Whether a refresh may begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RefreshStart {
    /// The last one is young enough.
    Fresh,
    /// Somebody else is at it. `ever_refreshed` tells whether there is something to serve meanwhile.
    Busy { ever_refreshed: bool },
    /// It is ours. Nothing that is newer than `version` may be undone by it.
    Granted {
        version: Version,
        etag: Option<String>,
        digest: Option<String>,
        described: Marks,
        /// Where an earlier one broke off.
        goes_on_at: Option<String>,
        /// Up to where the last one has brought the document, in the adapter's words.
        mark: Option<String>,
    },
}

/// How far a refresh has come.
#[derive(Debug)]
pub(crate) struct RefreshProgress<'a> {
    /// Where it goes on, in the adapter's words.
    pub(crate) position: &'a str,
    /// The document's version at its begin.
    pub(crate) began_at: Version,
    /// Objects it has met since it last said how far it is.
    pub(crate) seen: &'a [ObjectId],
}

/// How a refresh ended.
#[derive(Debug)]
pub(crate) enum RefreshEnd<'a> {
    /// The document holds the back end's answer, of which these are tag and digest; `complete` unless objects were
    /// passed over because they had moved. With a mark, the document has been brought up to there. Devices are told of those that were `refused`.
    Done {
        complete: bool,
        etag: &'a str,
        digest: &'a str,
        mark: &'a str,
        refused: Option<&'a SourceError>,
    },
    /// The back end could not be asked.
    Failed(&'a SourceError),
    /// It goes on later.
    Unfinished,
}

impl<R: RedisConn> Document<'_, R> {
    /// Takes the lease, if the last refresh is older than `max_age_ms`.
    pub(crate) async fn begin_refresh(
        &self,
        now: Millis,
        max_age_ms: u64,
        lease: &str,
        lease_ms: u64,
    ) -> Result<RefreshStart, StoreError> {
        let keys = [
            self.keys.head(),
            self.keys.refresh_lease(),
            self.keys.progress(),
        ];
        let mut reply = script::BEGIN_REFRESH
            .run(self.redis, &keys, args![now.0, max_age_ms, lease, lease_ms])
            .await?;
        match reply.required_text()?.as_str() {
            "fresh" => Ok(RefreshStart::Fresh),
            "busy" => Ok(RefreshStart::Busy {
                ever_refreshed: reply.number()? > 0,
            }),
            "granted" => {
                let version = Version(reply.number()?);
                let mut text = || {
                    reply
                        .required_text()
                        .map(|text| Some(text).filter(|text| !text.is_empty()))
                };
                let (etag, digest) = (text()?, text()?);
                Ok(RefreshStart::Granted {
                    version,
                    etag,
                    digest,
                    described: Marks::read(&mut reply)?,
                    goes_on_at: Some(reply.required_text()?).filter(|text| !text.is_empty()),
                    mark: Some(reply.required_text()?).filter(|text| !text.is_empty()),
                })
            }
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Sets when the back end is to be asked next, in place of what the poll interval says.
    pub(crate) async fn set_refresh_due(&self, due: Millis) -> Result<(), StoreError> {
        let command = args!["HSET", self.keys.head(), "due", due.0];
        self.redis.run(command).await.map(drop).map_err(Into::into)
    }

    /// Gives the lease back. `false` when it was lost before.
    pub(crate) async fn end_refresh(
        &self,
        lease: &str,
        began: Millis,
        now: Millis,
        began_at: Version,
        end: RefreshEnd<'_>,
    ) -> Result<bool, StoreError> {
        let keys = [
            self.keys.head(),
            self.keys.refresh_lease(),
            self.keys.progress(),
            self.keys.seen(),
            self.keys.clients(),
            self.keys.held_names(),
        ];
        let mark = match &end {
            RefreshEnd::Done { mark, .. } => *mark,
            RefreshEnd::Failed(_) | RefreshEnd::Unfinished => "",
        };
        let mut args = match end {
            RefreshEnd::Done {
                complete,
                etag,
                digest,
                mark: _,
                refused,
            } => {
                let refused = refused.map(to_stored).transpose()?;
                args![
                    lease,
                    now.0,
                    refused.unwrap_or_default(),
                    if complete { "1" } else { "0" },
                    began_at.0,
                    etag,
                    digest
                ]
            }
            RefreshEnd::Failed(error) => {
                args![lease, now.0, to_stored(error)?, "", began_at.0, "", ""]
            }
            RefreshEnd::Unfinished => args![lease, now.0, "unfinished", "", began_at.0, "", ""],
        };
        args.extend([arg(began.0), arg(mark)]);
        let mut reply = script::END_REFRESH.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "ok" => Ok(true),
            "fenced" => Ok(false),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Keeps the lease while the refresh goes on. `false` when it is lost.
    pub(crate) async fn extend_refresh(
        &self,
        lease: &str,
        lease_ms: u64,
    ) -> Result<bool, StoreError> {
        let keys = [self.keys.refresh_lease()];
        let mut reply = script::EXTEND_LEASE
            .run(self.redis, &keys, args![lease, lease_ms])
            .await?;
        Ok(reply.required_text()? == "ok")
    }

    /// Keeps how far the refresh has come. `false` when its lease is lost.
    pub(crate) async fn keep_progress(
        &self,
        lease: &str,
        progress: RefreshProgress<'_>,
    ) -> Result<bool, StoreError> {
        let keys = [
            self.keys.refresh_lease(),
            self.keys.progress(),
            self.keys.seen(),
        ];
        let RefreshProgress {
            position,
            began_at,
            seen,
        } = progress;
        let mut args = args![lease, PROGRESS_LIFETIME_MS, position, began_at.0];
        args.extend(seen.iter().map(|id| arg(id.as_str())));
        let mut reply = script::KEEP_PROGRESS.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "ok" => Ok(true),
            "fenced" => Ok(false),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// The objects that a refresh which goes on has met before.
    pub(crate) async fn seen_before(&self) -> Result<Vec<ObjectId>, StoreError> {
        let mut seen = Vec::new();
        let mut position = "0".to_owned();
        loop {
            let command = args!["SSCAN", self.keys.seen(), &position, "COUNT", CHUNK];
            let mut reply = Reply::new("SSCAN", self.redis.run(command).await?);
            position = reply.required_text()?;
            while !reply.is_empty() {
                seen.push(stored_object_id(reply.required_text()?)?);
            }
            if position == "0" {
                return Ok(seen);
            }
        }
    }

    /// Forgets that the back end does not let anybody in.
    pub(crate) async fn forget_login_error(&self) -> Result<(), StoreError> {
        let keys = [self.keys.head()];
        script::FORGET_ERROR
            .run(self.redis, &keys, args![LOGIN_ERROR])
            .await?;
        Ok(())
    }

    /// Up to where the last refresh has brought the document, in the words of what it was asked of.
    pub(crate) async fn mark(&self) -> Result<Option<String>, StoreError> {
        let command = args!["HGET", self.keys.head(), "mark"];
        Reply::new("HGET", self.redis.run(command).await?).text()
    }

    /// Gives the document a life, by which it is told from a removed one of the same name, if it has none.
    pub(crate) async fn begin_life(&self, life: &str) -> Result<(), StoreError> {
        let command = args!["HSETNX", self.keys.head(), "life", life];
        self.redis.run(command).await.map(drop).map_err(Into::into)
    }

    /// Whether there ever was a refresh.
    pub(crate) async fn was_refreshed(&self) -> Result<bool, StoreError> {
        let command = args!["HEXISTS", self.keys.head(), "at"];
        Ok(Reply::new("HEXISTS", self.redis.run(command).await?).number()? == 1)
    }

    /// How many tombstones the document has.
    pub(crate) async fn tombstones(&self) -> Result<u64, StoreError> {
        Reply::new(
            "ZCARD",
            self.redis
                .run(args!["ZCARD", self.keys.tombstones()])
                .await?,
        )
        .number()
    }
}
