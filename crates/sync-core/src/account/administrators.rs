//! Administrators: who they are, what they may do, and their sessions.
//!
//! They and the users of devices are different accounts, whatever their names. The first one, [`ADMINISTRATOR`], is always
//! there: the old protocols know no other, and back ends get a token of its.

use crate::account::password::check_administrators;
use crate::account::{AccountError, Accounts, ApiToken, Origin, Role};
use crate::model::{ADMINISTRATOR, Expected, Millis, Revision, UserId};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::store::{Account, AdministratorRecord, AdministratorStore, Edit, EditOutcome};

/// Administrators there may be, beside the first.
const MAX_ADMINISTRATORS: u64 = 100;

/// How long the token of a login is good for: a working day.
const TOKEN_LIFETIME_MS: u64 = 12 * 3_600_000;

/// An administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// Name.
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// Since when they are one.
    pub created_at: Millis,
    /// When they last logged in to the API.
    pub seen_at: Option<Millis>,
    /// Whether the password is still the one that the first start has made.
    pub has_made_password: bool,
    /// The state that administrators have brought them into.
    pub revision: Revision,
}

/// What to change of an administrator; what is `None` stays. Either ends their sessions.
#[derive(Debug, Clone, Default)]
pub struct AdministratorChange {
    /// Another password.
    pub password: Option<String>,
    /// Another role.
    pub role: Option<Role>,
    /// The state that the administrator has to be in.
    pub expected: Expected,
}

impl<P: Ports> Accounts<P> {
    /// Logs an administrator in; answers a token that is good for what the role allows, for twelve hours.
    ///
    /// # Errors
    /// [`AccountError::LoginFailed`] and [`AccountError::TooManyAttempts`], beside the store's.
    pub async fn log_in_to_api(
        &self,
        login: &str,
        password: &str,
        origin: Origin<'_>,
    ) -> Result<(ApiToken, String), AccountError> {
        let failed = || AccountError::LoginFailed {
            login: login.to_owned(),
        };
        if login == ADMINISTRATOR {
            self.ensure_administrator().await?;
        }
        let user = UserId::parse(login).map_err(|_| failed())?;
        let checked = self
            .check_login(Account::Administrator(&user), password, origin)
            .await?;
        let administrators = AdministratorStore::new(self.ports.redis());
        let record = administrators.get(&user).await?.ok_or_else(failed)?;
        let scopes = role(&user, &record).scopes();
        let made = self
            .api_tokens
            .create_for_login(login, scopes, TOKEN_LIFETIME_MS)
            .await?;
        // Whoever changes password or role ends the sessions there are. This one may have come too late for that.
        let now = administrators.get(&user).await?;
        if now.is_none_or(|now| now.generation != checked.generation) {
            self.api_tokens.delete(&made.0.id).await?;
            return Err(failed());
        }
        administrators.seen(&user, self.ports.clock().now()).await?;
        Ok(made)
    }

    /// Lists the administrators, the first one first, the others by name.
    ///
    /// # Errors
    /// The store's.
    pub async fn administrators(&self) -> Result<Vec<Administrator>, AccountError> {
        let mut names = vec![ADMINISTRATOR.to_owned()];
        names.extend(AdministratorStore::new(self.ports.redis()).list().await?);
        let found = names
            .iter()
            .map(async |name| match self.administrator(name).await {
                Ok(administrator) => Ok(Some(administrator)),
                Err(AccountError::UnknownAdministrator { .. }) => Ok(None),
                Err(error) => Err(error),
            });
        let found = futures_util::future::try_join_all(found).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads an administrator.
    ///
    /// # Errors
    /// [`AccountError::UnknownAdministrator`] and the store's.
    pub async fn administrator(&self, login: &str) -> Result<Administrator, AccountError> {
        let unknown = || unknown(login);
        let user = UserId::parse(login).map_err(|_| unknown())?;
        let administrators = AdministratorStore::new(self.ports.redis());
        let record = administrators.get(&user).await?.ok_or_else(unknown)?;
        Ok(Administrator {
            revision: record.revision(),
            login: login.to_owned(),
            role: role(&user, &record),
            created_at: record.created_at,
            seen_at: record.seen_at,
            has_made_password: record.has_made_password,
        })
    }

    /// Adds an administrator.
    ///
    /// # Errors
    /// [`AccountError::AdministratorExists`], [`AccountError::TooManyAdministrators`], a name or password that cannot be
    /// one, and the store's.
    pub async fn create_administrator(
        &self,
        login: &str,
        password: &str,
        role: Role,
    ) -> Result<(), AccountError> {
        let user = UserId::parse_new(login)?;
        let exists = || AccountError::AdministratorExists {
            login: login.to_owned(),
        };
        if user.is_reserved() {
            return Err(exists());
        }
        let administrators = AdministratorStore::new(self.ports.redis());
        if administrators.count().await? >= MAX_ADMINISTRATORS {
            return Err(AccountError::TooManyAdministrators {
                limit: MAX_ADMINISTRATORS,
            });
        }
        check_administrators(password)?;
        let record = self.new_record(password)?;
        let now = self.ports.clock().now();
        if administrators
            .create(&user, &record, role.as_str(), now)
            .await?
        {
            Ok(())
        } else {
            Err(exists())
        }
    }

    /// Changes an administrator, whose sessions end with it.
    ///
    /// # Errors
    /// [`AccountError::UnknownAdministrator`], [`AccountError::Moved`], [`AccountError::FirstAdministrator`] where the first one would
    /// lose its role, a password that cannot be one, and the store's.
    pub async fn change_administrator(
        &self,
        login: &str,
        change: AdministratorChange,
    ) -> Result<(), AccountError> {
        let AdministratorChange {
            password,
            role,
            expected,
        } = change;
        if login == ADMINISTRATOR && role.is_some_and(|role| role != Role::Administrator) {
            return Err(AccountError::FirstAdministrator);
        }
        let user = UserId::parse(login).map_err(|_| unknown(login))?;
        let administrators = AdministratorStore::new(self.ports.redis());
        if let Some(password) = &password {
            check_administrators(password)?;
        }
        let known = administrators.get(&user).await?;
        let known = known.ok_or_else(|| unknown(login))?;
        if !expected.allows(&known.revision()) {
            return Err(AccountError::Moved);
        }
        let record = password.map(|password| self.new_record(&password));
        let record = record.transpose()?;
        let role = role.filter(|_| login != ADMINISTRATOR);
        if record.is_some() || role.is_some() {
            let edit = Edit::new(self.ports.random(), expected.after(known.edit.as_deref()));
            let role = role.map(Role::as_str);
            let changed = administrators.change(&user, edit, record.as_ref(), role);
            match changed.await? {
                EditOutcome::Done => {}
                EditOutcome::Unknown => return Err(unknown(login)),
                EditOutcome::Moved => return Err(AccountError::Moved),
            }
        }
        self.api_tokens.end_logins(login, None).await
    }

    /// Removes an administrator and ends their sessions. Tokens that they have made for scripts stay.
    ///
    /// # Errors
    /// [`AccountError::UnknownAdministrator`], [`AccountError::FirstAdministrator`], and the store's.
    pub async fn remove_administrator(&self, login: &str) -> Result<(), AccountError> {
        if login == ADMINISTRATOR {
            return Err(AccountError::FirstAdministrator);
        }
        let user = UserId::parse(login).map_err(|_| unknown(login))?;
        let administrators = AdministratorStore::new(self.ports.redis());
        if !administrators.begin_removal(&user).await? {
            return Err(unknown(login));
        }
        self.api_tokens.end_logins(login, None).await?;
        Ok(administrators.end_removal(&user).await?)
    }

    /// Gives whoever has logged in for a token another password. Their other sessions end.
    ///
    /// # Errors
    /// [`AccountError::NoSession`] for a script's token, [`AccountError::WrongPassword`] and
    /// [`AccountError::TooManyAttempts`] for the present password, a new one that cannot be one, and the store's.
    pub async fn change_own_password(
        &self,
        token: &ApiToken,
        current: &str,
        new: &str,
        origin: Origin<'_>,
    ) -> Result<(), AccountError> {
        let login = token.administrator().ok_or(AccountError::NoSession)?;
        let user = UserId::parse(login).map_err(|_| AccountError::NoSession)?;
        check_administrators(new)?;
        match self
            .check_login(Account::Administrator(&user), current, origin)
            .await
        {
            Ok(_) => {}
            Err(AccountError::LoginFailed { .. }) => return Err(AccountError::WrongPassword),
            Err(error) => return Err(error),
        }
        let record = self.new_record(new)?;
        let administrators = AdministratorStore::new(self.ports.redis());
        let edit = Edit::new(self.ports.random(), None);
        let changed = administrators.change(&user, edit, Some(&record), None);
        if changed.await? != EditOutcome::Done {
            return Err(AccountError::NoSession);
        }
        self.api_tokens.end_logins(login, Some(&token.id)).await
    }

    /// Makes the first administrator if there is none, with the configured password or one that is logged once.
    ///
    /// # Errors
    /// The store's.
    pub async fn ensure_administrator(&self) -> Result<(), AccountError> {
        let user = UserId::parse(ADMINISTRATOR)?;
        let administrators = AdministratorStore::new(self.ports.redis());
        if administrators.get(&user).await?.is_some() {
            return Ok(());
        }
        let configured = self.administrator_password.expose();
        let made = configured
            .is_empty()
            .then(|| self.ports.random().hex::<12>());
        let record = self.new_record(made.as_deref().unwrap_or(configured))?;
        let now = self.ports.clock().now();
        let is_new = administrators
            .create_first(&user, &record, made.is_some(), now)
            .await?;
        if let (true, Some(password)) = (is_new, made) {
            tracing::warn!(
                user.id = ADMINISTRATOR,
                "no administrator's password is configured, so one was made: {password} (shown this once)"
            );
        }
        Ok(())
    }
}

/// What an administrator may do. What a newer server calls a role is the least of ours.
fn role(login: &UserId, record: &AdministratorRecord) -> Role {
    if login.as_str() == ADMINISTRATOR {
        return Role::Administrator;
    }
    let kept = record.role.as_deref().and_then(Role::parse);
    kept.unwrap_or(Role::Viewer)
}

fn unknown(login: &str) -> AccountError {
    AccountError::UnknownAdministrator {
        login: login.to_owned(),
    }
}
