//! Users, as administrators create, change and delete them.

use std::collections::BTreeMap;

use crate::account::attributes::check_attributes;
use crate::account::password::{MAX_PASSWORD_BYTES, check_administrators, check_password};
use crate::account::{AccountError, Accounts, hash_password};
use crate::model::{ADMINISTRATOR, Expected, Millis, Revision, UserId};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{AccountStore, Edit, EditOutcome, StoreError, UserProfile, UserRecord};

/// Longest address of a user, in bytes (RFC 5321, section 4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;

/// A user, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDetails {
    /// Name.
    pub login: UserId,
    /// Address, where one is known.
    pub email: Option<String>,
    /// What else administrators have said of it: templates of partitions name it.
    pub attributes: BTreeMap<String, String>,
    /// Since when it exists.
    pub created_at: Millis,
    /// The state that administrators have brought it into.
    pub revision: Revision,
}

/// What to change of a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Another password. Every session of the user ends.
    pub password: Option<String>,
    /// Another address.
    pub email: Option<String>,
    /// Attributes, in place of all that there are.
    pub attributes: Option<BTreeMap<String, String>>,
    /// The state that the user has to be in.
    pub expected: Expected,
}

impl<P: Ports> Accounts<P> {
    /// Creates a user.
    ///
    /// # Errors
    /// [`AccountError::UserExists`], a name or password that cannot be one, and the store's.
    pub async fn create_user(&self, login: &str, password: &str) -> Result<(), AccountError> {
        let user = UserId::parse_new(login)?;
        if !user.is_reserved() && self.create_account(&user, password).await? {
            Ok(())
        } else {
            Err(AccountError::UserExists {
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
    ) -> Result<Vec<String>, AccountError> {
        Ok(AccountStore::new(self.ports.redis())
            .list(after, limit)
            .await?)
    }

    /// Reads a user.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`] and the store's.
    pub async fn user(&self, login: &str) -> Result<UserDetails, AccountError> {
        let unknown = || unknown(login);
        let user = UserId::parse(login).map_err(|_| unknown())?;
        let store = AccountStore::new(self.ports.redis());
        let profile = store.profile(&user).await?.ok_or_else(unknown)?;
        let revision = profile.revision();
        let UserProfile {
            created_at,
            email,
            attributes,
            edit: _,
        } = profile;
        Ok(UserDetails {
            revision,
            login: user,
            email,
            attributes,
            created_at,
        })
    }

    /// Whether there is a user of that name.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn exists(&self, user: &UserId) -> Result<bool, StoreError> {
        let accounts = AccountStore::new(self.ports.redis());
        Ok(accounts.generation(user).await?.is_some())
    }

    /// Changes a user. Another password ends all its sessions.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`], [`AccountError::Moved`], a password or an address that cannot be one, and the store's.
    pub async fn update_user(&self, login: &str, change: UserChange) -> Result<(), AccountError> {
        Self::check_user_change(&change)?;
        let UserChange {
            password,
            email,
            attributes,
            expected,
        } = change;
        let user = UserId::parse(login).map_err(|_| unknown(login))?;
        // The old protocols know the first administrator as a user.
        match &password {
            Some(password) if login == ADMINISTRATOR => check_administrators(password)?,
            Some(password) => check_password(password)?,
            None => {}
        }
        let store = AccountStore::new(self.ports.redis());
        let known = store.profile(&user).await?.ok_or_else(|| unknown(login))?;
        if !expected.allows(&known.revision()) {
            return Err(AccountError::Moved);
        }
        let record = password.map(|password| self.new_record(&password));
        let record = record.transpose()?;
        if record.is_some() {
            self.shut_out(&user).await?;
        }
        let edit = Edit::new(self.ports.random(), expected.after(known.edit.as_deref()));
        let changed = store
            .change(
                &user,
                edit,
                record.as_ref(),
                email.as_deref(),
                attributes.as_ref(),
            )
            .await?;
        self.known_attributes.forget(&user);
        match changed {
            EditOutcome::Done => {}
            EditOutcome::Unknown => return Err(unknown(login)),
            EditOutcome::Moved => return Err(AccountError::Moved),
        }
        if login == ADMINISTRATOR && record.is_some() {
            self.api_tokens.end_logins(login, None).await?;
        }
        Ok(())
    }

    /// Checks what a user shall be changed to.
    ///
    /// # Errors
    /// An address and attributes that cannot be that.
    pub fn check_user_change(change: &UserChange) -> Result<(), AccountError> {
        let is_wrong =
            |email: &String| email.len() > MAX_EMAIL_BYTES || email.chars().any(char::is_control);
        if change.email.as_ref().is_some_and(is_wrong) {
            return Err(AccountError::InvalidEmail {
                max_bytes: MAX_EMAIL_BYTES,
            });
        }
        change.attributes.as_ref().map_or(Ok(()), check_attributes)
    }

    /// Creates a user. `false` if there is one of that name.
    pub(super) async fn create_account(
        &self,
        user: &UserId,
        password: &str,
    ) -> Result<bool, AccountError> {
        let record = self.new_record(password)?;
        Ok(AccountStore::new(self.ports.redis())
            .create(user, &record, self.ports.clock().now())
            .await?)
    }

    /// The record of whoever has this password. Sessions of an earlier one end with it.
    pub(super) fn new_record(&self, password: &str) -> Result<UserRecord, AccountError> {
        check_password(password)?;
        let invalid = || AccountError::InvalidPassword {
            max_bytes: MAX_PASSWORD_BYTES,
        };
        Ok(UserRecord {
            password_hash: hash_password(self.ports.random(), password).ok_or_else(invalid)?,
            generation: self.ports.random().hex::<8>(),
        })
    }
}

fn unknown(login: &str) -> AccountError {
    AccountError::UnknownUser {
        login: login.to_owned(),
    }
}
