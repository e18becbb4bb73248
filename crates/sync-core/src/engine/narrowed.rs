//! Devices that ask for a part of a source: by parameters, which go to the back end's query.
//!
//! What one device asks for never narrows what others have. So there is a copy of its own for each user and set of
//! parameters, which the user's devices with these parameters share. A client follows one copy of a source at a time, and a
//! copy ends with the last client that follows it: there are never more of them than clients.

use crate::engine::feed::FeedChange;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{
    ClientId, DocumentId, Millis, Narrowing, ObjectId, OperationKind, OutboxItem, ParametersRule,
    Partition, PartitionRule, PollInterval, UserId,
};
use crate::ports::{Clock as _, Ports};
use crate::store::{Clients, Commit, CommitMode, CommitOutcome, NarrowedCopies};

/// Copies that are removed at once because nobody has asked for them in a long time.
const FORGOTTEN_AT_ONCE: usize = 10;

/// A day, in milliseconds.
const DAY_MS: u64 = 86_400_000;

impl<P: Ports> Engine<P> {
    /// The copy that a device asks for by parameters. Where the back end is never asked, they do not narrow anything down.
    pub(super) async fn copy_asked_for(
        &self,
        source: Source<'_>,
        user: &UserId,
        parameters: &[(String, String)],
    ) -> Result<DocumentId, SyncError> {
        let common = self.document_for(source, user).await?;
        let settings = source.settings;
        let named = match &common.partition {
            Partition::Named(name) => Some(name),
            _ => None,
        };
        let is_nobodys = settings.partition == PartitionRule::Computed && named.is_none();
        let (Some(narrowing), false, ParametersRule::OwnCopy) = (
            Narrowing::by(named, parameters),
            settings.pass_through,
            settings.parameters,
        ) else {
            return Ok(common);
        };
        if is_nobodys || self.poll_interval(source).await? == PollInterval::Never {
            return Ok(common);
        }
        Ok(DocumentId {
            partition: Partition::Narrowed(user.clone(), narrowing),
            ..common
        })
    }

    /// Brings what a back end has taken of a device that follows a part of the source into the copy of those who follow all
    /// of it. Other parts get it with their next query: only the back end knows which.
    pub(super) async fn share_change(
        &self,
        source: Source<'_>,
        user: &UserId,
        object: &ObjectId,
        (kind, change): (OperationKind, FeedChange),
    ) -> Result<(), SyncError> {
        let id = self.document_for(source, user).await?;
        let document = self.document(&id);
        if !document.was_refreshed().await? {
            // The first query brings it.
            return Ok(());
        }
        self.share_in(&id, object, (kind, change)).await
    }

    /// Brings what a back end has taken into another copy than the one that the device follows.
    pub(super) async fn share_in(
        &self,
        id: &DocumentId,
        object: &ObjectId,
        (kind, change): (OperationKind, FeedChange),
    ) -> Result<(), SyncError> {
        if kind == OperationKind::Update && !self.has(id, object).await? {
            return Ok(());
        }
        match self.feed(id, &[(object.clone(), change)]).await {
            Ok(_) if kind == OperationKind::Delete => self.collect_some_time(id).await,
            // The change is done, and the next query says what becomes of it.
            Err(error @ SyncError::InvalidAttributes { .. }) => {
                tracing::warn!(source.name = %id.source, %error, "a change is not shared");
                Ok(())
            }
            fed => fed.map(drop),
        }
    }

    /// Tells a client something in the copy of the source that it follows now, where that is still its user's. One that is
    /// between two copies starts over in the one where it arrives.
    pub(super) async fn tell_in_copy(
        &self,
        client: &ClientId,
        user: &UserId,
        document: &DocumentId,
        item: OutboxItem,
    ) -> Result<(), SyncError> {
        let clients = Clients::new(self.ports.redis());
        let source = &document.source;
        let items = [item];
        let mut is_noted = false;
        loop {
            let binding = clients.binding(client, source).await?;
            let Some(binding) = binding.filter(|binding| binding.user == *user) else {
                return Ok(());
            };
            // That may be the same copy: it has started over, or left and come back. Then it may still have what it made.
            let told = match binding.partition {
                Some(partition) => {
                    let source = source.clone();
                    let followed = DocumentId { source, partition };
                    let commit = Commit {
                        mode: CommitMode::Write,
                        changes: &[],
                        client: Some(client),
                        told: Some((user, &items)),
                        ends: None,
                    };
                    self.document(&followed).commit(commit).await?
                }
                None => CommitOutcome::Orphaned,
            };
            match told {
                CommitOutcome::Orphaned if is_noted => return Ok(()),
                // It is between two copies. Wherever it arrives, it finds the note, if it was not there in time for another
                // attempt.
                CommitOutcome::Orphaned => clients.note_untold(client, source).await?,
                _ if is_noted => return Ok(clients.take_untold(client, source).await.map(drop)?),
                _ => return Ok(()),
            }
            is_noted = true;
        }
    }

    /// Removes copies of parts that the back end was not asked for as long as a client may be silent.
    pub(super) async fn forget_unused_copies(&self) -> Result<(), SyncError> {
        let Millis(now) = self.ports.clock().now();
        let since = now.saturating_sub(self.settings.retention_days.saturating_mul(DAY_MS));
        let copies = NarrowedCopies::new(self.ports.redis());
        for copy in copies
            .unused_since(Millis(since), FORGOTTEN_AT_ONCE)
            .await?
        {
            let document = self.document(&copy);
            document.forget_clients().await?;
            document.remove().await?;
            copies.remove(&copy).await?;
        }
        Ok(())
    }
}
