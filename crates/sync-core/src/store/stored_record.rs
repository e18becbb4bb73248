//! Records as they stand in the store.

use crate::model::{Attributes, Record};
use crate::store::StoreError;
use crate::store::document::parse_record;

/// What stands before the attributes, which come first.
const BEFORE: &[u8] = b"{\"a\":";

/// A record as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRecord(Vec<u8>);

impl StoredRecord {
    /// A record as it was read.
    pub(super) fn new(json: Vec<u8>) -> Self {
        Self(json)
    }

    /// Whether its attributes are these, as [`write_attributes`] writes them. A no may be a mistake: another version of this
    /// program may have written them otherwise.
    pub(crate) fn has(&self, written: &[u8]) -> bool {
        let rest = self.0.strip_prefix(BEFORE);
        let rest = rest.and_then(|rest| rest.strip_prefix(written));
        rest.is_some_and(|rest| matches!(rest.first(), Some(b',' | b'}')))
    }

    /// Reads it.
    pub(crate) fn read(&self) -> Result<Record, StoreError> {
        parse_record(&self.0)
    }
}

/// Writes attributes as a record has them in the store.
pub(crate) fn write_attributes(
    attributes: &Attributes,
    to: &mut Vec<u8>,
) -> Result<(), StoreError> {
    serde_json::to_writer(to, attributes).map_err(|error| StoreError::Damaged {
        what: "attributes to be stored",
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Version;
    use crate::store::document::to_stored;

    fn written(attributes: &Attributes) -> Vec<u8> {
        let mut written = Vec::new();
        write_attributes(attributes, &mut written).unwrap();
        written
    }

    fn attributes() -> impl Strategy<Value = Attributes> {
        prop::collection::btree_map("[ab\"\\\\é]{0,2}", "[01\"\\\\{},\u{1}é]{0,3}", 0..4)
    }

    proptest! {
        #[test]
        fn what_a_record_has_is_seen_without_reading_it(
            first in attributes(),
            second in attributes(),
        ) {
            let before = Record::next(None, first.clone(), None).unwrap_or_default();
            let after = Record::next(Some((&before, Version(1))), second.clone(), None);
            for (record, own) in [(Some(before), &first), (after, &second)] {
                let Some(record) = record else { continue };
                let stored = StoredRecord::new(to_stored(&record).unwrap());
                prop_assert_eq!(stored.read().unwrap(), record);
                prop_assert!(stored.has(&written(own)));
                for other in [&first, &second] {
                    prop_assert_eq!(stored.has(&written(other)), other == own);
                }
            }
        }
    }
}
