//! What adapters know of secrets beside those of their settings.

use std::rc::Rc;

use async_trait::async_trait;

use crate::model::UserId;
use crate::settings::Secret;
use crate::store::StoreError;
use crate::vault::Vault;

/// Knows the API token that back ends get with every call of the plugin protocol, so that they can feed the server.
#[async_trait(?Send)]
pub trait ServerToken {
    /// The token; empty while there is none that would be accepted.
    ///
    /// # Errors
    /// When it cannot be looked up.
    async fn current(&self) -> Result<Secret, StoreError>;
}

/// Knows what users have signed in with.
#[async_trait(?Send)]
pub trait UserCredentials {
    /// What the user has signed in with last; nothing if that is not known.
    ///
    /// # Errors
    /// When it cannot be looked up.
    async fn of(&self, user: &UserId) -> Result<Option<Credentials>, StoreError>;
}

/// What a user has signed in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name that was typed in.
    pub login: Secret,
    /// The password.
    pub password: Secret,
    /// The token that the back end of users gave.
    pub token: Option<Secret>,
}

/// The secrets of a server that its adapters use.
#[derive(Clone)]
pub struct AdapterSecrets {
    /// What plugins are shown.
    pub token: Rc<dyn ServerToken>,
    /// What users have signed in with, where some back end is asked with that.
    pub credentials: Option<Rc<dyn UserCredentials>>,
    /// Where secrets that back ends give are kept for all instances, if the store can do that without knowing them.
    pub vault: Option<Vault>,
}
