//! Documents of the application's own, by keys of its choice.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, arg, args};

/// Most bytes of a text.
pub(crate) const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;

/// Most fields of a hash.
pub(crate) const MAX_FIELDS: usize = 100_000;

/// A document of the application's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationDocument {
    /// A text.
    Text(String),
    /// Texts by name.
    Hash(BTreeMap<String, String>),
}

impl ApplicationDocument {
    /// A document of values by name. They are kept as JSON, so that they come back as they were.
    pub fn of_values(values: Map<String, Value>) -> Self {
        Self::Hash(
            values
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
        )
    }

    /// What [`ApplicationDocument::of_values`] was given, or the text. A value that is no JSON was not kept by it, and is
    /// a text too.
    pub fn into_value(self) -> Value {
        match self {
            Self::Text(text) => Value::String(text),
            Self::Hash(fields) => fields
                .into_iter()
                .map(|(name, value)| {
                    let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
                    (name, value)
                })
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

/// What is done with what is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// The document takes its place.
    Replace,
    /// The document is added to it.
    Append,
}

/// What became of a document that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    Yes,
    /// It would be too large.
    Full,
    /// A text cannot be added to a hash, nor the other way round.
    OtherKind,
}

/// Documents of the application's own.
pub(crate) struct ApplicationDocumentStore<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> ApplicationDocumentStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Reads one.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<ApplicationDocument>, StoreError> {
        let key = keys::application_document(key);
        let kind =
            Reply::new("TYPE", self.redis.run(args!["TYPE", &key]).await?).required_text()?;
        match kind.as_str() {
            "string" => {
                let text = Reply::new("GET", self.redis.run(args!["GET", key]).await?).text()?;
                Ok(text.map(ApplicationDocument::Text))
            }
            "hash" => {
                let mut reply = Reply::new("HGETALL", self.redis.run(args!["HGETALL", key]).await?);
                let mut fields = BTreeMap::new();
                while !reply.is_empty() {
                    fields.insert(reply.required_text()?, reply.required_text()?);
                }
                Ok(Some(ApplicationDocument::Hash(fields)))
            }
            _ => Ok(None),
        }
    }

    /// Keeps one, in place of what is there or added to it.
    pub(crate) async fn put(
        &self,
        key: &str,
        document: &ApplicationDocument,
        mode: PutMode,
    ) -> Result<PutOutcome, StoreError> {
        let append = match mode {
            PutMode::Replace => "0",
            PutMode::Append => "1",
        };
        let args = match document {
            ApplicationDocument::Text(text) => args!["text", append, MAX_TEXT_BYTES, text],
            ApplicationDocument::Hash(fields) => {
                let mut args = args!["hash", append, MAX_FIELDS];
                for (name, value) in fields {
                    args.extend([arg(name.as_str()), arg(value.as_str())]);
                }
                args
            }
        };
        let mut reply = script::PUT_DOCUMENT
            .run(self.redis, &[keys::application_document(key)], args)
            .await?;
        match reply.required_text()?.as_str() {
            "ok" => Ok(PutOutcome::Yes),
            "full" => Ok(PutOutcome::Full),
            "kind" => Ok(PutOutcome::OtherKind),
            other => Err(reply.unknown_outcome(other)),
        }
    }
}
