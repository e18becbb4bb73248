//! What administrators and back ends do.

use std::collections::BTreeMap;

use sync_proto::SentAttributes;

use crate::attributes::to_attributes;
use crate::document::record::{Attributes, Record};
use crate::engine::{Engine, SyncError};
use crate::ids::{DocumentId, ObjectId, UserId, Version};
use crate::ports::Ports;
use crate::settings::PartitionRule;
use crate::store::{Accounts, CHUNK, Commit, CommitMode, Committed, ObjectChange};

/// Commits that are tried anew because an object had moved.
const MAX_CONFLICTS: usize = 50;

/// How an object is changed by somebody who pushes.
enum Push {
    Merge(Attributes),
    Delete,
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
                let attributes =
                    to_attributes(sent).map_err(|reason| SyncError::InvalidAttributes {
                        id: id.clone(),
                        reason,
                    })?;
                Ok((ObjectId::parse(id)?, Push::Merge(attributes)))
            })
            .collect::<Result<Vec<_>, SyncError>>()?;
        let id = self.pushed_document(source, user).await?;
        self.push_all(&id, &pushes).await
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
        self.push_all(&id, &pushes).await?;
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
        self.push_all(id, &pushes).await
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

    async fn push_all(
        &self,
        id: &DocumentId,
        pushes: &[(ObjectId, Push)],
    ) -> Result<(), SyncError> {
        for chunk in pushes.chunks(CHUNK) {
            self.push_chunk(id, chunk).await?;
        }
        Ok(())
    }

    async fn push_chunk(
        &self,
        id: &DocumentId,
        pushes: &[(ObjectId, Push)],
    ) -> Result<(), SyncError> {
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
                return Ok(());
            }
            let commit = Commit {
                mode: CommitMode::Write,
                changes: &changes,
                client: None,
                told: None,
                ends: None,
            };
            if document.commit(commit).await? != Committed::Conflict {
                return Ok(());
            }
        }
        Err(SyncError::Busy)
    }
}
