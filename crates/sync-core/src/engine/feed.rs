//! What back ends and administrators feed: objects that change without being asked for.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::join;
use sync_proto::SentAttributes;

use crate::account::AccountError;
use crate::engine::{Engine, SyncError};
use crate::model::{
    Attributes, DocumentId, EVERYBODY, InvalidAttributes, MAX_OBJECT_BYTES, ObjectChange, ObjectId,
    OperationKind, Partition, PartitionRule, Record, UserId, Version, bytes_of, to_attributes,
};
use crate::ports::Ports;
use crate::store::{CHUNK, CHUNK_BYTES, Commit, CommitMode, CommitOutcome};

/// Commits that are tried anew because an object had moved.
const MAX_CONFLICTS: usize = 50;

/// How a feed changes an object.
pub(super) enum FeedChange {
    Merge(Attributes),
    Replace(Attributes),
    Patch(ObjectPatch),
    Delete,
}

impl FeedChange {
    /// What a device's change is to others once the back end has taken it.
    pub(super) fn of(kind: OperationKind, attributes: &Attributes) -> Self {
        match kind {
            OperationKind::Create => Self::Replace(attributes.clone()),
            OperationKind::Update => Self::Merge(attributes.clone()),
            OperationKind::Delete => Self::Delete,
        }
    }

    /// Whether objects may go by it.
    fn may_delete(&self) -> bool {
        matches!(self, Self::Replace(_) | Self::Delete)
    }

    /// How many bytes what it says of an object has, as far as they count.
    fn bytes(&self, id: &ObjectId) -> usize {
        match self {
            Self::Merge(attributes) | Self::Replace(attributes) => bytes_of(id, attributes),
            Self::Patch(ObjectPatch { set, .. }) => set
                .iter()
                .map(|(name, value)| name.len() + value.as_str().map_or(0, str::len))
                .sum(),
            Self::Delete => 0,
        }
    }
}

/// How an object changes.
#[derive(Debug, Clone, Default)]
pub struct ObjectPatch {
    /// Attributes to remove.
    pub remove: Vec<String>,
    /// Attributes to set.
    pub set: SentAttributes,
}

/// Why objects are not taken from a back end or an administrator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The source keeps no objects that could change.
    #[error("{name} is a pass-through source: the server keeps no objects of it")]
    PassThrough {
        /// The source.
        name: String,
    },
    /// A user's copy is made of several partitions' copies, which others share.
    #[error(
        "users are in several partitions of {name}, which others share: name the objects that are to be deleted"
    )]
    SeveralPartitions {
        /// The source.
        name: String,
    },
    /// The source, the user, an object or the store is not as it must be.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl<P: Ports> Engine<P> {
    /// Merges attributes into objects of a user's partition, also of one who has yet to come. A source nobody knows is made,
    /// one copy per user.
    ///
    /// # Errors
    /// A source, user, id or attribute that is not valid: nothing was changed then. [`SyncError::Busy`] and the store's;
    /// some objects may have been changed then, and feeding the same again is harmless.
    pub async fn feed_objects(
        &self,
        source: &str,
        user: &str,
        objects: BTreeMap<String, SentAttributes>,
    ) -> Result<(), FeedError> {
        let changes = merges(objects)?;
        let id = self.fed_document(source, user).await?;
        self.feed_copies(&id, changes).await
    }

    /// Gives objects of a user's partition exactly these attributes; `whole` removes all other objects.
    ///
    /// # Errors
    /// As [`Engine::feed_objects`].
    pub async fn replace_objects(
        &self,
        source: &str,
        user: &str,
        objects: BTreeMap<String, SentAttributes>,
        whole: bool,
    ) -> Result<(), FeedError> {
        let changes = objects
            .into_iter()
            .map(|(id, sent)| {
                let attributes = checked(&id, sent)?;
                Ok((ObjectId::parse(id)?, FeedChange::Replace(attributes)))
            })
            .collect::<Result<Vec<_>, SyncError>>()?;
        let id = self.fed_document(source, user).await?;
        if whole && !id.members().is_empty() {
            return Err(FeedError::SeveralPartitions {
                name: source.to_owned(),
            });
        }
        let changed = whole && self.delete_others(&id, &changes).await?;
        self.notify_if(changed, &id).await?;
        self.feed_copies(&id, changes).await
    }

    /// Removes and sets attributes of objects of a user's partition; objects that are not there are made.
    ///
    /// # Errors
    /// As [`Engine::feed_objects`].
    pub async fn patch_objects(
        &self,
        source: &str,
        user: &str,
        patches: BTreeMap<String, ObjectPatch>,
    ) -> Result<(), FeedError> {
        let changes = patches
            .into_iter()
            .map(|(id, patch)| {
                checked(&id, patch.set.clone())?;
                Ok((ObjectId::parse(id)?, FeedChange::Patch(patch)))
            })
            .collect::<Result<Vec<_>, SyncError>>()?;
        let id = self.fed_document(source, user).await?;
        self.feed_copies(&id, changes).await
    }

    /// Deletes the objects of a document that are not among those fed. Says whether there were any.
    async fn delete_others(
        &self,
        id: &DocumentId,
        changes: &[(ObjectId, FeedChange)],
    ) -> Result<bool, SyncError> {
        let mut changed = false;
        let kept: BTreeSet<&ObjectId> = changes.iter().map(|(id, _)| id).collect();
        let last = self.document(id).summary().await?.version;
        let mut after = Version::ZERO;
        while after < last {
            let log = self.document(id).log_after(after).await?;
            let Some((_, reached)) = log.last() else {
                break;
            };
            after = *reached;
            let others: Vec<_> = log
                .into_iter()
                .filter(|(id, _)| !kept.contains(id))
                .map(|(id, _)| (id, FeedChange::Delete))
                .collect();
            changed |= self.feed(id, &others).await?;
        }
        Ok(changed)
    }

    /// Deletes objects of a user's partition; ids that are not there are passed over.
    ///
    /// # Errors
    /// As [`Engine::feed_objects`].
    pub async fn feed_deletes(
        &self,
        source: &str,
        user: &str,
        objects: Vec<String>,
    ) -> Result<(), FeedError> {
        let changes = deletes(objects)?;
        let id = self.fed_document(source, user).await?;
        self.feed_copies(&id, changes).await
    }

    /// The document a back end changes to. A source nobody knows is made, as the last thing that can go wrong.
    pub(super) async fn fed_document(
        &self,
        source: &str,
        user: &str,
    ) -> Result<DocumentId, FeedError> {
        let user = UserId::parse(user).map_err(SyncError::from)?;
        let found = match self.source(source).await {
            // It has a copy per user.
            Err(SyncError::UnknownSource { .. }) if user.as_str() != EVERYBODY => {
                self.create_dynamic_source(source, PartitionRule::default())
                    .await?;
                self.source(source).await?
            }
            found => found?,
        };
        let source = found.as_source();
        if source.settings.pass_through {
            return Err(FeedError::PassThrough {
                name: source.name.to_string(),
            });
        }
        let document = self.document_for(source, &user).await?;
        // Nobody will ever come for it.
        if document.partition != Partition::App && user.as_str() == EVERYBODY {
            let login = user.into_string();
            return Err(SyncError::from(AccountError::UnknownUser { login }).into());
        }
        Ok(document)
    }

    /// Feeds a user's copy: where it is made of several, each object the one that has it, or else the one in which new objects are made.
    pub(super) async fn feed_copies(
        &self,
        id: &DocumentId,
        changes: Vec<(ObjectId, FeedChange)>,
    ) -> Result<(), FeedError> {
        let mut by_copy: BTreeMap<DocumentId, Vec<_>> = BTreeMap::new();
        let found = self.source(id.source.as_str()).await?;
        let is_single = id.members().is_empty();
        for (object, change) in changes {
            let copy = match is_single {
                true => None,
                false => {
                    let member = self.member_of_change(
                        found.as_source(),
                        id,
                        OperationKind::Update,
                        &object,
                    );
                    member.await?
                }
            };
            let copy = copy.unwrap_or_else(|| id.clone());
            by_copy.entry(copy).or_default().push((object, change));
        }
        for (copy, changes) in by_copy {
            let changed = self.feed(&copy, &changes).await?;
            self.notify_if(changed, &copy).await?;
            if changes.iter().any(|(_, change)| change.may_delete()) {
                self.collect_if_worth_it(&copy).await?;
            }
        }
        Ok(())
    }

    /// Says whether that has changed anything.
    pub(super) async fn feed(
        &self,
        id: &DocumentId,
        changes: &[(ObjectId, FeedChange)],
    ) -> Result<bool, SyncError> {
        let (mut changed, mut left) = (false, changes);
        while !left.is_empty() {
            let (fed, has_changed) = self.feed_chunk(id, left).await?;
            changed |= has_changed;
            left = left.get(fed..).unwrap_or_default();
        }
        self.metrics.meter().copy(id, None);
        Ok(changed)
    }

    /// Feeds the first of the changes. Says how many, and whether they have changed anything.
    async fn feed_chunk(
        &self,
        id: &DocumentId,
        changes: &[(ObjectId, FeedChange)],
    ) -> Result<(usize, bool), SyncError> {
        let document = self.document(id);
        let ids: Vec<ObjectId> = first_of(changes).map(|(id, _)| id.clone()).collect();
        for _ in 0..MAX_CONFLICTS {
            let (known, held) = join!(document.records(&ids), document.held_names(&ids));
            let (known, held) = (known?, held?);
            let commits: Vec<ObjectChange> = changes
                .iter()
                .zip(known.iter().zip(&held))
                .filter_map(|((id, change), (known, held))| {
                    let before = known.as_ref().map(|(record, version)| (record, *version));
                    let attributes = match change {
                        FeedChange::Delete => Attributes::new(),
                        FeedChange::Replace(attributes) => attributes.clone(),
                        FeedChange::Patch(ObjectPatch { remove, set }) => {
                            let mut patched = before
                                .map(|(record, _)| record.attributes.clone())
                                .unwrap_or_default();
                            patched.retain(|name, _| !remove.contains(name));
                            // Checked before anything was changed.
                            patched.extend(to_attributes(set.clone()).unwrap_or_default());
                            patched
                        }
                        FeedChange::Merge(attributes) => {
                            let mut merged = before
                                .map(|(record, _)| record.attributes.clone())
                                .unwrap_or_default();
                            merged.extend(attributes.clone());
                            merged
                        }
                    };
                    let expected = before.map_or(Version::ZERO, |(_, version)| version);
                    let seen = as_seen(before, &attributes, change, held);
                    let seen = seen.as_ref().map(|seen| (seen, expected)).or(before);
                    let record = Record::next(seen, attributes, None)?;
                    Some(ObjectChange::new(id, before, record))
                })
                .collect();
            for ObjectChange { id, record, .. } in &commits {
                check_size(id, &record.attributes)?;
            }
            if commits.is_empty() {
                return Ok((known.len(), false));
            }
            let commit = Commit {
                mode: CommitMode::Write,
                changes: &commits,
                client: None,
                told: None,
                ends: None,
            };
            if document.commit(commit).await? != CommitOutcome::Conflict {
                let told = ids.iter().zip(&held).filter(|(_, held)| !held.is_empty());
                document.forget_held_names(told.map(|(id, _)| id)).await?;
                return Ok((known.len(), true));
            }
        }
        Err(SyncError::Busy)
    }
}

/// The changes that are carried out at once. What is made of them for the store is held beside them.
fn first_of(changes: &[(ObjectId, FeedChange)]) -> impl Iterator<Item = &(ObjectId, FeedChange)> {
    let mut bytes = 0;
    changes.iter().take(CHUNK).take_while(move |(id, change)| {
        let is_room = bytes < CHUNK_BYTES;
        bytes += change.bytes(id);
        is_room
    })
}

/// What an object is before a change to those who have attributes of it otherwise than the document has them, `held`: so the
/// change sets or removes them for everybody, also where it changes nothing in the document. A merge says nothing of those that
/// it does not name.
fn as_seen(
    before: Option<(&Record, Version)>,
    after: &Attributes,
    change: &FeedChange,
    held: &[String],
) -> Option<Record> {
    let is_meant = |name: &&String| match change {
        FeedChange::Merge(named) => named.contains_key(*name),
        FeedChange::Replace(_) | FeedChange::Patch(_) | FeedChange::Delete => true,
    };
    let mut meant = held.iter().filter(is_meant).peekable();
    meant.peek()?;
    let mut seen = before.map(|(record, _)| record.clone()).unwrap_or_default();
    for name in meant {
        match after.contains_key(name) {
            true => seen.attributes.remove(name),
            false => seen.attributes.insert(name.clone(), String::new()),
        };
    }
    Some(seen)
}

/// Refuses an object that one change after the other has made too large.
pub(super) fn check_size(id: &ObjectId, attributes: &Attributes) -> Result<(), SyncError> {
    let bytes = bytes_of(id, attributes);
    if bytes <= MAX_OBJECT_BYTES + id.as_str().len() {
        return Ok(());
    }
    Err(SyncError::InvalidAttributes {
        id: id.to_string(),
        reason: InvalidAttributes::ObjectTooLarge { bytes },
    })
}

/// Merges of these objects, if all of them can be.
pub(super) fn merges(
    objects: BTreeMap<String, SentAttributes>,
) -> Result<Vec<(ObjectId, FeedChange)>, SyncError> {
    let merge = |(id, sent): (String, SentAttributes)| {
        let attributes = checked(&id, sent)?;
        Ok((ObjectId::parse(id)?, FeedChange::Merge(attributes)))
    };
    objects.into_iter().map(merge).collect()
}

/// Deletes of these objects, each once.
pub(super) fn deletes(objects: Vec<String>) -> Result<Vec<(ObjectId, FeedChange)>, SyncError> {
    let delete = |id: String| Ok((ObjectId::parse(id)?, FeedChange::Delete));
    let once: Result<BTreeMap<_, _>, SyncError> = objects.into_iter().map(delete).collect();
    Ok(once?.into_iter().collect())
}

fn checked(id: &str, sent: SentAttributes) -> Result<Attributes, SyncError> {
    to_attributes(sent).map_err(|reason| SyncError::InvalidAttributes {
        id: id.to_owned(),
        reason,
    })
}
