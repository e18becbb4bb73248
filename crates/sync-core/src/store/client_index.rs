//! All clients: by id, by when they were heard of, and those that fail.
//!
//! What requests have to say of clients comes here a moment later, of many clients at once.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use futures_util::join;

use crate::model::{ClientEvent, ClientId, DocumentId, Millis, SourceName};
use crate::ports::{Order, RedisConn};
use crate::store::StoreError;
use crate::store::client_events::ClientEvents;
use crate::store::document::Document;
use crate::store::news::DevicePlace;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, arg, args};

/// What was heard of a client lately.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Whether the last request for a source failed, by source.
    pub(crate) failed: BTreeMap<SourceName, bool>,
    /// What it did.
    pub(crate) events: Vec<ClientEvent>,
    /// How far it is in documents, if it keeps its cursors itself and was sent something.
    pub(crate) places: BTreeMap<DocumentId, DevicePlace>,
}

/// A part of a list.
#[derive(Debug)]
pub(crate) struct ScoredPage {
    /// The members with their times.
    pub(crate) items: Vec<(String, Millis)>,
    /// Where the next part begins.
    pub(crate) next: Option<ScoredCursor>,
    /// Where this one began.
    began: Option<ScoredCursor>,
}

impl ScoredPage {
    /// The place before a member once some members before it, by their numbers, have been taken off the list.
    pub(crate) fn before_without(&self, number: usize, gone: &[usize]) -> Option<ScoredCursor> {
        let cursor = self.before(number)?;
        let same = |at: &&usize| {
            self.items
                .get(**at)
                .is_some_and(|(_, time)| time.0 == cursor.at)
        };
        let told = cursor.told.saturating_sub(gone.iter().filter(same).count());
        Some(ScoredCursor { told, ..cursor })
    }

    /// The place before a member.
    pub(crate) fn before(&self, number: usize) -> Option<ScoredCursor> {
        let items = self.items.get(..number)?;
        let Some((_, last)) = items.last() else {
            return self.began;
        };
        let same = items.iter().filter(|(_, at)| at == last).count();
        let before = self.began.filter(|cursor| cursor.at == last.0);
        Some(ScoredCursor {
            at: last.0,
            told: same + before.map_or(0, |cursor| cursor.told),
        })
    }
}

/// A place in a list by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScoredCursor {
    /// The time of the last member of the part before.
    at: u64,
    /// How many members of that time were told.
    told: usize,
}

impl ScoredCursor {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (at, told) = text.split_once('-')?;
        Some(Self {
            at: at.parse().ok()?,
            told: told.parse().ok()?,
        })
    }
}

impl std::fmt::Display for ScoredCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at, self.told)
    }
}

/// In which order a list by time is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeOrder {
    OldestFirst,
    NewestFirst,
}

/// The lists of all clients.
pub(crate) struct ClientIndex<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> ClientIndex<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Notes a client that is registered.
    pub(crate) async fn add(&self, client: &ClientId, now: Millis) -> Result<(), StoreError> {
        let listed = args!["ZADD", keys::clients(), "0", client.as_str()];
        let seen = args!["ZADD", keys::clients_seen(), now.0, client.as_str()];
        let (listed, seen) = join!(self.redis.run(listed), self.redis.run(seen));
        listed?;
        seen?;
        Ok(())
    }

    /// Forgets a client that synced some sources.
    pub(crate) async fn remove(
        &self,
        client: &ClientId,
        sources: impl Iterator<Item = &SourceName>,
    ) -> Result<(), StoreError> {
        let mut failing = args!["ZREM", keys::clients_failing()];
        failing.extend(sources.map(|source| arg(failing_entry(client, source))));
        let listed = args!["ZREM", keys::clients(), client.as_str()];
        let seen = args!["ZREM", keys::clients_seen(), client.as_str()];
        let events = args!["UNLINK", keys::client_events(client)];
        let failing = Some(failing).filter(|command| command.len() > 2);
        let removed = [listed, seen, events].into_iter().chain(failing);
        try_join_all(removed.map(|command| self.redis.run(command))).await?;
        Ok(())
    }

    /// Notes what was heard of clients.
    pub(crate) async fn note(
        &self,
        heard: &BTreeMap<ClientId, Heard>,
        now: Millis,
    ) -> Result<(), StoreError> {
        if heard.is_empty() {
            return Ok(());
        }
        let mut seen = args!["ZADD", keys::clients_seen()];
        let mut fails = args!["ZADD", keys::clients_failing(), "NX"];
        let mut works = args!["ZREM", keys::clients_failing()];
        let (none_fails, none_works) = (fails.len(), works.len());
        for (client, Heard { failed, .. }) in heard {
            seen.extend(args![now.0, client.as_str()]);
            for (source, failed) in failed {
                let entry = failing_entry(client, source);
                if *failed {
                    fails.extend(args![now.0, entry]);
                } else {
                    works.push(entry.into_bytes());
                }
            }
        }
        let mut commands = vec![seen];
        commands.extend(Some(fails).filter(|command| command.len() > none_fails));
        commands.extend(Some(works).filter(|command| command.len() > none_works));
        let commands = try_join_all(commands.into_iter().map(|command| self.redis.run(command)));
        let events = heard.iter().filter(|(_, heard)| !heard.events.is_empty());
        let store = ClientEvents::new(self.redis);
        let events = try_join_all(events.map(|(client, heard)| store.add(client, &heard.events)));
        let (commands, events, places) = join!(commands, events, self.note_places(heard));
        commands?;
        events?;
        places
    }

    async fn note_places(&self, heard: &BTreeMap<ClientId, Heard>) -> Result<(), StoreError> {
        let mut by_document: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (client, Heard { places, .. }) in heard {
            for (document, place) in places {
                let of_document = by_document.entry(document).or_default();
                of_document.push((client, place));
            }
        }
        let noted = by_document.iter().map(async |(document, places)| {
            let document = Document::new(self.redis, document);
            document.note_places(places).await
        });
        try_join_all(noted).await?;
        Ok(())
    }

    /// Forgets what was last heard of before some time.
    pub(crate) async fn forget_before(&self, time: Millis) -> Result<(), StoreError> {
        let forget = [keys::clients_seen(), keys::clients_failing()].map(|key| {
            let before = format!("({time}");
            self.redis
                .run(args!["ZREMRANGEBYSCORE", key, "-inf", before])
        });
        try_join_all(forget).await?;
        Ok(())
    }

    /// How many clients are registered.
    pub(crate) async fn count(&self) -> Result<u64, StoreError> {
        let reply = self.redis.run(args!["ZCARD", keys::clients()]).await?;
        Reply::new("ZCARD", reply).number()
    }

    /// How many clients were heard of since.
    pub(crate) async fn heard_since(&self, time: Millis) -> Result<u64, StoreError> {
        let command = args!["ZCOUNT", keys::clients_seen(), time.0, "+inf"];
        Reply::new("ZCOUNT", self.redis.run(command).await?).number()
    }

    /// When clients were last heard of.
    pub(crate) async fn seen(
        &self,
        clients: &[&ClientId],
    ) -> Result<Vec<Option<Millis>>, StoreError> {
        self.scores(
            keys::clients_seen(),
            clients.iter().map(|client| arg(client.as_str())),
        )
        .await
    }

    /// Since when what clients ask for fails, for pairs of client and source.
    pub(crate) async fn failing(
        &self,
        asked: impl Iterator<Item = (&ClientId, &SourceName)>,
    ) -> Result<Vec<Option<Millis>>, StoreError> {
        let entries = asked.map(|(client, source)| arg(failing_entry(client, source)));
        self.scores(keys::clients_failing(), entries).await
    }

    async fn scores(
        &self,
        key: String,
        members: impl Iterator<Item = Vec<u8>>,
    ) -> Result<Vec<Option<Millis>>, StoreError> {
        let mut command = args!["ZMSCORE", key];
        command.extend(members);
        if command.len() == 2 {
            return Ok(Vec::new());
        }
        let mut reply = Reply::new("ZMSCORE", self.redis.run(command).await?);
        (0..reply.len())
            .map(|_| {
                Ok(reply
                    .text()?
                    .and_then(|score| score.parse().ok())
                    .map(Millis))
            })
            .collect()
    }

    /// Lists ids that begin with a text, after one and at most `limit`.
    pub(crate) async fn by_id(
        &self,
        beginning: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let list = (keys::clients(), Order::Ascending);
        self.beginning_with(list, beginning, after, limit).await
    }

    /// Lists names of users that begin with a text, after one and at most `limit`.
    pub(crate) async fn users_by_name(
        &self,
        beginning: &str,
        after: Option<&str>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<String>, StoreError> {
        let list = (keys::users(), order);
        self.beginning_with(list, beginning, after, limit).await
    }

    async fn beginning_with(
        &self,
        (key, order): (String, Order),
        beginning: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut smallest = match beginning {
            "" => b"-".to_vec(),
            _ => format!("[{beginning}").into_bytes(),
        };
        // No text of UTF-8 has this byte.
        let mut greatest = match beginning {
            "" => b"+".to_vec(),
            _ => [b"(", beginning.as_bytes(), &[0xff]].concat(),
        };
        let after = after.map(|after| (after, format!("({after}").into_bytes()));
        match (after, order) {
            (Some((after, bound)), Order::Ascending) if after >= beginning => smallest = bound,
            (Some((after, bound)), Order::Descending)
                if after < beginning || after.starts_with(beginning) =>
            {
                greatest = bound;
            }
            _ => {}
        }
        let (range, from, to) = match order {
            Order::Ascending => ("ZRANGEBYLEX", smallest, greatest),
            Order::Descending => ("ZREVRANGEBYLEX", greatest, smallest),
        };
        let mut command = args![range, key];
        command.extend([from, to]);
        command.extend(args!["LIMIT", "0", limit]);
        let mut reply = Reply::new(range, self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.required_text()).collect()
    }

    /// Lists clients by when they were last heard of, the newest first; only those of before some time if one is given.
    pub(crate) async fn by_time(
        &self,
        before: Option<Millis>,
        cursor: Option<ScoredCursor>,
        limit: usize,
    ) -> Result<ScoredPage, StoreError> {
        let until = before.map_or_else(|| "+inf".to_owned(), |time| format!("({time}"));
        page(
            self.redis,
            keys::clients_seen(),
            (TimeOrder::NewestFirst, &until),
            cursor,
            limit,
        )
        .await
    }

    /// Lists clients whose requests fail, and for which source, since the longest first.
    pub(crate) async fn all_failing(
        &self,
        cursor: Option<ScoredCursor>,
        limit: usize,
    ) -> Result<ScoredPage, StoreError> {
        let (key, order) = (keys::clients_failing(), TimeOrder::OldestFirst);
        page(self.redis, key, (order, "+inf"), cursor, limit).await
    }
}

/// A part of a sorted set whose scores are times, up to a bound of Redis's.
pub(crate) async fn page<R: RedisConn>(
    redis: &R,
    key: String,
    (order, until): (TimeOrder, &str),
    cursor: Option<ScoredCursor>,
    limit: usize,
) -> Result<ScoredPage, StoreError> {
    let at = cursor.map(|cursor| cursor.at.to_string());
    let skip = cursor.map_or(0, |cursor| cursor.told);
    let at = at.as_deref();
    let (verb, from, to) = match order {
        TimeOrder::OldestFirst => ("ZRANGEBYSCORE", at.unwrap_or("-inf"), until),
        TimeOrder::NewestFirst => ("ZREVRANGEBYSCORE", at.unwrap_or(until), "-inf"),
    };
    let command = args![verb, key, from, to, "WITHSCORES", "LIMIT", skip, limit];
    let mut reply = Reply::new(verb, redis.run(command).await?);
    let mut items = Vec::with_capacity(reply.len() / 2);
    while !reply.is_empty() {
        items.push((reply.required_text()?, Millis(reply.number()?)));
    }
    let mut page = ScoredPage {
        items,
        next: None,
        began: cursor,
    };
    if page.items.len() == limit {
        page.next = page.before(limit);
    }
    Ok(page)
}

/// Neither ids nor names of sources have spaces.
fn failing_entry(client: &ClientId, source: &SourceName) -> String {
    format!("{client} {source}")
}

/// The client of an entry, whatever it is about.
pub(crate) fn client_of_entry(entry: &str) -> Option<ClientId> {
    ClientId::parse(entry.split(' ').next()?).ok()
}
