//! All changes that are not done, by when their devices have sent them: for administrators.
//!
//! Three lists, in slots of their own, so they are written after what they tell of: what a crash leaves out of the first, the job
//! notes that sees to the operations. What one of them has too many, whoever reads it takes off.

use futures_util::future::try_join_all;
use sync_jobs::JobId;

use crate::model::{ClientId, DocumentId, Millis, Partition, SourceName, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::client_index::{ScoredCursor, ScoredPage, TimeOrder, page};
use crate::store::redis::keys;
use crate::store::redis::script::{arg, args};

/// Members that go to the store in one command.
const AT_ONCE: usize = 1_000;

/// Most refusals that are listed. Nobody tells the list that a device was told, so most of them are no longer open.
const MOST_REFUSED: usize = 100_000;

/// One of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeList {
    /// Operations that wait, but for those that a request works on and ends.
    Waiting,
    /// Changes that jobs keep.
    GivenUp,
    /// Refusals that devices have yet to be told, or users to see to.
    Refused,
}

/// Where a change is that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListedChange {
    /// Among the operations of a client, by its number.
    Waiting(ClientId, DocumentId, u64),
    GivenUp(JobId),
    /// In the outbox of a client, by its version.
    Refused(ClientId, DocumentId, Version),
}

impl ChangeList {
    fn key(self) -> String {
        match self {
            Self::Waiting => keys::operations_waiting(),
            Self::GivenUp => keys::changes_given_up(),
            Self::Refused => keys::changes_refused(),
        }
    }

    /// What a member of this list stands for.
    pub(crate) fn parse(self, member: &str) -> Option<ListedChange> {
        if self == Self::GivenUp {
            return JobId::parse(member).ok().map(ListedChange::GivenUp);
        }
        // Only the partition may contain spaces.
        let mut parts = member.splitn(4, ' ');
        let number = u64::from_str_radix(parts.next()?, 16).ok()?;
        let client = ClientId::parse(parts.next()?).ok()?;
        let document = DocumentId {
            source: SourceName::parse(parts.next()?).ok()?,
            partition: Partition::from_stored(parts.next()?)?,
        };
        Some(match self {
            Self::Waiting => ListedChange::Waiting(client, document, number),
            Self::GivenUp | Self::Refused => {
                ListedChange::Refused(client, document, Version(number))
            }
        })
    }
}

impl ListedChange {
    /// The source, where the list says it.
    pub(crate) fn source(&self) -> Option<&SourceName> {
        match self {
            Self::Waiting(_, document, _) | Self::Refused(_, document, _) => Some(&document.source),
            Self::GivenUp(_) => None,
        }
    }
}

/// Changes that were sent at once come in the order of their numbers.
fn member(number: u64, client: &ClientId, document: &DocumentId) -> String {
    let DocumentId { source, partition } = document;
    format!("{number:016x} {client} {source} {}", partition.to_stored())
}

/// The lists.
pub(crate) struct ListedChanges<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> ListedChanges<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Lists operations that wait, with the times at which they were sent.
    pub(crate) async fn add_waiting(
        &self,
        client: &ClientId,
        document: &DocumentId,
        operations: &[(u64, Millis)],
    ) -> Result<(), StoreError> {
        let commands = operations.chunks(AT_ONCE).map(|operations| {
            let mut command = args!["ZADD", ChangeList::Waiting.key()];
            for (number, sent) in operations {
                command.extend(args![sent.0, member(*number, client, document)]);
            }
            self.redis.run(command)
        });
        try_join_all(commands).await?;
        Ok(())
    }

    /// Takes operations off that wait no longer.
    pub(crate) async fn remove_waiting(
        &self,
        client: &ClientId,
        document: &DocumentId,
        numbers: &[u64],
    ) -> Result<(), StoreError> {
        let members = numbers
            .iter()
            .map(|number| member(*number, client, document));
        self.remove(ChangeList::Waiting, members).await
    }

    /// Lists a change that a job keeps.
    pub(crate) async fn add_given_up(&self, job: &JobId, sent: Millis) -> Result<(), StoreError> {
        let command = args!["ZADD", ChangeList::GivenUp.key(), sent.0, job.as_str()];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Takes a change off that was done, or discarded.
    pub(crate) async fn remove_given_up(&self, job: &JobId) -> Result<(), StoreError> {
        let member = job.as_str().to_owned();
        self.remove(ChangeList::GivenUp, std::iter::once(member))
            .await
    }

    /// Lists a refusal, by the version at which its client is told. The oldest make room.
    pub(crate) async fn add_refused(
        &self,
        client: &ClientId,
        document: &DocumentId,
        version: Version,
        sent: Millis,
    ) -> Result<(), StoreError> {
        let key = ChangeList::Refused.key();
        let member = member(version.0, client, document);
        let commands = [
            args!["ZADD", &key, sent.0, member],
            args![
                "ZREMRANGEBYRANK",
                &key,
                "0",
                format!("-{}", MOST_REFUSED + 1)
            ],
        ];
        try_join_all(commands.map(|command| self.redis.run(command))).await?;
        Ok(())
    }

    /// A part of a list.
    pub(crate) async fn part(
        &self,
        list: ChangeList,
        order: TimeOrder,
        cursor: Option<ScoredCursor>,
        limit: usize,
    ) -> Result<ScoredPage, StoreError> {
        page(self.redis, list.key(), (order, "+inf"), cursor, limit).await
    }

    /// Takes members off a list.
    pub(crate) async fn remove(
        &self,
        list: ChangeList,
        members: impl Iterator<Item = String>,
    ) -> Result<(), StoreError> {
        let members: Vec<_> = members.map(arg).collect();
        let commands = members.chunks(AT_ONCE).map(|members| {
            let mut command = args!["ZREM", list.key()];
            command.extend_from_slice(members);
            self.redis.run(command)
        });
        try_join_all(commands).await?;
        Ok(())
    }

    /// Forgets what was given up, or refused, of what was sent before some time.
    pub(crate) async fn forget_before(
        &self,
        given_up: Millis,
        refused: Millis,
    ) -> Result<(), StoreError> {
        let forget = [
            (ChangeList::GivenUp, given_up),
            (ChangeList::Refused, refused),
        ];
        let forget = forget.map(|(list, time)| {
            let before = format!("({time}");
            let command = args!["ZREMRANGEBYSCORE", list.key(), "-inf", before];
            self.redis.run(command)
        });
        try_join_all(forget).await?;
        Ok(())
    }
}
