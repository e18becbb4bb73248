//! Copies of sources as administrators list them.

use futures_util::future::try_join_all;
use futures_util::join;
use sync_proto::api::CopySummary;

use crate::engine::by_jobs::query_queue;
use crate::engine::client_sources::partition_name;
use crate::engine::{Engine, SourceInfo, SyncError};
use crate::model::{DocumentId, Millis, Partition, PartitionRule, PollInterval, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{SourceCopies, Summary};

/// Which copy of a source is meant.
#[derive(Debug, Clone, Copy)]
pub enum CopyOf<'a> {
    /// The one that a user's devices get.
    User(&'a str),
    /// The one that has this [`CopySummary::id`].
    Id(&'a str),
}

/// Part of a list of copies.
#[derive(Debug)]
pub struct CopyPage {
    /// The copies.
    pub copies: Vec<CopySummary>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<u64>,
}

impl<P: Ports> Engine<P> {
    /// Lists the copies of a source in no order, about `limit` from a position on. Copies of parts are not among them.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`] and the store's.
    pub async fn copies(
        &self,
        source: &str,
        position: u64,
        limit: usize,
    ) -> Result<CopyPage, SyncError> {
        let info = self.source_info(source).await?;
        let index = SourceCopies::new(self.ports.redis());
        let (ids, next) = index.list(&info.name, position, limit).await?;
        let copies = try_join_all(ids.iter().map(|id| self.sum_up(&info, id))).await?;
        Ok(CopyPage { copies, next })
    }

    /// Sums one copy of a source up.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`], [`SyncError::UnknownCopy`] and the store's.
    pub async fn copy_summary(&self, source: &str, id: &str) -> Result<CopySummary, SyncError> {
        let info = self.source_info(source).await?;
        let id = self.copy_called(source, id).await?;
        self.sum_up(&info, &id).await
    }

    /// The copies that a user's devices get: its own, those that everybody shares, and those that they are made of.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`](crate::AccountError::UnknownUser) and the store's.
    pub async fn copies_of_user(&self, login: &str) -> Result<Vec<CopySummary>, SyncError> {
        let user: UserId = self.accounts.user(login).await?.login;
        let sources = self.sources(None).await?;
        let copies = sources.iter().map(async |info| {
            let id = self.copy_of(&info.name, &info.settings, &user).await?;
            let ids: Vec<_> = id.members().into_iter().chain([id]).collect();
            try_join_all(ids.iter().map(|id| self.sum_up(info, id))).await
        });
        let copies = try_join_all(copies).await?.into_iter().flatten();
        let is_there = |copy: &CopySummary| copy.version > 0 || copy.refreshed_at.is_some();
        Ok(copies.filter(is_there).collect())
    }

    /// Has the back end asked for a user's copy as soon as a job can.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`], [`AccountError::UnknownUser`](crate::AccountError::UnknownUser),
    /// [`SyncError::InvalidSetting`] for a source that is never queried, or paused, and the store's.
    pub async fn refresh_now(&self, source: &str, user: &str) -> Result<(), SyncError> {
        let document = self.document_of(source, user).await?;
        let found = self.source(source).await?;
        let source = found.as_source();
        if self.poll_interval(source).await? == PollInterval::Never {
            return Err(SyncError::InvalidSetting {
                setting: "now",
                reason: format!("{} is paused, or its back end is never asked", source.name),
            });
        }
        let user = match source.settings.partition {
            PartitionRule::App => UserId::parse(crate::model::ADMINISTRATOR)?,
            PartitionRule::User | PartitionRule::Computed => UserId::parse(user)?,
        };
        for copy in document.of_back_end() {
            let store = self.document(&copy);
            store.set_refresh_due(self.ports.clock().now()).await?;
        }
        self.query_soon(query_queue(source.settings), &document, &user, &[])
            .await
    }

    /// The document of a copy.
    pub(super) async fn document_at(
        &self,
        source: &str,
        copy: CopyOf<'_>,
    ) -> Result<DocumentId, SyncError> {
        match copy {
            CopyOf::User(user) => self.document_of(source, user).await,
            CopyOf::Id(id) => self.copy_called(source, id).await,
        }
    }

    /// The document that lists call so, if there is one.
    async fn copy_called(&self, source: &str, id: &str) -> Result<DocumentId, SyncError> {
        let found = self.source(source).await?;
        let unknown = || SyncError::UnknownCopy {
            source_name: source.to_owned(),
            id: id.to_owned(),
        };
        let document = DocumentId {
            source: found.as_source().name.clone(),
            partition: Partition::from_stored(id).ok_or_else(unknown)?,
        };
        let count = self.document(&document).count().await?;
        count.map(|_| document).ok_or_else(unknown)
    }

    async fn sum_up(&self, info: &SourceInfo, id: &DocumentId) -> Result<CopySummary, SyncError> {
        let document = self.document(id);
        // In whose name the back end can be asked. Only a device knows by which parameters a part was made.
        let asked_as = async || match &id.partition {
            Partition::App | Partition::Narrowed(..) => Ok(None),
            partition => match partition.owner() {
                Some(owner) => Ok(Some(owner.clone())),
                None => document.some_user().await,
            },
        };
        let (summary, clients, asked_as) =
            join!(document.summary(), document.client_count(), asked_as());
        let Summary {
            version,
            live,
            refreshed_at,
            source_error,
            took,
            due,
        } = summary?;
        let by_interval = match info.settings.poll_interval {
            PollInterval::Seconds(seconds) => {
                refreshed_at.map(|at| at.plus(seconds.saturating_mul(1_000)))
            }
            PollInterval::Never | PollInterval::EverySync => None,
        };
        let is_asked = !info.is_paused && info.settings.poll_interval != PollInterval::Never;
        let due_at = due.or(by_interval).filter(|_| is_asked);
        let user = id.partition.owner();
        Ok(CopySummary {
            source: id.source.as_str().to_owned(),
            id: id.partition.to_stored(),
            partition: partition_name(&id.partition),
            user: user.map(|user| user.as_str().to_owned()),
            asked_as: asked_as?.map(UserId::into_string),
            version: version.0,
            objects: live,
            clients: clients?,
            refreshed_at: refreshed_at.map(|Millis(at)| at),
            took_ms: took,
            due_at: due_at.map(|Millis(at)| at),
            error: source_error.map(|error| error.message),
        })
    }
}
