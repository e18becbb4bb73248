//! Which documents have changed lately, and which devices follow others than before: hints for those who wait, written beside the
//! commit. One that is lost costs a device an interval, and never data.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{ClientId, DocumentId};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::deadlines::document_name;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// About how many hints are kept: what all instances together commit while one of them does not read.
const KEPT: usize = 10_000;

/// Most hints that are read at once.
const AT_ONCE: usize = 1_000;

/// What comes before every hint.
const BEGIN: &str = "0-0";

/// The fields of a hint: it has one of them. A reader passes over those that it does not know.
const DOCUMENT: &str = "d";
const CLIENT: &str = "c";

/// A place in the stream of hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangesPosition(String);

/// What has been read of the hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hints {
    /// How far that reaches.
    pub(crate) position: ChangesPosition,
    /// The names of the documents that have changed.
    pub(crate) documents: BTreeSet<String>,
    /// Clients that have begun to follow a document.
    pub(crate) clients: BTreeSet<String>,
}

/// The stream of hints.
pub(crate) struct ChangedDocuments<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> ChangedDocuments<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Says that a document has changed.
    pub(crate) async fn announce(&self, document: &DocumentId) -> Result<(), StoreError> {
        self.add(DOCUMENT, &document_name(document)).await
    }

    /// Says that a client has begun to follow a document.
    pub(crate) async fn announce_follower(&self, client: &ClientId) -> Result<(), StoreError> {
        self.add(CLIENT, client.as_str()).await
    }

    async fn add(&self, field: &str, value: &str) -> Result<(), StoreError> {
        let key = keys::changed_documents();
        let command = args!["XADD", key, "MAXLEN", "~", KEPT, "*", field, value];
        self.redis.run(command).await?;
        Ok(())
    }

    /// Where the stream ends now.
    pub(crate) async fn end(&self) -> Result<ChangesPosition, StoreError> {
        let command = args![
            "XREVRANGE",
            keys::changed_documents(),
            "+",
            "-",
            "COUNT",
            "1"
        ];
        let mut reply = Reply::new("XREVRANGE", self.redis.run(command).await?);
        Ok(ChangesPosition(match reply.is_empty() {
            true => BEGIN.to_owned(),
            false => reply.required_text()?,
        }))
    }

    /// The hints since.
    pub(crate) async fn read(&self, after: &ChangesPosition) -> Result<Hints, StoreError> {
        self.read_by(args!["XREAD", "COUNT", AT_ONCE], after).await
    }

    /// The same. It waits for the first as long as it may, which holds up everything else on the connection.
    pub(crate) async fn wait(
        &self,
        after: &ChangesPosition,
        wait: Duration,
    ) -> Result<Hints, StoreError> {
        let wait = wait.as_millis().to_string();
        let command = args!["XREAD", "COUNT", AT_ONCE, "BLOCK", wait];
        self.read_by(command, after).await
    }

    async fn read_by(
        &self,
        mut command: Vec<Vec<u8>>,
        ChangesPosition(after): &ChangesPosition,
    ) -> Result<Hints, StoreError> {
        let key = keys::changed_documents();
        command.extend(args!["STREAMS", key, after.as_str()]);
        let mut reply = Reply::new("XREAD", self.redis.run(command).await?);
        let mut last = after.clone();
        let (mut documents, mut clients) = (BTreeSet::new(), BTreeSet::new());
        // Flat: the stream's name, then for each hint its id, and the field with its value. Nothing, if none came.
        let _name = if reply.is_empty() {
            None
        } else {
            reply.text()?
        };
        while !reply.is_empty() {
            last = reply.required_text()?;
            let (field, value) = (reply.required_text()?, reply.required_text()?);
            match field.as_str() {
                DOCUMENT => documents.insert(value),
                CLIENT => clients.insert(value),
                _ => false,
            };
        }
        Ok(Hints {
            position: ChangesPosition(last),
            documents,
            clients,
        })
    }
}
