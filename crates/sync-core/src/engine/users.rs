//! A user goes, with everything that is its own.

use crate::account::AccountError;
use crate::engine::{Engine, SyncError};
use crate::model::{DocumentId, Partition, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{AccountStore, Clients};

/// Clients that are deleted at once.
const CLIENTS_CHUNK: usize = 100;

impl<P: Ports> Engine<P> {
    /// Deletes a user with its clients and its own copies of every source; also of one who has never logged in, but was
    /// fed.
    ///
    /// Sessions end first. Interrupted, it can be repeated and goes on where it was.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`] and the store's.
    pub async fn delete_user(&self, login: &str) -> Result<(), SyncError> {
        let user = UserId::parse(login).map_err(|_| unknown(login))?;
        let accounts = AccountStore::new(self.ports.redis());
        self.accounts.shut_out(&user).await?;
        let mut is_known = accounts.begin_deletion(&user).await?;
        loop {
            let clients = Clients::new(self.ports.redis())
                .list(&user, None, CLIENTS_CHUNK)
                .await?;
            if clients.is_empty() {
                break;
            }
            for client in clients {
                self.remove_client(&client, &user).await?;
            }
        }
        for source in self.sources(None).await? {
            let own = DocumentId {
                source: source.name,
                partition: Partition::User(user.clone()),
            };
            is_known |= self.document(&own).remove().await?;
            self.metrics.meter().copy(&own, None);
        }
        if !is_known {
            return Err(unknown(login));
        }
        accounts.end_deletion(&user).await?;
        tracing::info!(user.id = %user, at = %self.ports.clock().now(), "a user was deleted");
        Ok(())
    }
}

fn unknown(login: &str) -> SyncError {
    let login = login.to_owned();
    AccountError::UnknownUser { login }.into()
}
