//! The API token back ends get with every call of the plugin protocol, so that they can feed the server.

use std::cell::RefCell;
use std::rc::Rc;

use async_trait::async_trait;

use crate::account::SessionKey;
use crate::adapter::ServerToken;
use crate::model::{ADMINISTRATOR, Millis, UserId};
use crate::ports::{Clock as _, Ports};
use crate::settings::Secret;
use crate::store::{AccountStore, StoreError};

/// How long a token that was looked up is used, in milliseconds: it changes only with the administrator's password.
const MAX_AGE_MS: u64 = 1_000;

/// The administrator's own API token, which changes with its password only.
pub(super) struct AdministratorToken<P> {
    ports: Rc<P>,
    sessions: SessionKey,
    known: RefCell<Option<(Millis, Secret)>>,
}

impl<P: Ports> AdministratorToken<P> {
    pub(super) fn new(ports: Rc<P>, sessions: SessionKey) -> Self {
        Self {
            ports,
            sessions,
            known: RefCell::new(None),
        }
    }
}

#[async_trait(?Send)]
impl<P: Ports> ServerToken for AdministratorToken<P> {
    async fn current(&self) -> Result<Secret, StoreError> {
        let now = self.ports.clock().now();
        if let Some((at, token)) = &*self.known.borrow()
            && now.0.saturating_sub(at.0) < MAX_AGE_MS
        {
            return Ok(token.clone());
        }
        let Ok(administrator) = UserId::parse(ADMINISTRATOR) else {
            return Ok(Secret::new(""));
        };
        let generation = AccountStore::new(self.ports.redis())
            .generation(&administrator)
            .await?;
        let token = generation.map_or_else(String::new, |generation| {
            self.sessions.api_token(&generation)
        });
        let token = Secret::new(token);
        self.known.replace(Some((now, token.clone())));
        Ok(token)
    }
}
