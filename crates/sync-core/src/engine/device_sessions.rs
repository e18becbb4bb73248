//! Devices that speak `/sync/v1` sign in.

use sync_proto::DeviceDescription;

use crate::account::{DeviceGrant, Origin, Session};
use crate::engine::{Engine, SyncError};
use crate::model::ClientId;
use crate::ports::{Ports, Random as _};
use crate::store::Clients;

/// How a device says whose it is.
#[derive(Debug, Clone, Copy)]
pub enum DeviceProof<'a> {
    /// By a name and a password.
    Password {
        /// The user's name.
        login: &'a str,
        /// The password.
        password: &'a str,
        /// Where it comes from.
        origin: Origin<'a>,
    },
    /// By a token of the identity provider.
    Token(&'a str),
}

impl<P: Ports> Engine<P> {
    /// Begins a session of a device. One that names a client of the same user goes on as that one, whose session of before ends;
    /// any other is a new client.
    ///
    /// # Errors
    /// As those of a login, and the store's.
    pub async fn sign_in_device(
        &self,
        proof: DeviceProof<'_>,
        client: Option<&str>,
        device: &DeviceDescription,
    ) -> Result<DeviceGrant, SyncError> {
        let session = match proof {
            DeviceProof::Password {
                login,
                password,
                origin,
            } => self.accounts.device_login(login, password, origin).await?,
            DeviceProof::Token(token) => {
                let session = self.accounts.session_of_token(token).await?;
                // The provider's token names no session; this one ends by itself.
                let id = self.ports.random().hex::<8>();
                Session { id, ..session }
            }
        };
        let known = self.own_client(&session, client).await?;
        let client = match known {
            Some(client) => client,
            None => ClientId::parse(self.ports.random().hex::<16>())?,
        };
        self.put_client(&client, &session, device).await?;
        Ok(self.accounts.grant_device(session, client, device).await?)
    }

    /// The client, if it is the user's. Its last session ends.
    async fn own_client(
        &self,
        session: &Session,
        client: Option<&str>,
    ) -> Result<Option<ClientId>, SyncError> {
        let Some(client) = client.and_then(|client| ClientId::parse(client).ok()) else {
            return Ok(None);
        };
        let known = Clients::new(self.ports.redis()).get(&client).await?;
        let Some(known) = known.filter(|known| known.user == session.user) else {
            return Ok(None);
        };
        if let Some(last) = known.session.filter(|last| !last.is_empty()) {
            self.accounts.end_session(&known.user, &last).await?;
        }
        Ok(Some(client))
    }
}
