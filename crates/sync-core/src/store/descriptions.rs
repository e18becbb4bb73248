//! A source's metadata and schema, kept with each of its documents.

use crate::model::{Description, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::document::Document;
use crate::store::redis::script::{self, Reply, args};

/// Which description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aspect {
    Metadata,
    Schema,
}

impl Aspect {
    fn field(self) -> &'static str {
        match self {
            Self::Metadata => "meta",
            Self::Schema => "schema",
        }
    }
}

/// When a description became what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) version: Version,
    digest: u64,
}

impl Mark {
    /// Reads a mark; an empty text is none.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, StoreError> {
        if text.is_empty() {
            return Ok(None);
        }
        let damaged = || StoreError::Damaged {
            what: "a description's mark",
            reason: text.to_owned(),
        };
        let (version, digest) = text.split_once(',').ok_or_else(damaged)?;
        Ok(Some(Self {
            version: Version(version.parse().map_err(|_| damaged())?),
            digest: digest.parse().map_err(|_| damaged())?,
        }))
    }

    /// Whether both stand for the same description.
    pub(crate) fn is_like(self, other: Self) -> bool {
        self.digest == other.digest
    }

    /// Whether the description is still this one.
    pub(crate) fn stands_for(self, description: &Description) -> bool {
        self.digest == description.digest()
    }
}

/// The descriptions a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) metadata: Option<Mark>,
    pub(crate) schema: Option<Mark>,
}

impl Marks {
    pub(super) fn read(reply: &mut Reply) -> Result<Self, StoreError> {
        Ok(Self {
            metadata: Mark::parse(&reply.required_text()?)?,
            schema: Mark::parse(&reply.required_text()?)?,
        })
    }

    /// The same, where there may be nothing.
    pub(super) fn read_optional(reply: &mut Reply) -> Result<Self, StoreError> {
        let mut mark = || Mark::parse(&reply.text()?.unwrap_or_default());
        Ok(Self {
            metadata: mark()?,
            schema: mark()?,
        })
    }

    pub(crate) fn of(self, aspect: Aspect) -> Option<Mark> {
        match aspect {
            Aspect::Metadata => self.metadata,
            Aspect::Schema => self.schema,
        }
    }
}

impl<R: RedisConn> Document<'_, R> {
    /// Keeps a description, or that there is none. `false` if the refresh that says so, by its lease, was overtaken.
    pub(crate) async fn describe(
        &self,
        lease: Option<&str>,
        aspect: Aspect,
        description: Option<&Description>,
    ) -> Result<bool, StoreError> {
        let keys = [self.keys.head(), self.keys.refresh_lease()];
        let (digest, text) = description.map_or_else(Default::default, |description| {
            (description.digest().to_string(), description.text())
        });
        let args = args![lease.unwrap_or_default(), aspect.field(), digest, text];
        let mut reply = script::DESCRIBE.run(self.redis, &keys, args).await?;
        match reply.required_text()?.as_str() {
            "ok" => Ok(true),
            "fenced" => Ok(false),
            other => Err(reply.unknown_outcome(other)),
        }
    }

    /// What describes the source, and since when.
    pub(crate) async fn marks(&self) -> Result<Marks, StoreError> {
        let command = args!["HMGET", self.keys.head(), "metav", "schemav"];
        Marks::read_optional(&mut Reply::new("HMGET", self.redis.run(command).await?))
    }

    /// Reads a description's text.
    pub(crate) async fn description(&self, aspect: Aspect) -> Result<Option<String>, StoreError> {
        let command = args!["HGET", self.keys.head(), aspect.field()];
        Reply::new("HGET", self.redis.run(command).await?).text()
    }
}
