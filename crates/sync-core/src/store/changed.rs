//! Which documents have changed lately: a hint for those who wait, written beside the commit. One that is lost costs a device an
//! interval, and never data.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::DocumentId;
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

/// A place in the stream of changed documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangesPosition(String);

/// The stream of changed documents.
pub(crate) struct ChangedDocuments<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> ChangedDocuments<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Says that a document has changed.
    pub(crate) async fn announce(&self, document: &DocumentId) -> Result<(), StoreError> {
        let name = document_name(document);
        let key = keys::changed_documents();
        let command = args!["XADD", key, "MAXLEN", "~", KEPT, "*", "d", name];
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

    /// The names of the documents that have changed since, and how far that reaches.
    pub(crate) async fn read(
        &self,
        after: &ChangesPosition,
    ) -> Result<(ChangesPosition, BTreeSet<String>), StoreError> {
        self.read_by(args!["XREAD", "COUNT", AT_ONCE], after).await
    }

    /// The same. It waits for the first as long as it may, which holds up everything else on the connection.
    pub(crate) async fn wait(
        &self,
        after: &ChangesPosition,
        wait: Duration,
    ) -> Result<(ChangesPosition, BTreeSet<String>), StoreError> {
        let wait = wait.as_millis().to_string();
        let command = args!["XREAD", "COUNT", AT_ONCE, "BLOCK", wait];
        self.read_by(command, after).await
    }

    async fn read_by(
        &self,
        mut command: Vec<Vec<u8>>,
        ChangesPosition(after): &ChangesPosition,
    ) -> Result<(ChangesPosition, BTreeSet<String>), StoreError> {
        let key = keys::changed_documents();
        command.extend(args!["STREAMS", key, after.as_str()]);
        let mut reply = Reply::new("XREAD", self.redis.run(command).await?);
        let (mut last, mut changed) = (after.clone(), BTreeSet::new());
        // Flat: the stream's name, then for each hint its id, and the field with its value. Nothing, if none came.
        let _name = if reply.is_empty() {
            None
        } else {
            reply.text()?
        };
        while !reply.is_empty() {
            last = reply.required_text()?;
            let _field = reply.text()?;
            changed.insert(reply.required_text()?);
        }
        Ok((ChangesPosition(last), changed))
    }
}
