//! The job that keeps a change a back end could not be brought to take.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sync_jobs::{NewJob, Priority, QueueName};

use crate::model::{
    Attributes, ChangeName, ClientId, Millis, ObjectId, OperationKind, SourceName, UserId,
    digest_of, texts_of,
};

/// Tries a change once more that a back end did not take for so long that its device was told so.
///
/// Mostly that fails, and the job is dead: so the change is kept, can be looked at, mended, and tried again when the back
/// end is there. Then devices get it as news.
pub struct Deliver;

/// A change as it is kept: all that is needed to make it, and to be looked at and mended by people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UndeliveredChange {
    pub(crate) source: SourceName,
    pub(crate) partition: String,
    pub(crate) user: UserId,
    pub(crate) client: ClientId,
    pub(crate) kind: OperationKind,
    /// The object in the back end, or the temporary id of a create.
    pub(crate) object: ObjectId,
    pub(crate) attributes: Attributes,
    /// That of all attempts so far.
    pub(crate) idempotency_key: String,
    /// Digest of the change that the key stands for. Who corrects it makes another change of it.
    #[serde(default)]
    pub(crate) content: String,
    /// What its device calls it, if it has a name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent_as: Option<ChangeName>,
    /// How often the back end was asked before; all attempts where that is not known.
    #[serde(default)]
    pub(crate) attempts: Option<u32>,
    /// When the device sent it; 0 where that is not known.
    #[serde(default)]
    pub(crate) sent_at: Millis,
}

impl UndeliveredChange {
    /// A digest of what is to be changed, and how.
    pub(crate) fn digest(&self) -> String {
        let what = [self.kind.as_str(), self.object.as_str()];
        digest_of(what.into_iter().chain(texts_of(&self.attributes)))
    }

    /// The same, whose key stands for this content and no other.
    pub(crate) fn with_key_for_content(self) -> Self {
        let content = self.digest();
        Self { content, ..self }
    }

    /// The key that tells a back end whether it has made this change before.
    pub(crate) fn key(&self) -> String {
        let digest = self.digest();
        if self.content.is_empty() || self.content == digest {
            self.idempotency_key.clone()
        } else {
            digest_of([self.idempotency_key.as_str(), &digest])
        }
    }
}

impl Deliver {
    /// What its jobs are called.
    pub const NAME: &str = "deliver";

    /// The job that keeps a change. `which` tells it from the client's others.
    pub(crate) fn job(
        queue: &QueueName,
        change: &UndeliveredChange,
        which: &str,
    ) -> Result<NewJob, serde_json::Error> {
        let UndeliveredChange {
            source,
            partition,
            client,
            user,
            ..
        } = change;
        Ok(NewJob {
            name: Self::NAME.to_owned(),
            queue: queue.clone(),
            payload: serde_json::to_string(change)?,
            turn: Some(user.as_str().to_owned()),
            priority: Priority::Low,
            max_attempts: 1,
            delay: Duration::ZERO,
            unique: Some(format!(
                "{} {source}/{partition} {client} {which}",
                Self::NAME
            )),
        })
    }
}
