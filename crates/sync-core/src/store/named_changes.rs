//! Changes that devices have names for: the same name has the same verdict, however often it is sent.

use crate::model::Millis;
use crate::model::{ChangeName, ClientId, KeptVerdict, Operation, OperationKind, UserId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::{
    CREATES_LIFETIME_SECONDS, Document, OPERATIONS_LEASE_MS, parse_stored, to_stored,
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
    /// Nobody knows it.
    Unknown,
}

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
        verdict => Said::Decided(parse_stored("a verdict", verdict.as_bytes())?),
    })
}
