//! Which clients have changes that wait for a back end, and which have some that were given up.
//!
//! The operations themselves are with their documents (`operations.rs`), so this is another slot of a cluster, and is
//! written apart: after there is something to find, and taken back before it is looked whether there still is. What a crash
//! leaves out, the job notes that sees to the operations.

use futures_util::future::try_join_all;
use futures_util::join;
use sync_jobs::JobId;

use crate::model::{ClientId, DocumentId, Millis, Partition, SourceName};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::client_index::{ScoredCursor, ScoredPage, TimeOrder, page};
use crate::store::listed_changes::ListedChanges;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, arg, args};

/// What is known of a client's changes that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Since when the oldest waits.
    pub(crate) since: Millis,
    /// What the back end said last.
    pub(crate) error: Option<String>,
}

/// The lists of clients whose changes are not done.
pub(crate) struct WaitingChanges<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> WaitingChanges<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Notes that changes were taken in which somebody else works on: operations of these numbers.
    pub(crate) async fn begin(
        &self,
        client: &ClientId,
        document: &DocumentId,
        now: Millis,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<(), StoreError> {
        let entry = waiting_entry(client, document);
        let command = args!["ZADD", keys::changes_waiting(), "NX", now.0, entry];
        let operations: Vec<_> = numbers.into_iter().map(|number| (number, now)).collect();
        let listed = ListedChanges::new(self.redis);
        let listed = listed.add_waiting(client, document, &operations);
        let (begun, listed) = join!(self.redis.run(command), listed);
        begun?;
        listed
    }

    /// Notes what still waits, with the operations' numbers and when they were sent.
    pub(crate) async fn note(
        &self,
        client: &ClientId,
        document: &DocumentId,
        waiting: &Waiting,
        operations: &[(u64, Millis)],
    ) -> Result<(), StoreError> {
        let entry = waiting_entry(client, document);
        let (key, reasons) = (keys::changes_waiting(), keys::changes_waiting_for());
        let since = args!["ZADD", key, waiting.since.0, &entry];
        let reason = match &waiting.error {
            Some(error) => args!["HSET", reasons, &entry, error],
            None => args!["HDEL", reasons, &entry],
        };
        let listed = ListedChanges::new(self.redis);
        let listed = listed.add_waiting(client, document, operations);
        let (since, reason, listed) = join!(self.redis.run(since), self.redis.run(reason), listed);
        since?;
        reason?;
        listed
    }

    /// Notes that nothing waits.
    pub(crate) async fn clear(
        &self,
        client: &ClientId,
        document: &DocumentId,
    ) -> Result<(), StoreError> {
        let entry = waiting_entry(client, document);
        let since = args!["ZREM", keys::changes_waiting(), &entry];
        let reason = args!["HDEL", keys::changes_waiting_for(), &entry];
        let (since, reason) = join!(self.redis.run(since), self.redis.run(reason));
        since?;
        reason?;
        Ok(())
    }

    /// What is known of some clients in some documents.
    pub(crate) async fn of(
        &self,
        asked: &[(&ClientId, DocumentId)],
    ) -> Result<Vec<Option<Waiting>>, StoreError> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let entries = asked.iter();
        let entries: Vec<_> = entries
            .map(|(client, document)| arg(waiting_entry(client, document)))
            .collect();
        let mut since = args!["ZMSCORE", keys::changes_waiting()];
        since.extend(entries.iter().cloned());
        let mut reasons = args!["HMGET", keys::changes_waiting_for()];
        reasons.extend(entries);
        let (since, reasons) = join!(self.redis.run(since), self.redis.run(reasons));
        let mut since = Reply::new("ZMSCORE", since?);
        let mut reasons = Reply::new("HMGET", reasons?);
        asked
            .iter()
            .map(|_| {
                let since = since.text()?.and_then(|score| score.parse().ok());
                let error = reasons.text()?;
                Ok(since.map(|since| Waiting {
                    since: Millis(since),
                    error,
                }))
            })
            .collect()
    }

    /// Lists who waits, since the longest first; with a time, only who waits since before it.
    pub(crate) async fn list(
        &self,
        before: Option<Millis>,
        cursor: Option<ScoredCursor>,
        limit: usize,
    ) -> Result<ScoredPage, StoreError> {
        let until = before.map_or_else(|| "+inf".to_owned(), |time| format!("({time}"));
        let order = (TimeOrder::OldestFirst, until.as_str());
        page(self.redis, keys::changes_waiting(), order, cursor, limit).await
    }

    /// How many clients wait since before some time, once for each copy, and of how many changes were given up.
    pub(crate) async fn count_stuck(&self, before: Millis) -> Result<u64, StoreError> {
        let until = format!("({before}");
        let waiting = args!["ZCOUNT", keys::changes_waiting(), "-inf", until];
        let given_up = args!["ZCARD", keys::clients_given_up()];
        let (waiting, given_up) = join!(self.redis.run(waiting), self.redis.run(given_up));
        let waiting = Reply::new("ZCOUNT", waiting?).number()?;
        Ok(waiting + Reply::new("ZCARD", given_up?).number()?)
    }

    /// Notes that a change of a client was given up that was sent at some time, and which job keeps it.
    pub(crate) async fn give_up(
        &self,
        client: &ClientId,
        job: &JobId,
        sent: Millis,
        now: Millis,
        kept_ms: u64,
    ) -> Result<(), StoreError> {
        let key = keys::given_up(client);
        let commands = [
            args!["ZADD", &key, now.0, job.as_str()],
            args!["PEXPIRE", &key, kept_ms],
            args!["ZADD", keys::clients_given_up(), now.0, client.as_str()],
        ];
        let commands = try_join_all(commands.map(|command| self.redis.run(command)));
        let listed = ListedChanges::new(self.redis);
        let (commands, listed) = join!(commands, listed.add_given_up(job, sent));
        commands?;
        listed
    }

    /// Notes that a change that was given up is no longer: it was done, or discarded.
    pub(crate) async fn take_up(&self, client: &ClientId, job: &JobId) -> Result<(), StoreError> {
        let key = keys::given_up(client);
        let listed = ListedChanges::new(self.redis);
        let taken_off = self.redis.run(args!["ZREM", &key, job.as_str()]);
        let (taken_off, unlisted) = join!(taken_off, listed.remove_given_up(job));
        taken_off?;
        unlisted?;
        let left = self.redis.run(args!["EXISTS", &key]).await?;
        if Reply::new("EXISTS", left).number()? == 0 {
            let command = args!["ZREM", keys::clients_given_up(), client.as_str()];
            self.redis.run(command).await?;
        }
        Ok(())
    }

    /// The jobs that keep what was given up of a client, the latest first.
    pub(crate) async fn given_up(
        &self,
        client: &ClientId,
        most: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let to = most.saturating_sub(1);
        let command = args!["ZREVRANGE", keys::given_up(client), "0", to];
        let mut reply = Reply::new("ZREVRANGE", self.redis.run(command).await?);
        let mut jobs = Vec::with_capacity(reply.len());
        while !reply.is_empty() {
            let id = reply.required_text()?;
            jobs.extend(JobId::parse(&id).ok());
        }
        Ok(jobs)
    }

    /// How many changes of a client were given up.
    pub(crate) async fn count_given_up(&self, client: &ClientId) -> Result<u64, StoreError> {
        let reply = self
            .redis
            .run(args!["ZCARD", keys::given_up(client)])
            .await?;
        Reply::new("ZCARD", reply).number()
    }

    /// Lists the clients of which changes were given up, the latest first.
    pub(crate) async fn list_given_up(
        &self,
        cursor: Option<ScoredCursor>,
        limit: usize,
    ) -> Result<ScoredPage, StoreError> {
        let order = (TimeOrder::NewestFirst, "+inf");
        page(self.redis, keys::clients_given_up(), order, cursor, limit).await
    }

    /// Forgets a client.
    pub(crate) async fn forget(&self, client: &ClientId) -> Result<(), StoreError> {
        let commands = [
            args!["ZREM", keys::clients_given_up(), client.as_str()],
            args!["UNLINK", keys::given_up(client)],
        ];
        try_join_all(commands.map(|command| self.redis.run(command))).await?;
        Ok(())
    }

    /// Forgets who had nothing given up since.
    pub(crate) async fn forget_before(&self, time: Millis) -> Result<(), StoreError> {
        let before = format!("({time}");
        let command = args!["ZREMRANGEBYSCORE", keys::clients_given_up(), "-inf", before];
        self.redis.run(command).await?;
        Ok(())
    }
}

/// Only the partition may contain spaces.
fn waiting_entry(client: &ClientId, document: &DocumentId) -> String {
    let DocumentId { source, partition } = document;
    format!("{client} {source} {}", partition.to_stored())
}

/// The client and the document of an entry.
pub(crate) fn waiting_of_entry(entry: &str) -> Option<(ClientId, DocumentId)> {
    let mut parts = entry.splitn(3, ' ');
    let client = ClientId::parse(parts.next()?).ok()?;
    let source = SourceName::parse(parts.next()?).ok()?;
    let partition = Partition::from_stored(parts.next()?)?;
    Some((client, DocumentId { source, partition }))
}
