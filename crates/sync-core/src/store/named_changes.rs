//! Changes that devices have names for: the same name has the same verdict, however often it is sent.

use crate::model::{
    ChangeName, ClientId, KeptVerdict, Millis, Operation, OperationKind, Partition, UserId,
};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::{
    CHUNK, CREATES_LIFETIME_SECONDS, Document, OPERATIONS_LEASE_MS, parse_stored, to_stored,
};
use crate::store::operations::MAX_WAITING;
use crate::store::redis::script::{self, Reply, arg, args};

/// What the store says to a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is taken in now, as the operation of this number.
    TakenIn(u64),
    /// It was taken in earlier.
    Waits,
    /// It has its verdict.
    Decided(KeptVerdict),
    /// The name was used for another change.
    NameReused,
    /// Another create has made an object by this id.
    ObjectTaken,
    /// Too many of the client's changes wait.
    Full,
    /// It was sent while the client followed another copy of the source, where it waits or has its verdict.
    Elsewhere(Partition),
    /// Nobody knows it.
    Unknown,
}

/// Stands before the partition of the copy where more is known of a change.
const ELSEWHERE: char = '@';

/// What became of changes that were handed in.
#[derive(Debug)]
pub(crate) enum TakeInOutcome {
    /// The client has no place in this document.
    Unbound,
    /// Each has an answer.
    Done {
        /// Whether the caller is the one to work on them now.
        leased: bool,
        /// Whether others waited before.
        waited: bool,
        /// The client's offset.
        offset: u64,
        said: Vec<Said>,
    },
}

impl<R: RedisConn> Document<'_, R> {
    /// Takes the changes in that are new, and tries to get the lease on the client's operations where one is named.
    pub(crate) async fn take_in(
        &self,
        client: &ClientId,
        user: &UserId,
        lease: Option<&str>,
        operations: &[Operation],
        now: Millis,
    ) -> Result<TakeInOutcome, StoreError> {
        let keys = [
            self.keys.head(),
            self.keys.clients(),
            self.keys.operations(client),
            self.keys.operations_lease(client),
            self.keys.creates(client),
            self.keys.creates_by_time(client),
            self.keys.sent(client),
            self.keys.sent_by_time(client),
        ];
        let mut args = args![
            client.as_str(),
            user.as_str(),
            lease.unwrap_or_default(),
            OPERATIONS_LEASE_MS,
            MAX_WAITING,
            CREATES_LIFETIME_SECONDS,
            now.0,
        ];
        for operation in operations {
            let name = operation.sent_as.as_ref().map_or("", ChangeName::as_str);
            let (temporary, content) = match operation.kind {
                OperationKind::Create => (operation.id.as_str(), operation.content()),
                OperationKind::Update | OperationKind::Delete => ("", String::new()),
            };
            args.extend(args![
                name,
                operation.digest(),
                temporary,
                content,
                operation.cursor.0
            ]);
            args.push(to_stored(operation)?);
        }
        let mut reply = script::TAKE_IN.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "unbound" => Ok(TakeInOutcome::Unbound),
            "ok" => Ok(TakeInOutcome::Done {
                leased: reply.number()? == 1,
                waited: reply.number()? > 0,
                offset: reply.number()?,
                said: (0..operations.len())
                    .map(|_| said(&reply.required_text()?))
                    .collect::<Result<_, _>>()?,
            }),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// What became of changes.
    pub(crate) async fn said_of(
        &self,
        client: &ClientId,
        names: &[ChangeName],
    ) -> Result<Vec<Said>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = args!["HMGET", self.keys.sent(client)];
        command.extend(names.iter().map(|name| arg(name.as_str())));
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let one = |text: Option<String>| match text {
            None => Ok(Said::Unknown),
            // The digest of the change stands before its verdict.
            Some(text) => said(text.split_once(' ').map_or("waits", |(_, verdict)| verdict)),
        };
        names.iter().map(|_| one(reply.text()?)).collect()
    }

    /// Lets the changes that the client has sent in another copy of the source be known in this one: one that it sends again is not
    /// taken in again. What waits there has its verdict there.
    pub(crate) async fn carry_named(
        &self,
        client: &ClientId,
        left: &Self,
        now: Millis,
    ) -> Result<(), StoreError> {
        let keys = [self.keys.sent(client), self.keys.sent_by_time(client)];
        let from = left.keys.sent(client);
        let place = |partition: &Partition| format!("{ELSEWHERE}{}", partition.to_stored());
        let (here, there) = (place(&self.id.partition), place(&left.id.partition));
        let mut position = "0".to_owned();
        loop {
            let command = args!["HSCAN", &from, &position, "COUNT", CHUNK];
            let mut reply = Reply::new("HSCAN", self.redis.run(command).await?);
            position = reply.required_text()?;
            let mut args = args![CREATES_LIFETIME_SECONDS, now.0];
            let nothing = args.len();
            while !reply.is_empty() {
                let (name, known) = (reply.required_text()?, reply.required_text()?);
                match known.split_once(' ') {
                    // It was here before.
                    Some((_, place)) if place == here => {}
                    Some(_) => args.extend(args![name, known]),
                    None => args.extend(args![name, format!("{known} {there}")]),
                }
            }
            if args.len() > nothing {
                script::CARRY_NAMED.run(self.redis, &keys, args).await?;
            }
            if position == "0" {
                return Ok(());
            }
        }
    }

    /// Forgets changes of which nothing is known any more where they were sent.
    pub(crate) async fn forget_named(
        &self,
        client: &ClientId,
        names: &[ChangeName],
    ) -> Result<(), StoreError> {
        let of = |command: &str, key: String| {
            let mut command = args![command, key];
            command.extend(names.iter().map(|name| arg(name.as_str())));
            self.redis.run(command)
        };
        of("HDEL", self.keys.sent(client)).await?;
        of("ZREM", self.keys.sent_by_time(client)).await?;
        Ok(())
    }
}

fn said(text: &str) -> Result<Said, StoreError> {
    if let Ok(number) = text.parse() {
        return Ok(Said::TakenIn(number));
    }
    Ok(match text {
        "waits" => Said::Waits,
        "reused" => Said::NameReused,
        "taken" => Said::ObjectTaken,
        "full" => Said::Full,
        known => match known.strip_prefix(ELSEWHERE).map(Partition::from_stored) {
            Some(Some(partition)) => Said::Elsewhere(partition),
            Some(None) => Said::Unknown,
            None => Said::Decided(parse_stored("a verdict", known.as_bytes())?),
        },
    })
}
