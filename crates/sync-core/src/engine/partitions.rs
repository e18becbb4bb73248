//! Which copy of a source is a user's, where that is computed.
//!
//! A user who is in several partitions at once has the copy that is made of theirs. Its name is the list of them: nobody who is in other
//! ones can ever have it, and whoever joins or leaves one has another from then on.
//!
//! What is computed belongs to the user, not to the session, so that a user who is moved elsewhere loses what was seen there
//! without signing in again. Only sources with such a partition cost the look at the user.

use serde_json::{Map, Value, json};

use crate::adapter::logged_in;
use crate::engine::{Engine, Source, SyncError};
use crate::mapping::{Context, Template};
use crate::model::{
    DocumentId, EVERYBODY, Members, Millis, Partition, PartitionName, PartitionRule, SourceName,
    UserId,
};
use crate::ports::{Clock as _, Ports};
use crate::settings::{MemberRule, Naming, SourceSettings};
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
        if !settings.naming.members.is_empty() {
            let mut partitions = self.partitions_of(settings, user).await?;
            let partition = match partitions.len() {
                // Nobody else has this one, and no back end is asked for it.
                0 => Partition::User(user.clone()),
                1 => partitions.remove(0),
                _ => Members::new(partitions)
                    .map_or(Partition::User(user.clone()), Partition::Combined),
            };
            return Ok(DocumentId {
                source: source.clone(),
                partition,
            });
        }
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
        let Some(template) = &settings.naming.template else {
            return match settings.partition {
                PartitionRule::Computed => self.partition_by_adapter(source, settings, user).await,
                PartitionRule::App | PartitionRule::User => Ok(None),
            };
        };
        Ok(name_by(template, &self.known_of(user).await?))
    }

    /// The partitions that the user is in at once. Nobody stands for everybody but in that of all.
    async fn partitions_of(
        &self,
        settings: &SourceSettings,
        user: &UserId,
    ) -> Result<Vec<Partition>, SyncError> {
        let members = &settings.naming.members;
        let is_somebody = user.as_str() != EVERYBODY;
        let is_named = |member: &MemberRule| matches!(member, MemberRule::Named { .. });
        let known = match is_somebody && members.iter().any(is_named) {
            true => Some(self.known_of(user).await?),
            false => None,
        };
        let partitions = members.iter().filter_map(|member| match member {
            MemberRule::App => Some(Partition::App),
            MemberRule::User => is_somebody.then(|| Partition::User(user.clone())),
            MemberRule::Named { key, template } => {
                let name = name_by(template, known.as_ref()?)?;
                // An attribute that is there and empty names nothing.
                let is_whole = name.as_str().len() > key.len() + 1;
                is_whole.then_some(Partition::Named(name))
            }
        });
        Ok(partitions.collect())
    }

    /// What templates may name of a user.
    async fn known_of(&self, user: &UserId) -> Result<Context, SyncError> {
        let attributes = self.accounts.attributes(user).await?;
        let attributes = attributes.iter();
        let mut known: Map<String, Value> = attributes
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        known.insert("name".to_owned(), json!(user.as_str()));
        Ok(Context::new([("user", Value::Object(known))]))
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
        let members = &source.settings.naming.members;
        let has = |wanted: &str| members.iter().any(|member| member.key() == wanted);
        let of_member = |key| Ok(Asked::For(Some(PartitionName::parse(key)?)));
        match &document.partition {
            Partition::Named(name) => return Ok(Asked::For(Some(name.clone()))),
            Partition::App if has("app") => return of_member("app"),
            Partition::User(_) if has("user") => return of_member("user"),
            _ if !members.is_empty() => return Ok(Asked::NotAtAll),
            _ => {}
        }
        if !document.partition.is_narrowed() && !source.settings.pass_through {
            return Ok(Asked::NotAtAll);
        }
        let name = self.partition_of(source.name, source.settings, user);
        let name = name.await?;
        Ok(name.map_or(Asked::NotAtAll, |name| Asked::For(Some(name))))
    }
}

/// The partition that a back end calls so, where the names are computed. What belongs to one user alone is not called by a name.
pub(super) fn partition_called(naming: &Naming, name: &str) -> Option<Partition> {
    if !naming.members.is_empty() {
        let (key, _) = name.split_once('/').unwrap_or((name, ""));
        let member = naming.members.iter().find(|member| member.key() == key)?;
        match member {
            MemberRule::App if name == key => return Some(Partition::App),
            MemberRule::Named { .. } if name.len() > key.len() + 1 => {}
            _ => return None,
        }
    }
    PartitionName::parse(name).ok().map(Partition::Named)
}

/// What the template names and the user has not is no partition; and so is a name that cannot be one.
fn name_by(template: &Template, known: &Context) -> Option<PartitionName> {
    let name = template.render(known).ok()?;
    PartitionName::parse(name.trim()).ok()
}
