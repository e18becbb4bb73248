//! Which copy of a source is a user's, where that is computed.
//!
//! What is computed belongs to the user, not to the session, so that a user who is moved elsewhere loses what was seen there
//! without signing in again. Only sources with such a partition cost the look at the user.

use serde_json::{Map, Value, json};

use crate::adapter::logged_in;
use crate::engine::{Engine, Source, SyncError};
use crate::mapping::Context;
use crate::model::{
    DocumentId, Millis, Partition, PartitionName, PartitionRule, SourceName, UserId,
};
use crate::ports::{Clock as _, Ports};
use crate::settings::SourceSettings;
use crate::store::AccountStore;

/// How long a back end's word on who belongs where is good, in milliseconds.
const PARTITION_MS: u64 = 300_000;

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
        Ok(match self.partition_of(source, settings, user).await? {
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
        source: &SourceName,
        settings: &SourceSettings,
        user: &UserId,
    ) -> Result<Option<PartitionName>, SyncError> {
        let Some(template) = &settings.partition_template else {
            return match settings.partition {
                PartitionRule::Computed => self.partition_by_adapter(source, settings, user).await,
                PartitionRule::App | PartitionRule::User => Ok(None),
            };
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

    /// The name that the back end gives, asked for again when it is old. If it cannot be asked, what it said before holds.
    async fn partition_by_adapter(
        &self,
        source: &SourceName,
        settings: &SourceSettings,
        user: &UserId,
    ) -> Result<Option<PartitionName>, SyncError> {
        let accounts = AccountStore::new(self.ports.redis());
        let now = self.ports.clock().now();
        let known = accounts.partition(user, source).await?;
        let is_fresh = |(at, _): &(Millis, String)| now < at.plus(PARTITION_MS);
        let mut name = known.as_ref().map(|(_, name)| name.clone());
        let adapter = self.adapters.get(source).map(|adapter| &**adapter);
        if let Some(adapter) = adapter.filter(|_| !known.as_ref().is_some_and(is_fresh)) {
            let source = Source {
                name: source,
                settings,
                adapter,
                trace: None,
            };
            let call = self.question(source, user, None, &[]);
            match logged_in(adapter, &call, adapter.partition(&call)).await {
                Ok((said, _)) => {
                    let said = said.unwrap_or_default();
                    accounts
                        .set_partition(user, source.name, now, said.trim())
                        .await?;
                    name = Some(said);
                }
                Err(error) => {
                    tracing::warn!(source.name = %source.name, %error, "the back end does not say who belongs where");
                }
            }
        }
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
        let name = self.partition_of(source.name, source.settings, user);
        let name = name.await?;
        Ok(name.map_or(Asked::NotAtAll, |name| Asked::For(Some(name))))
    }
}
