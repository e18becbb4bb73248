//! Which copy of a source is a user's, where that is computed.
//!
//! What is computed belongs to the user, not to the session, so that a user who is moved elsewhere loses what was seen there
//! without signing in again. Only sources with such a partition cost the look at the user.

use serde_json::{Map, Value, json};

use crate::engine::{Engine, Source, SyncError};
use crate::mapping::Context;
use crate::model::{DocumentId, Partition, PartitionName, PartitionRule, SourceName, UserId};
use crate::ports::Ports;
use crate::settings::SourceSettings;

/// For a device's user.
pub(super) const NO_PARTITION: &str = "the user belongs to no partition of this source";

/// In whose name a back end is asked.
pub(super) enum Asked {
    /// For a partition, where that has a name.
    For(Option<PartitionName>),
    /// Not at all: the user belongs to no partition, and a question without one could answer everything.
    NotAtAll,
}

impl<P: Ports> Engine<P> {
    /// The document that holds the user's copy.
    pub(super) async fn document_for(
        &self,
        source: Source<'_>,
        user: &UserId,
    ) -> Result<DocumentId, SyncError> {
        self.copy_of(source.name, source.settings, user).await
    }

    /// The document that holds the user's copy of the source with these settings.
    pub(super) async fn copy_of(
        &self,
        source: &SourceName,
        settings: &SourceSettings,
        user: &UserId,
    ) -> Result<DocumentId, SyncError> {
        Ok(match self.partition_of(settings, user).await? {
            Some(name) => DocumentId {
                source: source.clone(),
                partition: Partition::Named(name),
            },
            None => settings.partition.document(source, user),
        })
    }

    /// The name that is computed for the user. None where nothing is computed, and where nothing comes out.
    pub(super) async fn partition_of(
        &self,
        settings: &SourceSettings,
        user: &UserId,
    ) -> Result<Option<PartitionName>, SyncError> {
        let Some(template) = &settings.partition_template else {
            return Ok(None);
        };
        let attributes = self.accounts.attributes(user).await?;
        let attributes = attributes.iter();
        let mut known: Map<String, Value> = attributes
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        known.insert("name".to_owned(), json!(user.as_str()));
        let context = Context::new([("user", Value::Object(known))]);
        // What the template names and the user has not is no partition; and so is a name that cannot be one.
        let name = template.render(&context).ok();
        Ok(name.and_then(|name| PartitionName::parse(name.trim()).ok()))
    }

    /// For which partition a back end is asked or told something about a document in a user's name.
    pub(super) async fn asked_for(
        &self,
        source: Source<'_>,
        user: &UserId,
        document: &DocumentId,
    ) -> Result<Asked, SyncError> {
        if source.settings.partition != PartitionRule::Computed {
            return Ok(Asked::For(None));
        }
        // The user may have moved since: a copy never gets what another has.
        if let Partition::Named(name) = &document.partition {
            return Ok(Asked::For(Some(name.clone())));
        }
        if !document.partition.is_narrowed() && !source.settings.pass_through {
            return Ok(Asked::NotAtAll);
        }
        let name = self.partition_of(source.settings, user).await?;
        Ok(name.map_or(Asked::NotAtAll, |name| Asked::For(Some(name))))
    }
}
