//! Named API tokens: what a script or a person may do, and until when.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::account::{AccountError, InvalidTokenRequest, Scope};
use crate::model::Millis;
use crate::ports::{Clock as _, Order, Ports, Random as _, hex};
use crate::store::{ApiTokenRecord, ApiTokenStore};

/// How exactly the last use is known: a write per request would cost more than it tells.
const USED_EVERY_MS: u64 = 60_000;

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// Tokens there may be at once.
const MAX_TOKENS: usize = 1_000;

/// Tokens of logins that an administrator may have at once, beside those: the oldest leaves for a new one.
const MAX_LOGINS: usize = 50;

/// Ids of tokens that are read at once.
const IDS_CHUNK: usize = 1_000;

/// What the ids of logins' tokens begin with, so that they are known from scripts'. It is no hexadecimal digit.
const LOGIN_ID: char = 'l';

/// What every token begins with, so that scanners find one that leaks.
const PREFIX: &str = "rho_";

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Id.
    pub id: String,
    /// What its maker called it.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// The administrator who has made it, by logging in or for a script; `None` where nobody has written that down.
    pub made_by: Option<String>,
    /// Since when it exists.
    pub created_at: Millis,
    /// When it was used last, to the minute.
    pub used_at: Option<Millis>,
    /// Until when it is good.
    pub ends_at: Option<Millis>,
}

impl ApiToken {
    /// Whether it is good for this.
    pub fn allows(&self, wanted: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.covers(wanted))
    }

    /// The administrator who has logged in for it; `None` for a script's token.
    pub fn administrator(&self) -> Option<&str> {
        let is_of_login = self.id.starts_with(LOGIN_ID);
        self.made_by.as_deref().filter(|_| is_of_login)
    }
}

/// The named API tokens. Needs no secret of the server's: who only checks tokens has nothing else to know.
pub struct ApiTokens<P> {
    ports: Rc<P>,
}

impl<P: Ports> ApiTokens<P> {
    /// The tokens of this store.
    pub fn new(ports: Rc<P>) -> Self {
        Self { ports }
    }

    /// Makes a token; its text is told this once and kept nowhere.
    ///
    /// # Errors
    /// [`AccountError::InvalidTokenRequest`] for a name, scopes or an end that cannot be, and the store's.
    pub async fn create(
        &self,
        name: &str,
        mut scopes: Vec<Scope>,
        lifetime_ms: Option<u64>,
        made_by: Option<&str>,
    ) -> Result<(ApiToken, String), AccountError> {
        if name.trim().is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(InvalidTokenRequest::NameLength {
                max_bytes: MAX_NAME_BYTES,
            }
            .into());
        }
        if name.chars().any(char::is_control) {
            return Err(InvalidTokenRequest::NameCharacters.into());
        }
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(InvalidTokenRequest::NoScope.into());
        }
        if lifetime_ms == Some(0) {
            return Err(InvalidTokenRequest::NoLifetime.into());
        }
        let tokens = ApiTokenStore::new(self.ports.redis());
        if tokens.count().await? >= MAX_TOKENS {
            self.forget_ended().await?;
            if tokens.count().await? >= MAX_TOKENS {
                return Err(InvalidTokenRequest::TooMany { limit: MAX_TOKENS }.into());
            }
        }
        let id = self.ports.random().hex::<8>();
        // Listed first: an entry without a record is passed over, a record without an entry could not be deleted.
        tokens.list_script(&id, self.ports.clock().now()).await?;
        let made_by = made_by.map(str::to_owned);
        self.put(id, name, scopes, lifetime_ms, made_by).await
    }

    /// Makes a token for an administrator who has logged in. There is always room for it: where there are many of such, the
    /// oldest ends.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn create_for_login(
        &self,
        login: &str,
        scopes: Vec<Scope>,
        lifetime_ms: u64,
    ) -> Result<(ApiToken, String), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        let logins = tokens.logins(login).await?;
        let too_many = (logins.len() + 1).saturating_sub(MAX_LOGINS);
        for id in logins.into_iter().take(too_many) {
            tokens.remove_login(login, &id).await?;
        }
        let mut id = self.ports.random().hex::<8>();
        id.replace_range(..1, LOGIN_ID.encode_utf8(&mut [0; 4]));
        // Listed first, so that whoever ends the administrator's sessions finds it.
        tokens
            .list_login(login, &id, self.ports.clock().now())
            .await?;
        let name = format!("login of {login}");
        let made_by = Some(login.to_owned());
        self.put(id, &name, scopes, Some(lifetime_ms), made_by)
            .await
    }

    /// Ends the tokens of an administrator's logins, but one if it is named.
    pub(super) async fn end_logins(
        &self,
        login: &str,
        but: Option<&str>,
    ) -> Result<(), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        for id in tokens.logins(login).await? {
            if Some(id.as_str()) != but {
                tokens.remove_login(login, &id).await?;
            }
        }
        Ok(())
    }

    async fn put(
        &self,
        id: String,
        name: &str,
        scopes: Vec<Scope>,
        lifetime_ms: Option<u64>,
        made_by: Option<String>,
    ) -> Result<(ApiToken, String), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        let now = self.ports.clock().now();
        let secret = self.ports.random().hex::<32>();
        let written: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let record = ApiTokenRecord {
            name: name.to_owned(),
            scopes: written.join(" "),
            hash: digest(&secret),
            made_by,
            created_at: now,
            used_at: None,
            ends_at: lifetime_ms.map(|lifetime| now.plus(lifetime)),
        };
        tokens.put(&id, &record).await?;
        let text = format!("{PREFIX}{id}_{secret}");
        Ok((to_token(id, record), text))
    }

    /// Finds out whose token a text is, if it is good.
    ///
    /// # Errors
    /// [`AccountError::InvalidApiToken`] and the store's.
    pub async fn authenticate(&self, text: &str) -> Result<ApiToken, AccountError> {
        let (id, secret) = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .filter(|(id, _)| id.len() == 16)
            .ok_or(AccountError::InvalidApiToken)?;
        let tokens = ApiTokenStore::new(self.ports.redis());
        let record = tokens.get(id).await?.ok_or(AccountError::InvalidApiToken)?;
        let now = self.ports.clock().now();
        let fits = bool::from(digest(secret).as_bytes().ct_eq(record.hash.as_bytes()));
        if !fits || record.ends_at.is_some_and(|ends_at| ends_at <= now) {
            return Err(AccountError::InvalidApiToken);
        }
        if record
            .used_at
            .is_none_or(|used_at| used_at.plus(USED_EVERY_MS) <= now)
        {
            tokens.used(id, now).await?;
        }
        Ok(to_token(id.to_owned(), record))
    }

    /// Lists scripts' tokens by when they were made, from a position and at most `limit`; answers the next position too, if
    /// there may be more.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        from: usize,
        limit: usize,
        order: Order,
    ) -> Result<(Vec<ApiToken>, Option<usize>), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        let ids = tokens.list(from, limit, order).await?;
        let next = (ids.len() == limit).then_some(from + limit);
        let mut listed = Vec::with_capacity(ids.len());
        for id in ids {
            // One that has ended is gone, only its entry is left.
            if let Some(record) = tokens.get(&id).await? {
                listed.push(to_token(id, record));
            }
        }
        Ok((listed, next))
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`AccountError::UnknownApiToken`] and the store's.
    pub async fn delete(&self, id: &str) -> Result<(), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        let record = tokens.get(id).await?;
        let administrator = record
            .map(|record| to_token(id.to_owned(), record))
            .and_then(|token| token.administrator().map(str::to_owned));
        let was_there = match administrator {
            Some(login) => tokens.remove_login(&login, id).await?,
            None => tokens.remove(id).await?,
        };
        if was_there {
            Ok(())
        } else {
            Err(AccountError::UnknownApiToken)
        }
    }

    /// Takes tokens that have ended off the list.
    async fn forget_ended(&self) -> Result<(), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        let mut from = 0;
        loop {
            let ids = tokens.list(from, IDS_CHUNK, Order::Ascending).await?;
            let is_last = ids.len() < IDS_CHUNK;
            for id in ids {
                match tokens.get(&id).await? {
                    Some(_) => from += 1,
                    // Those behind it move up.
                    None => drop(tokens.remove(&id).await?),
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

/// A secret of 256 random bits needs no slow hash.
fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

fn to_token(id: String, record: ApiTokenRecord) -> ApiToken {
    let ApiTokenRecord {
        name,
        scopes,
        hash: _,
        made_by,
        created_at,
        used_at,
        ends_at,
    } = record;
    // A scope a newer server wrote is none here.
    let scopes = scopes
        .split(' ')
        .filter_map(|scope| scope.parse().ok())
        .collect();
    ApiToken {
        id,
        name,
        scopes,
        made_by,
        created_at,
        used_at,
        ends_at,
    }
}
