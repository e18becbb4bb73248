//! Named API tokens: what a script or a person may do, and until when.

use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::account::{AccountError, InvalidTokenRequest};
use crate::model::Millis;
use crate::ports::{Clock as _, Ports, Random as _, hex};
use crate::store::{ApiTokenRecord, ApiTokenStore};

/// How exactly the last use is known: a write per request would cost more than it tells.
const USED_EVERY_MS: u64 = 60_000;

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// Tokens there may be at once.
const MAX_TOKENS: usize = 1_000;

/// Tokens of logins there may be at once, beside those: the oldest leaves for a new one.
const MAX_LOGINS: usize = 50;

/// What the ids of logins' tokens begin with, so that they are known in the list. It is no hexadecimal digit.
const LOGIN_ID: char = 'l';

/// What every token begins with, so that scanners find one that leaks.
const PREFIX: &str = "rho_";

/// Something that may be done through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything.
    Admin,
    /// See users.
    UsersRead,
    /// Create, change and delete users.
    UsersWrite,
    /// See clients.
    ClientsRead,
    /// Reset and delete clients.
    ClientsWrite,
    /// See sources.
    SourcesRead,
    /// Change sources, let them be refreshed.
    SourcesWrite,
    /// See objects.
    DataRead,
    /// Change objects.
    DataWrite,
    /// See jobs.
    JobsRead,
    /// Have jobs tried again, cancel and discard them, pause queues, let components work.
    JobsWrite,
    /// See metrics and the state of the server.
    SystemRead,
    /// Change the server, reset it.
    SystemWrite,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 13] = [
        Self::Admin,
        Self::UsersRead,
        Self::UsersWrite,
        Self::ClientsRead,
        Self::ClientsWrite,
        Self::SourcesRead,
        Self::SourcesWrite,
        Self::DataRead,
        Self::DataWrite,
        Self::JobsRead,
        Self::JobsWrite,
        Self::SystemRead,
        Self::SystemWrite,
    ];

    /// The scope as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::ClientsRead => "clients:read",
            Self::ClientsWrite => "clients:write",
            Self::SourcesRead => "sources:read",
            Self::SourcesWrite => "sources:write",
            Self::DataRead => "data:read",
            Self::DataWrite => "data:write",
            Self::JobsRead => "jobs:read",
            Self::JobsWrite => "jobs:write",
            Self::SystemRead => "system:read",
            Self::SystemWrite => "system:write",
        }
    }

    /// Whether whoever has this scope may do what `wanted` stands for. Who may write may read.
    fn covers(self, wanted: Self) -> bool {
        let reads = match self {
            Self::UsersWrite => Some(Self::UsersRead),
            Self::ClientsWrite => Some(Self::ClientsRead),
            Self::SourcesWrite => Some(Self::SourcesRead),
            Self::DataWrite => Some(Self::DataRead),
            Self::JobsWrite => Some(Self::JobsRead),
            Self::SystemWrite => Some(Self::SystemRead),
            _ => None,
        };
        self == Self::Admin || self == wanted || reads == Some(wanted)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidTokenRequest;

    fn from_str(text: &str) -> Result<Self, InvalidTokenRequest> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| InvalidTokenRequest::UnknownScope {
                scope: text.to_owned(),
            })
    }
}

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Id.
    pub id: String,
    /// What its maker called it.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
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
        if self.ids().await?.1.len() >= MAX_TOKENS {
            self.forget_ended().await?;
            if self.ids().await?.1.len() >= MAX_TOKENS {
                return Err(InvalidTokenRequest::TooMany { limit: MAX_TOKENS }.into());
            }
        }
        let id = self.ports.random().hex::<8>();
        self.put(id, name, scopes, lifetime_ms).await
    }

    /// Makes a token that is good for everything, for somebody who has logged in. There is always room for it: where there are
    /// many of such, the oldest ends.
    ///
    /// # Errors
    /// The store's.
    pub async fn create_for_login(
        &self,
        login: &str,
        lifetime_ms: u64,
    ) -> Result<(ApiToken, String), AccountError> {
        let (logins, _) = self.ids().await?;
        let tokens = ApiTokenStore::new(self.ports.redis());
        let too_many = (logins.len() + 1).saturating_sub(MAX_LOGINS);
        for id in logins.into_iter().take(too_many) {
            tokens.remove(&id).await?;
        }
        let mut id = self.ports.random().hex::<8>();
        id.replace_range(..1, LOGIN_ID.encode_utf8(&mut [0; 4]));
        let name = format!("login of {login}");
        self.put(id, &name, vec![Scope::Admin], Some(lifetime_ms))
            .await
    }

    /// The ids of logins' tokens, and those of all others, from the oldest on.
    async fn ids(&self) -> Result<(Vec<String>, Vec<String>), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        let ids = tokens.list(0, MAX_TOKENS + MAX_LOGINS).await?;
        Ok(ids.into_iter().partition(|id| id.starts_with(LOGIN_ID)))
    }

    async fn put(
        &self,
        id: String,
        name: &str,
        scopes: Vec<Scope>,
        lifetime_ms: Option<u64>,
    ) -> Result<(ApiToken, String), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        let now = self.ports.clock().now();
        let secret = self.ports.random().hex::<32>();
        let written: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let record = ApiTokenRecord {
            name: name.to_owned(),
            scopes: written.join(" "),
            hash: digest(&secret),
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

    /// Lists tokens from the oldest on, from a position and at most `limit`; answers the next position too, if there
    /// may be more.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        from: usize,
        limit: usize,
    ) -> Result<(Vec<ApiToken>, Option<usize>), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        let ids = tokens.list(from, limit).await?;
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
        if ApiTokenStore::new(self.ports.redis()).remove(id).await? {
            Ok(())
        } else {
            Err(AccountError::UnknownApiToken)
        }
    }

    async fn forget_ended(&self) -> Result<(), AccountError> {
        let tokens = ApiTokenStore::new(self.ports.redis());
        for id in tokens.list(0, MAX_TOKENS + MAX_LOGINS).await? {
            if tokens.get(&id).await?.is_none() {
                tokens.remove(&id).await?;
            }
        }
        Ok(())
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
        created_at,
        used_at,
        ends_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_write_may_read_and_nothing_else() {
        assert!(Scope::Admin.covers(Scope::SystemWrite));
        assert!(Scope::UsersWrite.covers(Scope::UsersRead));
        assert!(!Scope::UsersRead.covers(Scope::UsersWrite));
        assert!(!Scope::UsersWrite.covers(Scope::DataRead));
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("users".parse::<Scope>().is_err());
    }
}
