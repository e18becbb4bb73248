//! What a verdict means: for the document, for the device, and for whoever asks for it again.

use crate::adapter::Done;
use crate::engine::verdict::task::Task;
use crate::model::{
    Attributes, ClientId, KeptVerdict, ObjectChange, ObjectId, OperationKind, OutboxItem, Reader,
    Record, Refusal, Version,
};

/// What the back end decided.
pub(super) enum Verdict {
    /// It was done; a create may have got an id.
    Applied(Done),
    /// It was refused, or given up: then a job keeps it.
    Refused { message: String, is_kept: bool },
    /// It was refused before the back end was asked, since others have changed the object.
    Conflict { message: String },
}

impl Verdict {
    /// Whether nothing of it was applied.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Applied(_) => false,
            Self::Refused { .. } | Self::Conflict { .. } => true,
        }
    }

    /// As it is kept for a device that has a name for the change.
    pub(super) fn to_kept(&self, task: &Task<'_>) -> KeptVerdict {
        let object = task.target.clone();
        match self {
            Self::Applied(Done { message, .. }) if !task.kept.is_empty() => KeptVerdict::Conflict {
                object,
                message: message.clone(),
                kept: task.kept.clone(),
            },
            Self::Applied(Done { id, message }) => KeptVerdict::Applied {
                object: match task.operation.kind {
                    OperationKind::Create => id.clone(),
                    OperationKind::Update | OperationKind::Delete => Some(object),
                },
                message: message.clone(),
            },
            Self::Refused { message, .. } => KeptVerdict::Refused {
                object,
                message: message.clone(),
            },
            Self::Conflict { message } => KeptVerdict::Conflict {
                object,
                message: Some(message.clone()),
                kept: Vec::new(),
            },
        }
    }
}

pub(super) fn is_alive(known: Option<&(Record, Version)>) -> bool {
    known.is_some_and(|(record, _)| record.is_alive())
}

/// What a verdict changes, and what the device is told.
///
/// `author` is the device whose own the change is: nobody's, if it has started over since and has nothing of it any more.
pub(super) fn outcome(
    task: &Task<'_>,
    verdict: &Verdict,
    target: &ObjectId,
    known: Option<&(Record, Version)>,
    author: Option<&ClientId>,
) -> (Option<ObjectChange>, Option<OutboxItem>) {
    let operation = &task.operation;
    let before = known.map(|(record, version)| (record, *version));
    let is_alive = is_alive(known);
    // A change is no news to its author. But what its author did not have yet when it made the change may have reached it
    // since, and stands there in place of the change: another's values, its own where it reads all anew, or the object itself, by a
    // link to what the author had deleted by the id it had seen. Then it is told like everybody.
    let had = Reader {
        client: task.client,
        base: operation.base,
        since: operation.since,
    };
    let has_moved = before.is_some_and(|(record, version)| {
        version > operation.cursor && !record.news_for(had, version).is_empty()
    });
    let is_linked = operation.kind == OperationKind::Delete && operation.lacks_link;
    let origin = author.filter(|_| !has_moved && !is_linked);
    let change = |attributes: Attributes| {
        if !task.keeps_objects {
            return None;
        }
        let record = Record::next(before, attributes, origin)?;
        Some(ObjectChange::new(target, before, record))
    };
    let (id, sent) = (operation.id.clone(), operation.attributes.clone());
    match (verdict, operation.kind) {
        (
            Verdict::Applied(Done {
                id: Some(new_id), ..
            }),
            OperationKind::Create,
        ) if is_alive => {
            // A refresh has brought the object already, perhaps to this device too.
            let drop = Some(sent.into_keys().collect());
            (
                None,
                Some(OutboxItem::Link {
                    temporary: id,
                    id: new_id.clone(),
                    drop,
                }),
            )
        }
        (
            Verdict::Applied(Done {
                id: Some(new_id), ..
            }),
            OperationKind::Create,
        ) => (
            change(sent),
            Some(OutboxItem::Link {
                temporary: id,
                id: new_id.clone(),
                drop: None,
            }),
        ),
        (Verdict::Applied(Done { id: None, .. }), OperationKind::Create) => (
            None,
            Some(OutboxItem::Drop {
                id,
                attributes: sent.into_keys().collect(),
            }),
        ),
        // The device gets every object anew with its next pull.
        (Verdict::Applied(_), OperationKind::Update) if !task.keeps_objects => (None, None),
        (Verdict::Applied(_), OperationKind::Update) if !is_alive => {
            // The object went in the meantime, and what took it from the device did not know of these attributes. Or it
            // is not here yet: then a refresh brings it, whole, perhaps before the device hears of this.
            let id = target.clone();
            let attributes = sent.into_keys().collect();
            (None, Some(OutboxItem::Restate { id, attributes }))
        }
        (Verdict::Applied(_), OperationKind::Update) => {
            // A refusal of an earlier change may reach the device while this one waits, and sets its object back.
            let restated = operation.may_be_set_back.then(|| OutboxItem::Restate {
                id: target.clone(),
                attributes: sent.keys().cloned().collect(),
            });
            let merged = before.map(|(record, _)| {
                let mut attributes = record.attributes.clone();
                attributes.extend(sent);
                attributes
            });
            (merged.and_then(change), restated)
        }
        (Verdict::Applied(_), OperationKind::Delete) => (change(Attributes::new()), None),
        (Verdict::Refused { message, .. } | Verdict::Conflict { message }, kind) => {
            let refusal = Refusal {
                id,
                message: message.clone(),
                sent,
                sent_as: task.operation.sent_as.clone(),
                sent_at: task.operation.sent_at,
                is_settled: matches!(verdict, Verdict::Refused { is_kept: true, .. }),
            };
            let item = OutboxItem::refused(kind, refusal);
            (None, Some(item))
        }
    }
}
