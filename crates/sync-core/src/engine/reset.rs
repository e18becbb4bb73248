//! Reset: everything is removed.

use crate::engine::{Engine, SyncError};
use crate::model::{ADMINISTRATOR, UserId};
use crate::ports::Ports;
use crate::store::remove_all;

impl<P: Ports> Engine<P> {
    /// Removes all users, clients, documents and jobs. Administrators, API tokens and the key that signs sessions
    /// stay, and so does what others keep in the same Redis. Interrupted, it can be repeated. The contents of
    /// blobs that are in a bucket go with the next collection.
    ///
    /// # Errors
    /// The store's.
    pub async fn reset(&self) -> Result<(), SyncError> {
        self.blobs.let_go_of_contents().await?;
        remove_all(self.ports.redis(), &UserId::parse(ADMINISTRATOR)?).await?;
        self.forget_registry();
        tracing::warn!("everything was reset");
        Ok(())
    }
}
