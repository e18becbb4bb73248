//! What a client has to be told besides objects.

use serde::{Deserialize, Serialize};

use crate::model::{Attributes, ObjectId, bytes_of};

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
    CreateError {
        id: ObjectId,
        message: String,
        sent: Attributes,
    },
    /// An update failed; the object as the server has it goes with the page.
    UpdateError {
        id: ObjectId,
        message: String,
        sent: Attributes,
    },
    /// A delete failed; the object goes back to the device with the page.
    DeleteError {
        id: ObjectId,
        message: String,
        sent: Attributes,
    },
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
            Self::CreateError { id, sent, .. }
            | Self::UpdateError { id, sent, .. }
            | Self::DeleteError { id, sent, .. } => bytes_of(id, sent),
        }
    }

    /// The object whose present state goes to the device with the item.
    pub(crate) fn object(&self) -> Option<&ObjectId> {
        match self {
            Self::Link {
                id, drop: Some(_), ..
            }
            | Self::Restate { id, .. }
            | Self::UpdateError { id, .. }
            | Self::DeleteError { id, .. } => Some(id),
            Self::Link { drop: None, .. } | Self::Drop { .. } | Self::CreateError { .. } => None,
        }
    }
}
