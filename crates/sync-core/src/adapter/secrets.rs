//! What adapters know of secrets beside those of their settings.

use std::rc::Rc;

use async_trait::async_trait;

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

/// The secrets of a server that its adapters use.
#[derive(Clone)]
pub struct AdapterSecrets {
    /// What plugins are shown.
    pub token: Rc<dyn ServerToken>,
    /// Where secrets that back ends give are kept for all instances, if the store can do that without knowing them.
    pub vault: Option<Vault>,
}
