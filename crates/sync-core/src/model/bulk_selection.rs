//! Which sources a bulk data file has, and of which partition.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::{DocumentId, Partition, PartitionRule, SourceName, UserId};
use crate::ports::hex;

/// What a bulk data file has: copies of sources. All devices that ask for the same get the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkSelection {
    /// Whether the sources are those that all share, or those of which every user has a copy.
    pub partition: PartitionRule,
    /// The user: whose copies they are, or in whose name back ends are asked for those that all share.
    pub user: UserId,
    /// The sources.
    pub sources: BTreeSet<SourceName>,
}

impl BulkSelection {
    /// Whose the copies are.
    pub(crate) fn owner(&self) -> Partition {
        match self.partition {
            PartitionRule::App => Partition::App,
            PartitionRule::User | PartitionRule::Computed => Partition::User(self.user.clone()),
        }
    }

    /// The copy of a source.
    pub(crate) fn document(&self, source: &SourceName) -> DocumentId {
        self.partition.document(source, &self.user)
    }

    /// What tells the selection from others.
    pub fn id(&self) -> SelectionId {
        let names: Vec<&str> = self.sources.iter().map(SourceName::as_str).collect();
        // Neither names of sources nor of users have line breaks.
        let text = format!("{}\n{}", self.owner().to_stored(), names.join("\n"));
        let digest = hex(&Sha256::digest(text));
        SelectionId(
            digest
                .get(..SelectionId::DIGITS)
                .unwrap_or(&digest)
                .to_owned(),
        )
    }
}

/// A selection's id: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionId(String);

impl SelectionId {
    const DIGITS: usize = 32;

    /// Reads an id.
    ///
    /// # Errors
    /// Anything but 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidSelectionId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == Self::DIGITS && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSelectionId)
        }
    }
}

impl fmt::Display for SelectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no selection's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a selection's id has 32 hexadecimal digits")]
pub struct InvalidSelectionId;

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(partition: PartitionRule, user: &str, sources: &[&str]) -> SelectionId {
        let sources = sources.iter().map(|name| SourceName::parse(*name).unwrap());
        BulkSelection {
            partition,
            user: UserId::parse(user).unwrap(),
            sources: sources.collect(),
        }
        .id()
    }

    #[test]
    fn those_who_ask_for_the_same_have_the_same_selection() {
        let [app, user] = [PartitionRule::App, PartitionRule::User];
        let shared = selection(app, "anna", &["A", "B"]);
        assert_eq!(shared, selection(app, "ben", &["B", "A"]));
        assert_ne!(shared, selection(app, "anna", &["A"]));
        let own = selection(user, "anna", &["A", "B"]);
        assert_ne!(own, shared);
        assert_ne!(own, selection(user, "ben", &["A", "B"]));
        assert_eq!(SelectionId::parse(&own.to_string()), Ok(own));
    }
}
