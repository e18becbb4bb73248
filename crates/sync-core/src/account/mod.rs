//! Who may do what: users, passwords, sessions, API tokens, administrators.

mod administrators;
mod api_tokens;
mod attributes;
mod bearer;
mod credentials;
mod device_session;
mod error;
mod login;
mod password;
mod role;
mod scope;
mod server_token;
mod session;
mod users;

use std::cell::RefCell;
use std::rc::Rc;

use crate::adapter::{AdapterSecrets, ServerToken, UserCredentials};
use crate::ports::Ports;
use crate::settings::{AuthenticationMethod, AuthenticationSettings, LoginLimits, Secret};
pub use administrators::{Administrator, AdministratorChange};
pub use api_tokens::{ApiToken, ApiTokens};
use attributes::KnownAttributes;
use bearer::BearerTokens;
use credentials::KeptCredentials;
use device_session::ShutOut;
pub use device_session::{DeviceGrant, DeviceSession};
pub(crate) use error::MOVED;
pub use error::{AccountError, InvalidTokenRequest};
pub use login::Origin;
use password::{hash_password, verify_password};
pub use role::Role;
pub use scope::Scope;
use server_token::AdministratorToken;
pub use session::{Session, SessionKey};
pub use users::{UserChange, UserDetails};

/// Lets users and the administrator in, and keeps what is known of them.
pub struct Accounts<P> {
    ports: Rc<P>,
    sessions: SessionKey,
    administrator_password: Secret,
    method: AuthenticationMethod,
    remembered_seconds: u64,
    limits: LoginLimits,
    bearer_tokens: Option<BearerTokens<P>>,
    server_token: Rc<dyn ServerToken>,
    api_tokens: ApiTokens<P>,
    shut_out: RefCell<Option<ShutOut>>,
    known_attributes: KnownAttributes,
    credentials: Option<Rc<KeptCredentials<P>>>,
}

impl<P: Ports + 'static> Accounts<P> {
    /// The accounts of this server.
    ///
    /// `administrator_password` is the one the administrator gets at the first start; empty: one is made.
    pub fn new(
        ports: &Rc<P>,
        settings: &AuthenticationSettings,
        sessions: SessionKey,
        administrator_password: Secret,
    ) -> Self {
        let AuthenticationSettings {
            method,
            remembered_seconds,
            jwt,
            limits,
            trusted_proxies: _,
        } = settings.clone();
        let server_token = AdministratorToken::new(Rc::clone(ports), sessions.clone());
        Self {
            ports: Rc::clone(ports),
            sessions,
            administrator_password,
            method,
            remembered_seconds,
            limits,
            bearer_tokens: jwt.map(|jwt| BearerTokens::new(Rc::clone(ports), jwt)),
            server_token: Rc::new(server_token),
            api_tokens: ApiTokens::new(Rc::clone(ports)),
            shut_out: RefCell::default(),
            known_attributes: KnownAttributes::default(),
            credentials: None,
        }
    }

    /// The accounts of a server that keeps what users sign in with. Nothing if whoever reads the store could read that too.
    pub(crate) fn keeping_credentials(self) -> Option<Self> {
        let kept = KeptCredentials::new(Rc::clone(&self.ports), self.sessions.vault()?);
        Some(Self {
            credentials: Some(Rc::new(kept)),
            ..self
        })
    }

    /// What adapters prove by who they are.
    pub(crate) fn adapter_secrets(&self) -> AdapterSecrets {
        let credentials = self.credentials.as_ref();
        AdapterSecrets {
            token: Rc::clone(&self.server_token),
            credentials: credentials.map(|kept| Rc::clone(kept) as Rc<dyn UserCredentials>),
            vault: self.sessions.vault(),
        }
    }
}

impl<P: Ports> Accounts<P> {
    /// Checks sessions' signatures.
    pub fn sessions(&self) -> &SessionKey {
        &self.sessions
    }

    /// The named API tokens.
    pub fn api_tokens(&self) -> &ApiTokens<P> {
        &self.api_tokens
    }
}
