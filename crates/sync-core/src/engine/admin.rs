//! What administrators and back ends do.

use std::collections::{BTreeMap, BTreeSet};

use sync_proto::SentAttributes;

use crate::engine::{Engine, SyncError};
use crate::model::{
    Attributes, DocumentId, ObjectChange, ObjectId, PartitionRule, Record, UserId, Version,
    to_attributes,
};
use crate::ports::Ports;
use crate::store::{Accounts, CHUNK, Commit, CommitMode, Committed};

/// Commits that are tried anew because an object had moved.
const MAX_CONFLICTS: usize = 50;

/// How an object is changed by somebody who pushes.
pub(super) enum Push {
    Merge(Attributes),
    Replace(Attributes),
    Patch(ObjectPatch),
    Delete,
}

/// How an object changes.
#[derive(Debug, Clone, Default)]
pub struct ObjectPatch {
    /// Attributes to remove.
    pub remove: Vec<String>,
    /// Attributes to set.
    pub set: SentAttributes,
}

impl<P: Ports> Engine<P> {
    /// Merges attributes into objects of a user's partition. A source nobody knows is made, one copy per user.
    ///
    /// # Errors
    /// A source, user, id or attribute that is not valid: nothing was changed then. [`SyncError::Busy`] and the store's;
    /// some objects may have been changed then, and pushing the same again is harmless.
    pub async fn push_objects(
        &self,
        source: &str,
        user: &str,
        objects: BTreeMap<String, SentAttributes>,
    ) -> Result<(), SyncError> {
        let pushes = objects
            .into_iter()
            .map(|(id, sent)| {
                let attributes = checked(&id, sent)?;
                Ok((ObjectId::parse(id)?, Push::Merge(attributes)))
            })
            .collect::<Result<Vec<_>, SyncError>>()?;
        let id = self.pushed_document(source, user).await?;
        let changed = self.push_all(&id, &pushes).await?;
        self.notify_if(changed, &id).await
    }

    /// Gives objects of a user's partition exactly these attributes; `whole` removes all other objects.
    ///
    /// # Errors
    /// As [`Engine::push_objects`].
    pub async fn replace_objects(
        &self,
        source: &str,
        user: &str,
        objects: BTreeMap<String, SentAttributes>,
        whole: bool,
    ) -> Result<(), SyncError> {
        let pushes = objects
            .into_iter()
            .map(|(id, sent)| {
                let attributes = checked(&id, sent)?;
                Ok((ObjectId::parse(id)?, Push::Replace(attributes)))
            })
            .collect::<Result<Vec<_>, SyncError>>()?;
        let id = self.pushed_document(source, user).await?;
        let mut changed = whole && self.delete_others(&id, &pushes).await?;
        changed |= self.push_all(&id, &pushes).await?;
        self.notify_if(changed, &id).await?;
        self.collect_if_worth_it(&id).await
    }

    /// Removes and sets attributes of objects of a user's partition; objects that are not there are made.
    ///
    /// # Errors
    /// As [`Engine::push_objects`].
    pub async fn patch_objects(
        &self,
        source: &str,
        user: &str,
        patches: BTreeMap<String, ObjectPatch>,
    ) -> Result<(), SyncError> {
        let pushes = patches
            .into_iter()
            .map(|(id, patch)| {
                checked(&id, patch.set.clone())?;
                Ok((ObjectId::parse(id)?, Push::Patch(patch)))
            })
            .collect::<Result<Vec<_>, SyncError>>()?;
        let id = self.pushed_document(source, user).await?;
        let changed = self.push_all(&id, &pushes).await?;
        self.notify_if(changed, &id).await
    }

    /// Deletes the objects of a document that are not among those pushed. Says whether there were any.
    async fn delete_others(
        &self,
        id: &DocumentId,
        pushes: &[(ObjectId, Push)],
    ) -> Result<bool, SyncError> {
        let mut changed = false;
        let kept: BTreeSet<&ObjectId> = pushes.iter().map(|(id, _)| id).collect();
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
                .map(|(id, _)| (id, Push::Delete))
                .collect();
            changed |= self.push_all(id, &others).await?;
        }
        Ok(changed)
    }

    /// Deletes objects of a user's partition; ids that are not there are passed over.
    ///
    /// # Errors
    /// As [`Engine::push_objects`].
    pub async fn push_deletes(
        &self,
        source: &str,
        user: &str,
        objects: Vec<String>,
    ) -> Result<(), SyncError> {
        let pushes = objects
            .into_iter()
            .map(|id| Ok((ObjectId::parse(id)?, Push::Delete)))
            .collect::<Result<BTreeMap<_, _>, SyncError>>()?
            .into_iter()
            .collect::<Vec<_>>();
        let id = self.pushed_document(source, user).await?;
        let changed = self.push_all(&id, &pushes).await?;
        self.notify_if(changed, &id).await?;
        self.collect_if_worth_it(&id).await
    }

    /// Merges what a search found into the document, as nobody's own change.
    pub(super) async fn merge_found(
        &self,
        id: &DocumentId,
        objects: &BTreeMap<ObjectId, Attributes>,
    ) -> Result<(), SyncError> {
        let pushes: Vec<_> = objects
            .iter()
            .map(|(id, attributes)| (id.clone(), Push::Merge(attributes.clone())))
            .collect();
        self.push_all(id, &pushes).await.map(drop)
    }

    /// The document a back end pushes to. A source nobody knows is made, as the last thing that can go wrong.
    async fn pushed_document(&self, source: &str, user: &str) -> Result<DocumentId, SyncError> {
        let login = user;
        let user = UserId::parse(login)?;
        if Accounts::new(self.ports.redis())
            .generation(&user)
            .await?
            .is_none()
        {
            return Err(SyncError::UnknownUser {
                login: login.to_owned(),
            });
        }
        let found = match self.source(source).await {
            Err(SyncError::UnknownSource { .. }) => {
                self.create_dynamic_source(source, PartitionRule::default())
                    .await?;
                self.source(source).await?
            }
            found => found?,
        };
        let source = found.as_source();
        if source.settings.pass_through {
            return Err(SyncError::PassThrough {
                name: source.name.to_string(),
            });
        }
        Ok(source.document_for(&user))
    }

    /// Says whether that has changed anything.
    pub(super) async fn push_all(
        &self,
        id: &DocumentId,
        pushes: &[(ObjectId, Push)],
    ) -> Result<bool, SyncError> {
        let mut changed = false;
        for chunk in pushes.chunks(CHUNK) {
            changed |= self.push_chunk(id, chunk).await?;
        }
        Ok(changed)
    }

    async fn push_chunk(
        &self,
        id: &DocumentId,
        pushes: &[(ObjectId, Push)],
    ) -> Result<bool, SyncError> {
        let document = self.document(id);
        let ids: Vec<ObjectId> = pushes.iter().map(|(id, _)| id.clone()).collect();
        for _ in 0..MAX_CONFLICTS {
            let known = document.records(&ids).await?;
            let changes: Vec<ObjectChange> = pushes
                .iter()
                .zip(&known)
                .filter_map(|((id, push), known)| {
                    let before = known.as_ref().map(|(record, version)| (record, *version));
                    let attributes = match push {
                        Push::Delete => Attributes::new(),
                        Push::Replace(attributes) => attributes.clone(),
                        Push::Patch(ObjectPatch { remove, set }) => {
                            let mut patched = before
                                .map(|(record, _)| record.attributes.clone())
                                .unwrap_or_default();
                            patched.retain(|name, _| !remove.contains(name));
                            // Checked before anything was changed.
                            patched.extend(to_attributes(set.clone()).unwrap_or_default());
                            patched
                        }
                        Push::Merge(attributes) => {
                            let mut merged = before
                                .map(|(record, _)| record.attributes.clone())
                                .unwrap_or_default();
                            merged.extend(attributes.clone());
                            merged
                        }
                    };
                    let record = Record::next(before, attributes, None)?;
                    let expected = before.map_or(Version::ZERO, |(_, version)| version);
                    Some(ObjectChange {
                        id: id.clone(),
                        expected,
                        record,
                    })
                })
                .collect();
            if changes.is_empty() {
                return Ok(false);
            }
            let commit = Commit {
                mode: CommitMode::Write,
                changes: &changes,
                client: None,
                told: None,
                ends: None,
            };
            if document.commit(commit).await? != Committed::Conflict {
                return Ok(true);
            }
        }
        Err(SyncError::Busy)
    }
}

fn checked(id: &str, sent: SentAttributes) -> Result<Attributes, SyncError> {
    to_attributes(sent).map_err(|reason| SyncError::InvalidAttributes {
        id: id.to_owned(),
        reason,
    })
}
