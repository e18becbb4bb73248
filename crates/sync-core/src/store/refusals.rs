//! Refused changes of which a client has yet to be told: administrators may settle them.

use crate::model::{ClientId, OperationKind, OutboxItem, Refusal, Version};
use crate::ports::{RedisConn, RedisValue};
use crate::store::StoreError;
use crate::store::document::{Document, parse_stored, to_stored};
use crate::store::redis::script::{self, args};

/// A refusal that nobody has settled.
#[derive(Debug)]
pub(crate) struct OpenRefusal {
    pub(crate) kind: OperationKind,
    pub(crate) refusal: Refusal,
    version: Version,
    /// As it stands in the outbox.
    entry: Vec<u8>,
}

impl<R: RedisConn> Document<'_, R> {
    /// The refusal that a client is told of at a version.
    pub(crate) async fn refusal(
        &self,
        client: &ClientId,
        version: Version,
    ) -> Result<Option<OpenRefusal>, StoreError> {
        let (key, at) = (self.keys.outbox(client), version.0);
        let command = args!["ZRANGEBYSCORE", key, at, at, "LIMIT", "0", "1"];
        let found = self.redis.run(command).await?;
        let Some(RedisValue::Bytes(entry)) = found.into_iter().next() else {
            return Ok(None);
        };
        let space = entry.iter().position(|byte| *byte == b' ');
        let json = entry
            .get(space.map_or(0, |at| at + 1)..)
            .unwrap_or_default();
        let item: OutboxItem = parse_stored("an outbox item", json)?;
        let open = item.open_refusal();
        Ok(open.map(|(kind, refusal)| OpenRefusal {
            kind,
            refusal: refusal.clone(),
            version,
            entry: entry.clone(),
        }))
    }

    /// Takes a refusal off what administrators see to; the client is told of it as before. `false` if somebody else has, or the
    /// client has been told.
    pub(crate) async fn settle_refusal(
        &self,
        client: &ClientId,
        open: &OpenRefusal,
    ) -> Result<bool, StoreError> {
        let OpenRefusal {
            kind,
            refusal,
            version,
            entry,
        } = open;
        let settled = Refusal {
            is_settled: true,
            ..refusal.clone()
        };
        let mut after = format!("{version} ").into_bytes();
        after.extend(to_stored(&OutboxItem::refused(*kind, settled))?);
        let keys = [self.keys.outbox(client)];
        let args = args![version.0, entry.clone(), after];
        let mut reply = script::SETTLE_REFUSAL.run(self.redis, &keys, args).await?;
        Ok(reply.required_text()? == "ok")
    }
}
