//! What a client has to be told besides objects.

use serde::{Deserialize, Serialize};

use crate::model::{Attributes, ChangeName, Millis, ObjectId, OperationKind, bytes_of};

/// Why an operation came to nothing, and what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) id: ObjectId,
    pub(crate) message: String,
    pub(crate) sent: Attributes,
    /// What the device calls the change, if it has a name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent_as: Option<ChangeName>,
    /// When the device sent it; 0 where that is not known.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub(crate) sent_at: Millis,
    /// Whether an administrator or the device's user has tried the change again, or discarded it, or a job keeps it: then this is only
    /// for the device to be told.
    #[serde(
        rename = "settled",
        default,
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub(crate) is_settled: bool,
}

fn is_unknown(time: &Millis) -> bool {
    time.0 == 0
}

/// What waits for a client besides objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "kebab-case")]
pub(crate) enum OutboxItem {
    /// A create got its id.
    Link {
        temporary: ObjectId,
        id: ObjectId,
        /// The device may have got the object as news before it could know that it is its own: it is told to drop the
        /// temporary object, whose attributes these are, and gets the real one in full.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drop: Option<Vec<String>>,
    },
    /// The device drops these attributes: those of a temporary object that got no id, or of a copy that it leaves.
    Drop {
        id: ObjectId,
        attributes: Vec<String>,
    },
    /// What the device has of these attributes is not what the server knows of: it is told how they are, and drops those that
    /// are not there.
    Restate {
        id: ObjectId,
        attributes: Vec<String>,
    },
    /// A create failed.
    CreateError(Refusal),
    /// An update failed; the object as the server has it goes with the page.
    UpdateError(Refusal),
    /// A delete failed; the object goes back to the device with the page.
    DeleteError(Refusal),
}

impl OutboxItem {
    /// How many bytes of names and values the item has.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Link { drop: None, .. } => 0,
            Self::Link {
                drop: Some(names), ..
            }
            | Self::Drop {
                attributes: names, ..
            }
            | Self::Restate {
                attributes: names, ..
            } => names.iter().map(String::len).sum(),
            Self::CreateError(refusal)
            | Self::UpdateError(refusal)
            | Self::DeleteError(refusal) => bytes_of(&refusal.id, &refusal.sent),
        }
    }

    /// The object whose present state goes to the device with the item.
    pub(crate) fn object(&self) -> Option<&ObjectId> {
        match self {
            Self::Link {
                id, drop: Some(_), ..
            }
            | Self::Restate { id, .. }
            | Self::UpdateError(Refusal { id, .. })
            | Self::DeleteError(Refusal { id, .. }) => Some(id),
            Self::Link { drop: None, .. } | Self::Drop { .. } | Self::CreateError(_) => None,
        }
    }

    /// That an operation of this kind is refused.
    pub(crate) fn refused(kind: OperationKind, refusal: Refusal) -> Self {
        match kind {
            OperationKind::Create => Self::CreateError(refusal),
            OperationKind::Update => Self::UpdateError(refusal),
            OperationKind::Delete => Self::DeleteError(refusal),
        }
    }

    /// What is refused, and what it was to do, if that is what the client is told and nobody has settled it.
    pub(crate) fn open_refusal(&self) -> Option<(OperationKind, &Refusal)> {
        let refusal = match self {
            Self::CreateError(refusal) => Some((OperationKind::Create, refusal)),
            Self::UpdateError(refusal) => Some((OperationKind::Update, refusal)),
            Self::DeleteError(refusal) => Some((OperationKind::Delete, refusal)),
            Self::Link { .. } | Self::Drop { .. } | Self::Restate { .. } => None,
        };
        refusal.filter(|(_, refusal)| !refusal.is_settled)
    }
}
