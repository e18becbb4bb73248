//! One operation at work, and what it is known by.

use crate::engine::{Source, SyncError};
use crate::jobs::UndeliveredChange;
use crate::model::{
    Attributes, ClientId, DocumentId, ObjectId, Operation, OperationKind, PartitionName, Record,
    Version, digest_of, texts_of,
};
use crate::ports::RedisConn;
use crate::store::Document;

/// One operation at work.
pub(super) struct Task<'a> {
    pub(super) client: &'a ClientId,
    pub(super) document: &'a DocumentId,
    pub(super) lease: &'a str,
    pub(super) number: u64,
    pub(super) operation: Operation,
    /// Whether the server keeps the source's objects.
    pub(super) keeps_objects: bool,
    /// Attributes that the device may not change, since others have.
    pub(super) kept: Vec<String>,
    /// The copy that the change belongs to, where the device's is made of several.
    pub(super) member: Option<DocumentId>,
    /// The partition that the adapter is told, where its name is computed.
    pub(super) partition: Option<PartitionName>,
    /// The object in the back end, which for a temporary id is another than the operation's.
    pub(super) target: ObjectId,
    /// What the server has of the object.
    pub(super) before: Option<Attributes>,
}

impl<'a> Task<'a> {
    pub(super) fn new(
        client: &'a ClientId,
        source: Source<'_>,
        document: &'a DocumentId,
        lease: &'a str,
        number: u64,
        operation: Operation,
    ) -> Self {
        let target = operation.id.clone();
        Self {
            client,
            document,
            lease,
            number,
            operation,
            keeps_objects: !source.settings.pass_through,
            kept: Vec::new(),
            member: None,
            partition: None,
            target,
            before: None,
        }
    }

    /// What the server has of the object.
    pub(super) async fn record<R: RedisConn>(
        &self,
        document: &Document<'_, R>,
    ) -> Result<Option<(Record, Version)>, SyncError> {
        if !self.keeps_objects {
            return Ok(None);
        }
        let ids = std::slice::from_ref(&self.target);
        Ok(document.records(ids).await?.pop().flatten())
    }
}

/// The operation as it is kept when the back end does not take it.
pub(super) fn undelivered(task: &Task<'_>) -> UndeliveredChange {
    let change = UndeliveredChange {
        source: task.document.source.clone(),
        partition: task.document.partition.to_stored(),
        user: task.operation.user.clone(),
        client: task.client.clone(),
        kind: task.operation.kind,
        object: task.target.clone(),
        attributes: task.operation.attributes.clone(),
        idempotency_key: idempotency_key(task),
        content: String::new(),
        sent_as: task.operation.sent_as.clone(),
        attempts: Some(task.operation.attempts + 1),
        sent_at: task.operation.sent_at,
    };
    change.with_key_for_content()
}

/// The same for every attempt at an operation, for one that has a name, and for a create that the device sends again as it was,
/// also when it follows another part of the source by then.
///
/// The numbers of operations come again when the store is set back to a backup; what tells an update or delete from one of before
/// is random.
pub(super) fn idempotency_key(task: &Task<'_>) -> String {
    let operation = &task.operation;
    let partition = task.document.partition.to_stored();
    let (whose, part) = match (&operation.sent_as, operation.kind) {
        (Some(name), _) => (operation.user.as_str(), format!("change {}", name.as_str())),
        (None, OperationKind::Create) => {
            (operation.user.as_str(), format!("create {}", operation.id))
        }
        (None, OperationKind::Update | OperationKind::Delete) => (
            partition.as_str(),
            format!("{} {}", task.number, operation.nonce),
        ),
    };
    let texts = [
        task.document.source.as_str(),
        whose,
        task.client.as_str(),
        &part,
    ];
    digest_of(texts.into_iter().chain(texts_of(&operation.attributes)))
}
