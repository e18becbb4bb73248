//! Sessions of devices that speak `/sync/v1`: an access token that no store has to be asked about, good for ten minutes, and a
//! refresh token that is good once.

use std::collections::BTreeSet;
use std::rc::Rc;

use futures_util::join;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sync_proto::DeviceDescription;

use crate::account::{AccountError, Accounts, Origin, Session};
use crate::model::{ClientId, Millis, ResetMark, SourceName, UserId};
use crate::ports::{Clock as _, Ports, hex};
use crate::store::{AccountStore, Clients, DeviceSessions, Rotation, store_time};

/// How long an access token is good, in milliseconds.
pub(super) const ACCESS_MS: u64 = 600_000;

/// How long an instance relies on what it has read of those shut out, in milliseconds: so long an access token may outlive its
/// session.
const MAX_AGE_MS: u64 = 1_000;

/// Longest text by which a device knows an attempt to refresh again, in bytes.
const MAX_ATTEMPT_BYTES: usize = 255;

/// Longest type of a device that its tokens have, in bytes.
const MAX_DEVICE_TYPE_BYTES: usize = 64;

/// The number of a session's first refresh token.
const FIRST: u64 = 1;

/// Who was shut out lately, as an instance has read it.
pub(super) struct ShutOut {
    read_at: Millis,
    ids: Rc<BTreeSet<String>>,
}

/// What an access token says. Whether its session has ended since, [`Accounts::check_device`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSession {
    pub(crate) session: Session,
    pub(crate) client: ClientId,
    /// The client's last reset, as far as its access token knows.
    pub(crate) reset: ResetMark,
    /// What the device says it is, if that is short enough for a token.
    pub(crate) device_type: String,
}

/// What a device gets when it signs in or refreshes.
#[derive(Debug, Clone)]
pub struct DeviceGrant {
    /// Whose it is, and the device's.
    pub session: DeviceSession,
    /// Says so for a while.
    pub access: String,
    /// How long, in seconds.
    pub expires_in: u64,
    /// Good once, for the next two tokens.
    pub refresh: String,
}

impl DeviceSession {
    /// Whose it is.
    pub fn user(&self) -> &UserId {
        &self.session.user
    }

    /// The device.
    pub fn client(&self) -> &ClientId {
        &self.client
    }
}

#[derive(Serialize, Deserialize)]
struct AccessPayload {
    #[serde(rename = "u")]
    user: UserId,
    #[serde(rename = "g")]
    generation: String,
    #[serde(rename = "s")]
    id: String,
    #[serde(rename = "c")]
    client: ClientId,
    #[serde(rename = "r", default)]
    reset: ResetMark,
    #[serde(rename = "t", default, skip_serializing_if = "String::is_empty")]
    device_type: String,
    #[serde(rename = "e")]
    ends_at: Millis,
}

/// A refresh token names its session and counts: the store has no token, only the number of the newest.
#[derive(Serialize, Deserialize)]
struct RefreshPayload {
    #[serde(rename = "s")]
    id: String,
    #[serde(rename = "n")]
    number: u64,
}

impl<P: Ports> Accounts<P> {
    /// The session of whoever has this name and password, which becomes a device's by [`Accounts::grant_device`].
    ///
    /// # Errors
    /// As [`Accounts::log_in`].
    pub(crate) async fn device_login(
        &self,
        login: &str,
        password: &str,
        origin: Origin<'_>,
    ) -> Result<Session, AccountError> {
        self.let_in(login, password, origin).await
    }

    /// Begins a session of a device.
    pub(crate) async fn grant_device(
        &self,
        session: Session,
        client: ClientId,
        device: &DeviceDescription,
    ) -> Result<DeviceGrant, AccountError> {
        let device_type = device.device_type.as_deref();
        let device_type = device_type.filter(|it| it.len() <= MAX_DEVICE_TYPE_BYTES);
        let device_type = device_type.unwrap_or_default().to_owned();
        let store = DeviceSessions::new(self.ports.redis());
        let Session {
            user,
            generation,
            id,
        } = &session;
        let clients = Clients::new(self.ports.redis());
        let (begun, reset) = join!(
            store.begin(id, user, &client, generation, &device_type),
            clients.last_reset(&client)
        );
        begun?;
        let session = DeviceSession {
            session,
            client,
            reset: reset?,
            device_type,
        };
        Ok(self.device_grant(session, FIRST))
    }

    /// The next tokens for a refresh token. One that was used before ends the session: a thief has it, or had it. Only the
    /// `attempt` that used it last gets the same tokens again, as long as the newest was not used: its answer may have been lost.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`] and the store's.
    pub async fn refresh_device(
        &self,
        refresh: &str,
        attempt: &str,
    ) -> Result<DeviceGrant, AccountError> {
        let RefreshPayload { id, number } = self
            .sessions
            .open(b"refresh", refresh)
            .filter(|_| attempt.len() <= MAX_ATTEMPT_BYTES)
            .ok_or(AccountError::NotAuthenticated)?;
        let attempt = match attempt {
            "" => String::new(),
            attempt => hex(&Sha256::digest(attempt)),
        };
        let store = DeviceSessions::new(self.ports.redis());
        let (number, session, client, device_type) = match store
            .rotate(&id, number, &attempt)
            .await?
        {
            Rotation::Done {
                number,
                user,
                client,
                generation,
                device_type,
            } => {
                let session = Session {
                    user,
                    generation,
                    id,
                };
                (number, session, client, device_type)
            }
            Rotation::Unknown => return Err(AccountError::NotAuthenticated),
            Rotation::Repeated { user } => {
                tracing::warn!(user.id = %user, "a refresh token was used twice; its session has ended");
                self.end_session(&user, &id).await?;
                return Err(AccountError::NotAuthenticated);
            }
        };
        let clients = Clients::new(self.ports.redis());
        let (checked, reset) = join!(self.check_session(&session), clients.last_reset(&client));
        checked?;
        let session = DeviceSession {
            session,
            client,
            reset: reset?,
            device_type,
        };
        Ok(self.device_grant(session, number))
    }

    /// Reads an access token; nothing is asked of the store.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`].
    pub fn device_session(&self, access: &str) -> Result<DeviceSession, AccountError> {
        let payload: Option<AccessPayload> = self.sessions.open(b"access", access);
        let now = self.ports.clock().now();
        let payload = payload.filter(|payload| now < payload.ends_at);
        let AccessPayload {
            user,
            generation,
            id,
            client,
            reset,
            device_type,
            ends_at: _,
        } = payload.ok_or(AccountError::NotAuthenticated)?;
        let session = Session {
            user,
            generation,
            id,
        };
        Ok(DeviceSession {
            session,
            client,
            reset,
            device_type,
        })
    }

    /// Checks that a device was neither shut out nor reset since its access token was made: the next one knows of the reset.
    /// Mostly that costs nothing: an instance reads the short list at most once a second.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`] and the store's.
    pub async fn check_device(&self, session: &DeviceSession) -> Result<(), AccountError> {
        let Session { generation, id, .. } = &session.session;
        let ids = self.shut_out_lately().await?;
        let is_from_before_a_reset =
            || ids.contains(&tokens_of_reset(&session.client, session.reset));
        // Most of the time the list is empty.
        let is_shut_out = !ids.is_empty()
            && (ids.contains(generation) || ids.contains(id) || is_from_before_a_reset());
        match is_shut_out {
            true => Err(AccountError::NotAuthenticated),
            false => Ok(()),
        }
    }

    /// Ends a device's session.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`] if it has ended, and the store's.
    pub async fn end_device_session(&self, session: &DeviceSession) -> Result<(), AccountError> {
        // Another instance may have ended it a moment ago.
        self.forget_shut_out();
        self.check_device(session).await?;
        let Session { user, id, .. } = &session.session;
        Ok(self.end_session(user, id).await?)
    }

    /// Shuts a user out whose sessions are about to end.
    pub(crate) async fn shut_out(&self, user: &UserId) -> Result<(), AccountError> {
        let generation = AccountStore::new(self.ports.redis())
            .generation(user)
            .await?;
        if let Some(generation) = generation {
            let now = self.ports.clock().now();
            let store = DeviceSessions::new(self.ports.redis());
            store.shut_out(&generation, now).await?;
        }
        self.forget_shut_out();
        Ok(())
    }

    /// Lets a device start a source over: its access tokens are none from now on, and the next ones know of the reset.
    pub(crate) async fn reset_device(
        &self,
        client: &ClientId,
        source: &SourceName,
    ) -> Result<(), AccountError> {
        let clients = Clients::new(self.ports.redis());
        let mark = ResetMark(store_time(self.ports.redis()).await?.0);
        // The mark first: a token that is made in between has it. Without what follows tokens from before would be good until
        // they end by themselves.
        if let Some(before) = clients.mark_reset(client, source, mark).await? {
            let store = DeviceSessions::new(self.ports.redis());
            let tokens = tokens_of_reset(client, before);
            store.shut_out(&tokens, self.ports.clock().now()).await?;
        }
        self.forget_shut_out();
        Ok(())
    }

    /// An instance sees at once whom it shuts out itself.
    pub(super) fn forget_shut_out(&self) {
        self.shut_out.take();
    }

    async fn shut_out_lately(&self) -> Result<Rc<BTreeSet<String>>, AccountError> {
        let now = self.ports.clock().now();
        if let Some(read) = &*self.shut_out.borrow()
            && now.0.saturating_sub(read.read_at.0) < MAX_AGE_MS
        {
            return Ok(Rc::clone(&read.ids));
        }
        // Somebody else's clock may be a little ahead.
        let since = Millis(now.0.saturating_sub(2 * ACCESS_MS));
        let store = DeviceSessions::new(self.ports.redis());
        let ids = Rc::new(store.shut_out_since(since).await?);
        self.shut_out.replace(Some(ShutOut {
            read_at: now,
            ids: Rc::clone(&ids),
        }));
        Ok(ids)
    }

    fn device_grant(&self, session: DeviceSession, number: u64) -> DeviceGrant {
        let DeviceSession {
            session: it,
            client,
            reset,
            device_type,
        } = session.clone();
        let Session {
            user,
            generation,
            id,
        } = it;
        let refresh = RefreshPayload {
            id: id.clone(),
            number,
        };
        let access = AccessPayload {
            user,
            generation,
            id,
            client,
            reset,
            device_type,
            ends_at: self.ports.clock().now().plus(ACCESS_MS),
        };
        DeviceGrant {
            session,
            access: self.sessions.seal(b"access", &access),
            expires_in: ACCESS_MS / 1_000,
            refresh: self.sessions.seal(b"refresh", &refresh),
        }
    }
}

/// How the list of those shut out names a client's access tokens that know of no later reset than this.
fn tokens_of_reset(client: &ClientId, ResetMark(mark): ResetMark) -> String {
    format!("reset:{client}:{mark}")
}
