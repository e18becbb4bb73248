//! Holders: who may refer to a blob, as written in the blob's entry.

use crate::model::{ClientId, DocumentId, Partition};
use crate::store::StoreError;
use crate::store::blobs::damaged;

/// Who may refer to a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Objects of a document.
    Document(DocumentId),
    /// Operations of a client that wait in a document.
    Operations(DocumentId, ClientId),
}

impl Holder {
    /// The holder as a field of a blob. Only the partition, which comes last, may contain spaces.
    pub(super) fn to_field(&self) -> String {
        match self {
            Self::Document(DocumentId { source, partition }) => {
                format!("in:doc {source} {}", partition.to_stored())
            }
            Self::Operations(DocumentId { source, partition }, client) => {
                format!("in:cud {source} {client} {}", partition.to_stored())
            }
        }
    }

    /// Reads a field; `None` for one that is no holder.
    pub(super) fn from_field(field: &str) -> Option<Result<Self, StoreError>> {
        let holder = field.strip_prefix("in:")?;
        Some(Self::parse(holder).ok_or_else(|| damaged("a holder of a blob", field)))
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(' ')?;
        let (source, rest) = rest.split_once(' ')?;
        let document = |partition| {
            Some(DocumentId {
                source: source.parse().ok()?,
                partition: Partition::from_stored(partition)?,
            })
        };
        match kind {
            "doc" => Some(Self::Document(document(rest)?)),
            "cud" => {
                let (client, partition) = rest.split_once(' ')?;
                Some(Self::Operations(document(partition)?, client.parse().ok()?))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_survive_being_stored() {
        let document = |partition| DocumentId {
            source: "Product".parse().unwrap(),
            partition,
        };
        let user = Partition::User("app a: b".parse().unwrap());
        for holder in [
            Holder::Document(document(Partition::App)),
            Holder::Document(document(user.clone())),
            Holder::Operations(document(user), "4fede851b186".parse().unwrap()),
        ] {
            let field = holder.to_field();
            assert_eq!(
                Holder::from_field(&field).unwrap().unwrap(),
                holder,
                "{field}"
            );
        }
        assert!(Holder::from_field("by:in:doc").is_none());
        assert!(Holder::from_field("in:doc ?").unwrap().is_err());
    }
}
