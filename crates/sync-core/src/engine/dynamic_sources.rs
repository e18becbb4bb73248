//! Makes and removes dynamic sources.

use crate::engine::{Engine, SyncError};
use crate::model::{DocumentId, Partition, PartitionRule, SourceName, UserId};
use crate::ports::Ports;
use crate::store::{AccountStore, AddOutcome, CHUNK, Registry, SourceCopies};

/// Most sources that are not in the settings file.
pub const MAX_DYNAMIC_SOURCES: usize = 1_000;

impl<P: Ports> Engine<P> {
    /// Adds a source that is not in the settings file. One that is there already stays as it is.
    ///
    /// # Errors
    /// A name that is none, [`SyncError::TooManySources`] and the store's.
    pub async fn create_dynamic_source(
        &self,
        name: &str,
        partition: PartitionRule,
    ) -> Result<(), SyncError> {
        let name = SourceName::parse(name)?;
        if self.settings.sources.contains_key(&name) {
            return Ok(());
        }
        let added = Registry::new(self.ports.redis())
            .add_source(&name, partition, MAX_DYNAMIC_SOURCES)
            .await?;
        self.forget_registry();
        match added {
            AddOutcome::Yes => Ok(()),
            AddOutcome::Full => Err(SyncError::TooManySources {
                limit: MAX_DYNAMIC_SOURCES,
            }),
        }
    }

    /// Deletes a source that is not in the settings file, with all its documents. Devices lose what they have of it when
    /// they start over.
    ///
    /// Interrupted, it can be repeated and goes on where it was.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`], [`SyncError::InvalidSetting`] for one that is in the settings file, and the store's.
    pub async fn delete_dynamic_source(&self, name: &str) -> Result<(), SyncError> {
        let info = self.source_info(name).await?;
        if !info.is_dynamic {
            return Err(SyncError::InvalidSetting {
                setting: "source",
                reason: format!("{name} is in the settings file, and deleted there"),
            });
        }
        let source = info.name;
        match info.settings.partition {
            PartitionRule::App => self.remove_document(&source, Partition::App).await?,
            PartitionRule::User | PartitionRule::Computed => {
                self.remove_documents_of_users(&source).await?;
            }
        }
        let registry = Registry::new(self.ports.redis());
        registry.remove_source(&source).await?;
        let copies = SourceCopies::new(self.ports.redis());
        copies.forget(&source).await?;
        self.forget_registry();
        tracing::info!(source.name = %source, "a source was deleted");
        Ok(())
    }

    async fn remove_documents_of_users(&self, source: &SourceName) -> Result<(), SyncError> {
        let accounts = AccountStore::new(self.ports.redis());
        let mut last: Option<String> = None;
        loop {
            let users = accounts.list(last.as_deref(), CHUNK).await?;
            for user in &users {
                let user = UserId::parse(user.as_str())?;
                self.remove_document(source, Partition::User(user)).await?;
            }
            if users.len() < CHUNK {
                return Ok(());
            }
            last = users.into_iter().next_back();
        }
    }

    async fn remove_document(
        &self,
        source: &SourceName,
        partition: Partition,
    ) -> Result<(), SyncError> {
        let document = DocumentId {
            source: source.clone(),
            partition,
        };
        let stored = self.document(&document);
        // First, while the document still names them.
        stored.forget_clients().await?;
        Ok(stored.remove().await.map(drop)?)
    }
}
