//! What users have signed in with, kept for back ends that are asked with that.

use std::rc::Rc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::adapter::{Credentials, UserCredentials};
use crate::model::UserId;
use crate::ports::Ports;
use crate::settings::Secret;
use crate::store::{AccountStore, StoreError};
use crate::vault::Vault;

/// Longest token that is kept, in bytes: longer ones do not fit into what servers take for headers.
pub(super) const MAX_TOKEN_BYTES: usize = 8_192;

/// Keeps what users have signed in with, sealed.
pub(super) struct KeptCredentials<P> {
    ports: Rc<P>,
    vault: Vault,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    #[serde(rename = "l")]
    login: String,
    #[serde(rename = "p")]
    password: String,
    #[serde(rename = "t")]
    token: Option<String>,
}

impl<P: Ports> KeptCredentials<P> {
    pub(super) fn new(ports: Rc<P>, vault: Vault) -> Self {
        Self { ports, vault }
    }

    /// Keeps what a user has signed in with just now.
    pub(super) async fn keep(
        &self,
        user: &UserId,
        credentials: &Credentials,
    ) -> Result<(), StoreError> {
        let Credentials {
            login,
            password,
            token,
        } = credentials;
        let payload = Payload {
            login: login.expose().to_owned(),
            password: password.expose().to_owned(),
            token: token.as_ref().map(|token| token.expose().to_owned()),
        };
        let text = serde_json::to_string(&payload).unwrap_or_default();
        let random = self.ports.random();
        let sealed = self.vault.seal(random, &purpose(user), &text);
        let accounts = AccountStore::new(self.ports.redis());
        accounts.set_credentials(user, &sealed).await
    }
}

#[async_trait(?Send)]
impl<P: Ports> UserCredentials for KeptCredentials<P> {
    async fn of(&self, user: &UserId) -> Result<Option<Credentials>, StoreError> {
        let accounts = AccountStore::new(self.ports.redis());
        let sealed = accounts.credentials(user).await?.unwrap_or_default();
        let opened = self.vault.open(&purpose(user), &sealed);
        let payload = opened.and_then(|text| serde_json::from_str(&text).ok());
        Ok(payload.map(|payload: Payload| Credentials {
            login: Secret::new(payload.login),
            password: Secret::new(payload.password),
            token: payload.token.map(Secret::new),
        }))
    }
}

/// One user's credentials are never another's.
fn purpose(user: &UserId) -> String {
    format!("credentials of {user}")
}
