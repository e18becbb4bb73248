//! Views of a document for administrators.

use crate::model::{ClientId, Millis, Token, UserId, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::{Document, SourceError, parse_stored};
use crate::store::pull::CursorState;
use crate::store::redis::script::{Reply, args};

/// A document as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) version: Version,
    /// Objects that exist.
    pub(crate) live: u64,
    pub(crate) refreshed_at: Option<Millis>,
    pub(crate) source_error: Option<SourceError>,
    /// How long the last refresh took, in milliseconds.
    pub(crate) took: Option<u64>,
    /// When the back end is to be asked next, where that was set.
    pub(crate) due: Option<Millis>,
}

/// Where a client stands in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) cursor: Version,
    /// See [`PullState::base`](crate::store::PullState).
    pub(crate) base: Version,
    /// The version up to which it was sent everything, the cursor or a later one.
    pub(crate) sent: Version,
    /// What acknowledges everything up to the cursor.
    pub(crate) token: Token,
    pub(crate) since: Version,
    pub(crate) user: String,
    pub(crate) state: CursorState,
    /// Operations of the client that wait for their verdict.
    pub(crate) waiting: u64,
}

impl<R: RedisConn> Document<'_, R> {
    /// How many objects there are; `None` if there is no such document.
    pub(crate) async fn count(&self) -> Result<Option<u64>, StoreError> {
        let command = args!["HMGET", self.keys.head(), "n", "v", "life", "at"];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let count = reply.text()?;
        let mut is_there = count.is_some();
        while !reply.is_empty() {
            is_there |= reply.text()?.is_some();
        }
        let count = count.and_then(|count| count.parse().ok()).unwrap_or(0);
        Ok(is_there.then_some(count))
    }

    /// How many clients have a cursor here.
    pub(crate) async fn client_count(&self) -> Result<u64, StoreError> {
        let reply = self.redis.run(args!["HLEN", self.keys.clients()]).await?;
        Reply::new("HLEN", reply).number()
    }

    /// A user of one of the clients that have a cursor here.
    pub(crate) async fn some_user(&self) -> Result<Option<UserId>, StoreError> {
        let command = args!["HRANDFIELD", self.keys.clients(), 1_u64, "WITHVALUES"];
        let mut reply = Reply::new("HRANDFIELD", self.redis.run(command).await?);
        if reply.is_empty() {
            return Ok(None);
        }
        let (_, entry) = (reply.text()?, reply.text()?.unwrap_or_default());
        let user = entry.splitn(8, ',').nth(7);
        let user = user.and_then(|user| UserId::parse(user).ok());
        user.map(Some).ok_or(StoreError::Damaged {
            what: "a client's cursor",
            reason: entry,
        })
    }

    /// Sums the document up. One that does not exist is empty.
    pub(crate) async fn summary(&self) -> Result<Summary, StoreError> {
        let command = args![
            "HMGET",
            self.keys.head(),
            "v",
            "n",
            "at",
            "took",
            "due",
            "err"
        ];
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let mut number = || {
            let text = reply.text()?;
            Ok::<_, StoreError>(text.and_then(|text| text.parse().ok()).unwrap_or(0))
        };
        let (version, live, at) = (number()?, number()?, number()?);
        let (took, due) = (number()?, number()?);
        let source_error = reply
            .text()?
            .map(|json| parse_stored("a source error", json.as_bytes()))
            .transpose()?;
        Ok(Summary {
            version: Version(version),
            live,
            refreshed_at: Some(Millis(at)).filter(|at| at.0 > 0),
            took: Some(took).filter(|_| at > 0),
            due: Some(Millis(due)).filter(|due| due.0 > 0),
            source_error,
        })
    }

    /// How many objects have changed after a version.
    pub(crate) async fn changed_after(&self, version: Version) -> Result<u64, StoreError> {
        let command = args!["ZCOUNT", self.keys.log(), format!("({version}"), "+inf"];
        Reply::new("ZCOUNT", self.redis.run(command).await?).number()
    }

    /// How many operations of a client wait for their verdict.
    pub(crate) async fn waiting(&self, client: &ClientId) -> Result<u64, StoreError> {
        let command = args!["HLEN", self.keys.operations(client)];
        Reply::new("HLEN", self.redis.run(command).await?).number()
    }

    /// The numbers of a client's operations that have no verdict.
    pub(crate) async fn waiting_numbers(&self, client: &ClientId) -> Result<Vec<u64>, StoreError> {
        let command = args!["HKEYS", self.keys.operations(client)];
        let mut reply = Reply::new("HKEYS", self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.number()).collect()
    }

    /// Says where a client stands; `None` if it has no cursor here.
    pub(crate) async fn position(&self, client: &ClientId) -> Result<Option<Position>, StoreError> {
        let entry = self
            .redis
            .run(args!["HGET", self.keys.clients(), client.as_str()]);
        let waiting = self.redis.run(args!["HLEN", self.keys.operations(client)]);
        let (entry, waiting) = futures_util::join!(entry, waiting);
        let waiting = Reply::new("HLEN", waiting?).number()?;
        let Some(entry) = Reply::new("HGET", entry?).text()? else {
            return Ok(None);
        };
        let damaged = || StoreError::Damaged {
            what: "a client's cursor",
            reason: entry.clone(),
        };
        let mut parts = entry.splitn(8, ',');
        let mut next = || parts.next().ok_or_else(damaged);
        let mut number = || next()?.parse::<u64>().map_err(|_| damaged());
        let (cursor, base, given) = (number()?, number()?, number()?);
        let (offset, since, _day) = (number()?, number()?, number()?);
        let (state, user) = (next()?, next()?);
        Ok(Some(Position {
            cursor: Version(cursor),
            base: Version(base),
            sent: Version(cursor.max(given / 2)),
            token: Token::new(offset + cursor),
            since: Version(since),
            user: UserId::parse(user).map_err(|_| damaged())?.into_string(),
            state: CursorState::parse(state).ok_or_else(damaged)?,
            waiting,
        }))
    }
}
