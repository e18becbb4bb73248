//! What administrators and scripts did.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::Millis;
use crate::ports::{Order, RedisConn};
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};

/// Most entries of a log.
const MAX_ENTRIES: u64 = 10_000;

/// How long an entry is kept.
const KEPT_MS: u64 = 365 * 86_400_000;

/// Which log an entry is in. They are two so that what happens all the time does not push out what is rare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditKind {
    /// What scripts do all the time, and what anybody can cause: changes of objects, pings, failed logins.
    Routine,
    /// Everything else.
    Administration,
}

impl AuditKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::Administration => "administration",
        }
    }
}

/// Something that somebody did, or was not let do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Name of the administrator, or of the API token.
    pub who: String,
    /// Id of the API token; missing for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What, as the table of routes calls it.
    pub action: String,
    /// To what: a path.
    pub subject: String,
    /// What that is called, where the path does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Status of the answer.
    pub status: u16,
    /// The address that it came from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The place of an entry: of two the later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPosition {
    ms: u64,
    number: u64,
    kind: AuditKind,
}

impl AuditPosition {
    /// When it was kept, by the store's time.
    pub fn at(&self) -> Millis {
        Millis(self.ms)
    }

    /// Where a log is to be read from to get what follows in this order.
    fn following(self, kind: AuditKind, order: Order) -> String {
        let Self { ms, number, .. } = self;
        // Two entries of the two logs may have the same time and number.
        let follows = order.pick(kind > self.kind, kind < self.kind);
        format!("{}{ms}-{number}", if follows { "" } else { "(" })
    }
}

/// How the routine log's entries end, so that all ids are different.
const ROUTINE_MARK: char = 'r';

impl fmt::Display for AuditPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.number)?;
        match self.kind {
            AuditKind::Routine => write!(f, "{ROUTINE_MARK}"),
            AuditKind::Administration => Ok(()),
        }
    }
}

/// A text is no place of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place of an entry")]
pub struct InvalidPosition;

impl FromStr for AuditPosition {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (id, kind) = match text.strip_suffix(ROUTINE_MARK) {
            Some(id) => (id, AuditKind::Routine),
            None => (text, AuditKind::Administration),
        };
        let (ms, number) = id.split_once('-').ok_or(InvalidPosition)?;
        let parse = |part: &str| part.parse().map_err(|_| InvalidPosition);
        Ok(Self {
            ms: parse(ms)?,
            number: parse(number)?,
            kind,
        })
    }
}

/// The logs.
pub(crate) struct AuditStore<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> AuditStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Keeps an entry.
    pub(crate) async fn add(
        &self,
        kind: AuditKind,
        record: &AuditRecord,
    ) -> Result<(), StoreError> {
        let entry = serde_json::to_string(record).map_err(damaged)?;
        let args = args![entry, MAX_ENTRIES, KEPT_MS];
        script::ADD_AUDIT
            .run(self.redis, &[keys::audit(kind.as_str())], args)
            .await
            .map(drop)
    }

    /// The entries of both logs that follow a place, or the first ones, in this order and at most so many.
    pub(crate) async fn list(
        &self,
        place: Option<AuditPosition>,
        most: usize,
        order: Order,
    ) -> Result<Vec<(AuditPosition, AuditRecord)>, StoreError> {
        let administration = self.part(AuditKind::Administration, place, most, order);
        let routine = self.part(AuditKind::Routine, place, most, order);
        let (administration, routine) = futures_util::try_join!(administration, routine)?;
        let mut entries: Vec<_> = administration.into_iter().chain(routine).collect();
        entries.sort_by_key(|(place, _)| *place);
        if order == Order::Descending {
            entries.reverse();
        }
        // The first so many of both are among the first so many of each.
        entries.truncate(most);
        Ok(entries)
    }

    async fn part(
        &self,
        kind: AuditKind,
        place: Option<AuditPosition>,
        most: usize,
        order: Order,
    ) -> Result<Vec<(AuditPosition, AuditRecord)>, StoreError> {
        let (range, first, last) = order.pick(("XRANGE", "-", "+"), ("XREVRANGE", "+", "-"));
        let from = place.map_or_else(|| first.to_owned(), |place| place.following(kind, order));
        let key = keys::audit(kind.as_str());
        let command = args![range, key, from, last, "COUNT", most];
        let mut reply = Reply::new(range, self.redis.run(command).await?);
        let mut entries = Vec::new();
        while !reply.is_empty() {
            // Entries have one field each.
            let (id, _, entry) = (
                reply.required_text()?,
                reply.required_text()?,
                reply.required_text()?,
            );
            let place: AuditPosition = id.parse().map_err(damaged)?;
            let record = serde_json::from_str(&entry).map_err(damaged)?;
            entries.push((AuditPosition { kind, ..place }, record));
        }
        Ok(entries)
    }
}

fn damaged(reason: impl fmt::Display) -> StoreError {
    StoreError::Damaged {
        what: "an entry of the audit log",
        reason: reason.to_string(),
    }
}
