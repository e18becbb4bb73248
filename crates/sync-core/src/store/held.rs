//! What a client's searches have given it and the document need not have: the client holds it alone.

use std::collections::BTreeMap;

use crate::model::{Attributes, ClientId, Millis, ObjectId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::{
    CHUNK, CREATES_LIFETIME_SECONDS, Document, parse_stored, stored_object_id, to_stored,
};
use crate::store::redis::script::{Reply, arg, args};

/// The field that says when the client searched last. No object has an empty id.
const SEARCHED_AT: &str = "";

/// How long is remembered, after the last search, that clients may have something otherwise than the document: as long as a
/// client's creates.
const NAMES_LIFETIME_SECONDS: u64 = CREATES_LIFETIME_SECONDS;

/// Part of what a client holds.
#[derive(Debug, Default)]
pub(crate) struct HeldPart {
    pub(crate) objects: BTreeMap<ObjectId, Attributes>,
    /// Where to go on; nothing at the end.
    pub(crate) next: Option<String>,
}

impl<R: RedisConn> Document<'_, R> {
    /// Notes what a search has given the client, beside what earlier ones have.
    pub(crate) async fn hold(
        &self,
        client: &ClientId,
        now: Millis,
        objects: &[(&ObjectId, &Attributes)],
    ) -> Result<(), StoreError> {
        for chunk in objects.chunks(CHUNK) {
            let mut command = args!["HSET", self.keys.held(client), SEARCHED_AT, now.0];
            for (id, attributes) in chunk {
                command.extend([arg(id.as_str()), to_stored(attributes)?]);
            }
            self.redis.run(command).await?;
            let mut command = args!["HSET", self.keys.held_names()];
            for (id, attributes) in chunk {
                let names: Vec<&String> = attributes.keys().collect();
                command.extend([arg(id.as_str()), to_stored(&names)?]);
            }
            self.redis.run(command).await?;
        }
        let command = args!["EXPIRE", self.keys.held_names(), NAMES_LIFETIME_SECONDS];
        self.redis.run(command).await?;
        Ok(())
    }

    /// The names of the attributes that clients have otherwise than the document, of each of these objects.
    pub(crate) async fn held_names(
        &self,
        ids: &[ObjectId],
    ) -> Result<Vec<Vec<String>>, StoreError> {
        let mut command = args!["HMGET", self.keys.held_names()];
        command.extend(ids.iter().map(|id| arg(id.as_str())));
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        ids.iter()
            .map(|_| match reply.bytes()? {
                Some(names) => parse_stored("names of held attributes", &names),
                None => Ok(Vec::new()),
            })
            .collect()
    }

    /// Forgets that clients have these objects otherwise than the document: now everybody is told of them.
    pub(crate) async fn forget_held_names(
        &self,
        ids: impl Iterator<Item = &ObjectId>,
    ) -> Result<(), StoreError> {
        let mut command = args!["HDEL", self.keys.held_names()];
        command.extend(ids.map(|id| arg(id.as_str())));
        if command.len() > 2 {
            self.redis.run(command).await?;
        }
        Ok(())
    }

    /// How many objects the client holds.
    pub(crate) async fn held_count(&self, client: &ClientId) -> Result<u64, StoreError> {
        let command = args!["HLEN", self.keys.held(client)];
        let fields = Reply::new("HLEN", self.redis.run(command).await?).number()?;
        Ok(fields.saturating_sub(1))
    }

    /// The objects among these that the client holds, as JSON of their attributes.
    pub(crate) async fn held_of(
        &self,
        client: &ClientId,
        ids: &[&ObjectId],
    ) -> Result<BTreeMap<ObjectId, Vec<u8>>, StoreError> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut command = args!["HMGET", self.keys.held(client)];
        command.extend(ids.iter().map(|id| arg(id.as_str())));
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let mut held = BTreeMap::new();
        for id in ids {
            if let Some(attributes) = reply.bytes()? {
                held.insert((*id).clone(), attributes);
            }
        }
        Ok(held)
    }

    /// What the client holds of an object.
    pub(crate) async fn held_object(
        &self,
        client: &ClientId,
        id: &ObjectId,
    ) -> Result<Option<Attributes>, StoreError> {
        let held = self.held_of(client, &[id]).await?;
        let held = held.get(id);
        held.map(|json| parse_stored("a held object", json))
            .transpose()
    }

    /// Notes how the client has changed an object that it holds; without attributes it has deleted it.
    pub(crate) async fn hold_changed(
        &self,
        client: &ClientId,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<(), StoreError> {
        let key = self.keys.held(client);
        let command = match attributes.is_empty() {
            true => args!["HDEL", key, id.as_str()],
            false => args!["HSET", key, id.as_str(), to_stored(attributes)?],
        };
        self.redis.run(command).await?;
        Ok(())
    }

    /// Lists part of what the client holds, from a position on; an object may be listed twice.
    pub(crate) async fn held(
        &self,
        client: &ClientId,
        position: &str,
    ) -> Result<HeldPart, StoreError> {
        let command = args!["HSCAN", self.keys.held(client), position, "COUNT", CHUNK];
        let mut reply = Reply::new("HSCAN", self.redis.run(command).await?);
        let next = reply.required_text()?;
        let mut part = HeldPart {
            next: Some(next).filter(|next| next != "0"),
            ..HeldPart::default()
        };
        while !reply.is_empty() {
            let (id, stored) = (reply.required_text()?, reply.bytes()?.unwrap_or_default());
            if id != SEARCHED_AT {
                let attributes = parse_stored("a held object", &stored)?;
                part.objects.insert(stored_object_id(id)?, attributes);
            }
        }
        Ok(part)
    }

    /// Forgets what the client holds of these objects.
    pub(crate) async fn let_go(
        &self,
        client: &ClientId,
        ids: impl Iterator<Item = &ObjectId>,
    ) -> Result<(), StoreError> {
        let mut command = args!["HDEL", self.keys.held(client)];
        command.extend(ids.map(|id| arg(id.as_str())));
        if command.len() > 2 {
            self.redis.run(command).await?;
        }
        Ok(())
    }

    /// Forgets that the client holds anything.
    pub(crate) async fn let_all_go(&self, client: &ClientId) -> Result<(), StoreError> {
        let command = args!["UNLINK", self.keys.held(client)];
        self.redis.run(command).await?;
        Ok(())
    }
}
