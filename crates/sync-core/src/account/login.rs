//! Logging in, with limits on how often that may fail.

use subtle::ConstantTimeEq as _;

use crate::account::bearer::TokenCheck;
use crate::account::credentials::MAX_TOKEN_BYTES;
use crate::account::password::MAX_PASSWORD_BYTES;
use crate::account::session::LIFETIME_MS;
use crate::account::{AccountError, Accounts, Session, verify_password};
use crate::adapter::{AdapterError, Authenticated, Credentials, authenticate};
use crate::model::{ADMINISTRATOR, UserId};
use crate::ports::{Clock as _, Ports, Random as _};
use crate::settings::{AuthenticationMethod, Secret};
use crate::store::{Account, AccountStore, DeviceSessions, LoginFailures, StoreError, UserRecord};

/// A hash of nothing anybody knows, checked when there is no such user, so that the time taken does not tell.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$dGhpcyBpcyBub2JvZHkncyBwYXNzd29yZCBoYXNoISE";

/// In the place of a password's hash: fits no password.
const NO_PASSWORD: &str = "none";

/// Where a login comes from: an address, or whatever stands for it.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a>(pub &'a str);

/// What a login's failures are counted by.
struct Failures {
    /// What kind of account it is.
    kind: &'static str,
    of_account: String,
    of_address: String,
}

impl<P: Ports> Accounts<P> {
    /// Logs a user in; answers the signed session.
    ///
    /// # Errors
    /// [`AccountError::LoginFailed`] and [`AccountError::TooManyAttempts`], beside the store's. Where a back end knows the users,
    /// [`AccountError::LoginRefused`] and [`AccountError::LoginUnavailable`] with its words.
    pub async fn log_in(
        &self,
        login: &str,
        password: &str,
        origin: Origin<'_>,
    ) -> Result<String, AccountError> {
        let session = self.let_in(login, password, origin).await?;
        Ok(self.sessions.sign(&session, self.ports.clock().now()))
    }

    /// A new session of whoever has this name and password.
    pub(super) async fn let_in(
        &self,
        login: &str,
        password: &str,
        origin: Origin<'_>,
    ) -> Result<Session, AccountError> {
        // The administrator has an API token; a device of its own would only be one more way in.
        if login == ADMINISTRATOR {
            return Err(AccountError::LoginFailed {
                login: login.to_owned(),
            });
        }
        let (user, generation, token) = match &self.method {
            AuthenticationMethod::Local => {
                let user = UserId::parse(login).map_err(|_| AccountError::LoginFailed {
                    login: login.to_owned(),
                })?;
                let record = self
                    .check_login(Account::User(&user), password, origin)
                    .await?;
                (user, record.generation, None)
            }
            AuthenticationMethod::BackEnd { url } => {
                self.check_login_at(url, login, password, origin).await?
            }
        };
        if let Some(kept) = &self.credentials {
            let credentials = Credentials {
                login: Secret::new(login),
                password: Secret::new(password),
                token,
            };
            kept.keep(&user, &credentials).await?;
        }
        Ok(Session {
            user,
            generation,
            id: self.ports.random().hex::<8>(),
        })
    }

    /// Logs the administrator in; answers the API token.
    ///
    /// # Errors
    /// As [`Accounts::log_in`], and [`AccountError::NotAdministrator`] for any other user.
    pub async fn log_in_administrator(
        &self,
        login: &str,
        password: &str,
        origin: Origin<'_>,
    ) -> Result<String, AccountError> {
        let user = UserId::parse(login).map_err(|_| AccountError::LoginFailed {
            login: login.to_owned(),
        })?;
        if login != ADMINISTRATOR {
            self.check_login(Account::User(&user), password, origin)
                .await?;
            return Err(AccountError::NotAdministrator);
        }
        self.ensure_administrator().await?;
        let record = self
            .check_login(Account::Administrator(&user), password, origin)
            .await?;
        Ok(self.sessions.api_token(&record.generation))
    }

    /// Checks a password, unless too many were wrong lately.
    pub(super) async fn check_login(
        &self,
        account: Account<'_>,
        password: &str,
        Origin(address): Origin<'_>,
    ) -> Result<UserRecord, AccountError> {
        let user = account.login();
        let failed = || AccountError::LoginFailed {
            login: user.to_string(),
        };
        if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
            return Err(failed());
        }
        let failures = self.failures(account, address).await?;
        let accounts = AccountStore::new(self.ports.redis());
        let record = accounts.get(account);
        let (record, remembered) =
            futures_util::join!(record, accounts.remembered_password(account));
        let (record, remembered) = (record?, remembered?);
        let hash = record
            .as_ref()
            .map_or(NOBODYS_HASH, |record| &record.password_hash);
        let digest = self
            .sessions
            .password_digest(user, hash, password)
            .filter(|_| self.remembered_seconds > 0);
        let is_remembered = match (&digest, &remembered) {
            (Some(digest), Some(remembered)) => {
                bool::from(digest.as_bytes().ct_eq(remembered.as_bytes()))
            }
            _ => false,
        };
        let fits = is_remembered || verify_password(password, hash);
        if let Some(digest) = digest.filter(|_| record.is_some() && fits && !is_remembered) {
            accounts
                .remember_password(account, &digest, self.remembered_seconds)
                .await?;
        }
        let Some(record) = record.filter(|_| fits) else {
            self.count_failure(&failures).await?;
            return Err(failed());
        };
        self.forget_failures(&failures).await?;
        Ok(record)
    }

    /// Asks a back end whether a user may log in; answers the user as it calls it, which is made if it is new, and its token.
    async fn check_login_at(
        &self,
        url: &str,
        login: &str,
        password: &str,
        Origin(address): Origin<'_>,
    ) -> Result<(UserId, String, Option<Secret>), AccountError> {
        let failed = || AccountError::LoginFailed {
            login: login.to_owned(),
        };
        let user = UserId::parse(login).map_err(|_| failed())?;
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(failed());
        }
        let failures = self.failures(Account::User(&user), address).await?;
        let Authenticated { user: name, token } =
            match self.authenticate_at(url, login, password).await {
                Ok(said) => said,
                Err(AdapterError::Login { message }) => {
                    self.count_failure(&failures).await?;
                    return Err(AccountError::LoginRefused { message });
                }
                Err(error) => {
                    tracing::error!(%error, "the back end that knows the users cannot be asked");
                    return Err(AccountError::LoginUnavailable {
                        message: error.to_string(),
                    });
                }
            };
        if token
            .as_ref()
            .is_some_and(|token| token.expose().len() > MAX_TOKEN_BYTES)
        {
            return Err(AccountError::LoginUnavailable {
                message: format!("the back end's token has more than {MAX_TOKEN_BYTES} bytes"),
            });
        }
        self.forget_failures(&failures).await?;
        let user = match name {
            None => user,
            Some(name) => UserId::parse(name).map_err(|_| failed())?,
        };
        let generation = self.generation_of_guest(&user).await?;
        Ok((user, generation, token))
    }

    /// Asks the back end at `url` whether a user may log in, by the plugin protocol.
    ///
    /// # Errors
    /// [`AdapterError::Login`] with the back end's own words when it refuses; [`AdapterError::Unavailable`] when it
    /// answers anything else, or not at all.
    pub async fn authenticate_at(
        &self,
        url: &str,
        login: &str,
        password: &str,
    ) -> Result<Authenticated, AdapterError> {
        authenticate(&self.ports, &*self.server_token, url, login, password).await
    }

    /// The session generation of a user whom somebody else vouches for, who is made if there is no such user yet.
    async fn generation_of_guest(&self, user: &UserId) -> Result<String, AccountError> {
        // Nobody may vouch for the administrator, nor for everybody.
        if user.is_reserved() {
            return Err(AccountError::LoginFailed {
                login: user.to_string(),
            });
        }
        let accounts = AccountStore::new(self.ports.redis());
        if let Some(generation) = accounts.generation(user).await? {
            return Ok(generation);
        }
        let record = UserRecord {
            password_hash: NO_PASSWORD.to_owned(),
            generation: self.ports.random().hex::<8>(),
        };
        accounts
            .create(user, &record, self.ports.clock().now())
            .await?;
        // Another request may have made the user first.
        let generation = accounts.generation(user).await?;
        generation.ok_or(AccountError::NotAuthenticated)
    }

    /// Looks whether a login may be tried, by those that have failed.
    async fn failures(
        &self,
        account: Account<'_>,
        address: &str,
    ) -> Result<Failures, AccountError> {
        let user = account.login();
        let (kind, is_administrator) = match account {
            Account::User(_) => ("account", false),
            Account::Administrator(_) => ("administrator", true),
        };
        let failures = Failures {
            kind,
            // One address that guesses must not lock the account's owner out elsewhere.
            of_account: format!("{user} {address}"),
            // Nor must users who mistype behind an address lock an administrator out who sits there too.
            of_address: if is_administrator {
                format!("{ADMINISTRATOR} {address}")
            } else {
                address.to_owned()
            },
        };
        let known = LoginFailures::new(self.ports.redis());
        let of_account = known.count(kind, &failures.of_account);
        let of_address = known.count("address", &failures.of_address);
        let (of_account, of_address) = futures_util::join!(of_account, of_address);
        let limits = self.limits;
        if of_account? >= limits.failures_per_account || of_address? >= limits.failures_per_address
        {
            return Err(AccountError::TooManyAttempts {
                seconds: limits.window_seconds,
            });
        }
        Ok(failures)
    }

    async fn count_failure(&self, failures: &Failures) -> Result<(), AccountError> {
        let known = LoginFailures::new(self.ports.redis());
        let window = self.limits.window_seconds;
        let of_account = known.add(failures.kind, &failures.of_account, window);
        let of_address = known.add("address", &failures.of_address, window);
        let (of_account, of_address) = futures_util::join!(of_account, of_address);
        of_account?;
        Ok(of_address?)
    }

    /// After a login that succeeded, the account's failures before it were its owner's.
    async fn forget_failures(&self, failures: &Failures) -> Result<(), AccountError> {
        let known = LoginFailures::new(self.ports.redis());
        Ok(known.forget(failures.kind, &failures.of_account).await?)
    }

    /// Checks that a session was not revoked.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`] and the store's.
    pub async fn check_session(&self, session: &Session) -> Result<(), AccountError> {
        let generation = AccountStore::new(self.ports.redis())
            .generation_for(&session.user, &session.id)
            .await?;
        if generation.as_deref() == Some(session.generation.as_str()) {
            Ok(())
        } else {
            if let Some(tokens) = &self.bearer_tokens {
                tokens.forget(session);
            }
            Err(AccountError::NotAuthenticated)
        }
    }

    /// Ends one session of a user.
    pub(crate) async fn end_session(&self, user: &UserId, session: &str) -> Result<(), StoreError> {
        let now = self.ports.clock().now();
        // Before it ends: whoever finds it ended must find that its access tokens are none any more.
        DeviceSessions::new(self.ports.redis())
            .end(session, now)
            .await?;
        self.forget_shut_out();
        AccountStore::new(self.ports.redis())
            .revoke_session(user, session, now, LIFETIME_MS)
            .await
    }

    /// The session of a device that sends a token of the identity provider in place of a session of ours. The user is made
    /// if there is no such user yet.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`] for a token that is not good, or where no provider is configured;
    /// [`AccountError::KeysUnavailable`] and [`AccountError::KeysPending`] while the provider's keys cannot be had; the store's.
    pub async fn session_of_token(&self, token: &str) -> Result<Session, AccountError> {
        let tokens = self.bearer_tokens.as_ref();
        let tokens = tokens.ok_or(AccountError::NotAuthenticated)?;
        let checked = match tokens.check(token).await? {
            TokenCheck::Known(session) => return Ok(session),
            TokenCheck::New(checked) => checked,
        };
        let generation = self.generation_of_guest(&checked.user).await;
        let generation = generation.map_err(|error| match error {
            AccountError::LoginFailed { .. } => AccountError::NotAuthenticated,
            other => other,
        })?;
        if let Some(attributes) = &checked.attributes {
            let accounts = AccountStore::new(self.ports.redis());
            let (user, ends) = (&checked.user, checked.ends);
            accounts.set_claims(user, attributes, ends).await?;
            self.known_attributes.forget(user);
        }
        Ok(tokens.remember(checked, generation))
    }

    /// Whether devices may send tokens of an identity provider.
    pub fn takes_tokens(&self) -> bool {
        self.bearer_tokens.is_some()
    }

    /// The administrator's API token, once there is an administrator.
    ///
    /// # Errors
    /// [`AccountError::InvalidApiToken`] before that, beside the store's.
    pub async fn api_token(&self) -> Result<String, AccountError> {
        let user = UserId::parse(ADMINISTRATOR)?;
        let generation = AccountStore::new(self.ports.redis())
            .generation(&user)
            .await?;
        let generation = generation.ok_or(AccountError::InvalidApiToken)?;
        Ok(self.sessions.api_token(&generation))
    }

    /// Checks an API token.
    ///
    /// # Errors
    /// [`AccountError::InvalidApiToken`], beside the store's.
    pub async fn check_api_token(&self, token: &str) -> Result<(), AccountError> {
        let expected = self.api_token().await?;
        if bool::from(expected.as_bytes().ct_eq(token.as_bytes())) {
            Ok(())
        } else {
            Err(AccountError::InvalidApiToken)
        }
    }
}
