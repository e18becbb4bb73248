//! What a client's search found; kept while the client pages through it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::model::{Attributes, ClientId, Millis, ObjectId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::{Document, parse_stored, stored_object_id, to_stored};
use crate::store::pull::PageLimit;
use crate::store::redis::script::{self, args};

/// How long it is kept, in seconds.
const LIFETIME_SECONDS: u64 = 3_600;

/// A page of what was found.
#[derive(Debug)]
pub(crate) struct FoundPage {
    /// What asks for the next page.
    pub(crate) token: u64,
    /// Ids and attributes as JSON.
    pub(crate) objects: Vec<(ObjectId, Box<RawValue>)>,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FoundPosition {
    /// The one this token asks for.
    Token(u64),
    /// The one that was given out last.
    Last,
}

impl<R: RedisConn> Document<'_, R> {
    /// Keeps what a search found, in place of what an earlier one did. Answers the token of the page that begins at
    /// the first object; the others' follow it.
    pub(crate) async fn keep_found(
        &self,
        client: &ClientId,
        now: Millis,
        objects: &BTreeMap<ObjectId, Attributes>,
    ) -> Result<u64, StoreError> {
        // A number that grows with time, leaves room for positions, and stays below 2^53 until the year 2255.
        let mut args = args![now.0.saturating_mul(1_000), LIFETIME_SECONDS];
        for object in objects {
            args.push(to_stored(&object)?);
        }
        let keys = [self.keys.found(client)];
        let mut reply = script::KEEP_FOUND.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "ok" => reply.number(),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// Reads a page of what was found; `None` if there is no such page.
    pub(crate) async fn page_found(
        &self,
        client: &ClientId,
        position: FoundPosition,
        limit: PageLimit,
    ) -> Result<Option<FoundPage>, StoreError> {
        let token = match position {
            FoundPosition::Token(token) => token.to_string(),
            FoundPosition::Last => String::new(),
        };
        let keys = [self.keys.found(client)];
        let args = args![token, limit.objects, limit.bytes];
        let mut reply = script::PAGE_FOUND.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "none" => return Ok(None),
            "page" => {}
            other => return Err(reply.unknown_outcome(other)),
        }
        let token = reply.number()?;
        let mut objects = Vec::with_capacity(reply.len());
        while !reply.is_empty() {
            let stored = reply.bytes()?.unwrap_or_default();
            let (id, attributes): (String, _) = parse_stored("a found object", &stored)?;
            objects.push((stored_object_id(id)?, attributes));
        }
        Ok(Some(FoundPage { token, objects }))
    }
}
