//! Users, as administrators see and change them.

use crate::engine::{Engine, SyncError};
use crate::model::{DocumentId, Millis, Partition, UserId};
use crate::ports::{Clock as _, Ports};
use crate::store::{Accounts, Clients, UserProfile};

/// Clients that are deleted at once.
const CLIENTS_CHUNK: usize = 100;

/// Longest address of a user, in bytes (RFC 5321, section 4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;

/// A user, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDetails {
    /// Name.
    pub login: UserId,
    /// Address, where one is known.
    pub email: Option<String>,
    /// Since when it exists.
    pub created_at: Millis,
}

/// What to change of a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Another password. Every session of the user ends.
    pub password: Option<String>,
    /// Another address.
    pub email: Option<String>,
}

impl<P: Ports> Engine<P> {
    /// Creates a user.
    ///
    /// # Errors
    /// [`SyncError::UserExists`], a name or password that cannot be one, and the store's.
    pub async fn create_user(&self, login: &str, password: &str) -> Result<(), SyncError> {
        let user = UserId::parse(login)?;
        if self.create_account(&user, password).await? {
            Ok(())
        } else {
            Err(SyncError::UserExists {
                login: login.to_owned(),
            })
        }
    }

    /// Lists users by name, after one and at most `limit`.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_users(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, SyncError> {
        Ok(Accounts::new(self.ports.redis()).list(after, limit).await?)
    }

    /// Reads a user.
    ///
    /// # Errors
    /// [`SyncError::UnknownUser`] and the store's.
    pub async fn user(&self, login: &str) -> Result<UserDetails, SyncError> {
        let unknown = || unknown(login);
        let user = UserId::parse(login).map_err(|_| unknown())?;
        let UserProfile { created_at, email } = Accounts::new(self.ports.redis())
            .profile(&user)
            .await?
            .ok_or_else(unknown)?;
        Ok(UserDetails {
            login: user,
            email,
            created_at,
        })
    }

    /// Changes a user. Another password ends all its sessions.
    ///
    /// # Errors
    /// [`SyncError::UnknownUser`], a password or an address that cannot be one, and the store's.
    pub async fn update_user(&self, login: &str, change: UserChange) -> Result<(), SyncError> {
        self.check_user_change(&change)?;
        let UserChange { password, email } = change;
        let user = UserId::parse(login).map_err(|_| unknown(login))?;
        let record = password
            .map(|password| self.new_record(&password))
            .transpose()?;
        let is_known = Accounts::new(self.ports.redis())
            .change(&user, record.as_ref(), email.as_deref())
            .await?;
        if is_known {
            Ok(())
        } else {
            Err(unknown(login))
        }
    }

    /// Checks what a user shall be changed to.
    ///
    /// # Errors
    /// An address that cannot be one.
    pub fn check_user_change(&self, change: &UserChange) -> Result<(), SyncError> {
        let is_wrong =
            |email: &String| email.len() > MAX_EMAIL_BYTES || email.chars().any(char::is_control);
        if change.email.as_ref().is_some_and(is_wrong) {
            return Err(SyncError::InvalidEmail {
                max_bytes: MAX_EMAIL_BYTES,
            });
        }
        Ok(())
    }

    /// Deletes a user with its clients and its own copies of every source.
    ///
    /// Sessions end first. Interrupted, it can be repeated and goes on where it was.
    ///
    /// # Errors
    /// [`SyncError::UnknownUser`] and the store's.
    pub async fn delete_user(&self, login: &str) -> Result<(), SyncError> {
        let user = UserId::parse(login).map_err(|_| unknown(login))?;
        let accounts = Accounts::new(self.ports.redis());
        if !accounts.begin_deletion(&user).await? {
            return Err(unknown(login));
        }
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
            self.document(&own).remove().await?;
        }
        accounts.end_deletion(&user).await?;
        tracing::info!(user.id = %user, at = %self.ports.clock().now(), "a user was deleted");
        Ok(())
    }
}

fn unknown(login: &str) -> SyncError {
    SyncError::UnknownUser {
        login: login.to_owned(),
    }
}
