//! Signing in and out.

use std::sync::Arc;

use sync_device::FollowEnd;
use sync_proto::sync::{SessionGrant, SessionRequest};
use sync_store::{SessionState, Store};

use crate::conversation::{Answered, Asked, Conversation, Outcome, Stop, Topic};
use crate::database::Database;
use crate::error::Error;
use crate::options::Credentials;
use crate::platform::new_id;
use crate::report::SignedIn;
use crate::shared::Shared;

const SESSION: &str = "/sync/v1/session";

/// Signing in: one request.
pub(crate) struct SignIn {
    credentials: Credentials,
    is_sent: bool,
    done: Option<Result<SignedIn, Error>>,
}

impl Topic for SignIn {
    fn next(
        &mut self,
        database: &Shared,
        _: &dyn Fn() -> Option<Stop>,
    ) -> Result<Option<Asked>, Error> {
        if std::mem::replace(&mut self.is_sent, true) {
            return Ok(None);
        }
        let mut request = SessionRequest {
            client: database.store().session()?.client,
            device: database.device.clone().into(),
            ..SessionRequest::default()
        };
        match self.credentials.clone() {
            Credentials::Password { login, password } => {
                (request.login, request.password) = (Some(login), Some(password));
            }
            Credentials::Token { token } => request.token = Some(token),
        }
        Ok(Some(Asked::post(SESSION, None, &request)))
    }

    fn answered(&mut self, database: &Shared, answer: Answered) -> Result<(), Error> {
        self.done = Some(match answer {
            Answered::Whole(body) => match serde_json::from_slice(&body) {
                Ok(grant) => Ok(keep_sign_in(database, grant)?),
                Err(error) => Err(Error::Offline {
                    reason: error.to_string(),
                }),
            },
            Answered::Broken(reason) => Err(Error::Offline { reason }),
            Answered::Error {
                status: 401,
                reason,
                ..
            } => Err(Error::LoginRefused { reason }),
            Answered::Error {
                status: 429 | 500..,
                reason,
                retry_after,
                ..
            } => Err(Error::ServerBusy {
                reason,
                retry_in_ms: database.wait_ms(retry_after),
            }),
            Answered::Error {
                status,
                code,
                reason,
                ..
            } => Err(Error::Refused {
                status,
                code,
                reason,
            }),
        });
        Ok(())
    }

    fn stopped(&mut self, _: Stop) {}

    fn end(&mut self) -> Outcome {
        Outcome::SignedIn(self.done.take().unwrap_or(Err(Error::Cancelled)))
    }
}

/// The request for new tokens, by the refresh token; none without one. Whoever sends it has the right to sync: it is good once.
pub(crate) fn refresh_request(
    store: &mut Store,
    session: &mut SessionState,
    database: &Shared,
) -> Result<Option<Asked>, Error> {
    let Some(refresh) = session.refresh.clone() else {
        return Ok(None);
    };
    if session.attempt.is_none() {
        session.attempt = Some(new_id(database.platform.as_ref()));
        store.set_session(session)?;
    }
    let request = SessionRequest {
        refresh: Some(refresh),
        attempt: session.attempt.clone(),
        ..SessionRequest::default()
    };
    Ok(Some(Asked::post(SESSION, None, &request)))
}

/// The tokens of an answer.
pub(crate) fn session_of(grant: SessionGrant, now_ms: u64) -> SessionState {
    let SessionGrant {
        access,
        expires_in,
        refresh,
        client,
        user,
    } = grant;
    SessionState {
        user: Some(user),
        client: Some(client),
        access: Some(access),
        access_at_ms: now_ms,
        access_for_ms: expires_in.saturating_mul(1_000),
        refresh: Some(refresh),
        attempt: None,
    }
}

fn keep_sign_in(database: &Shared, grant: SessionGrant) -> Result<SignedIn, Error> {
    let session = session_of(grant, database.platform.now_ms());
    let mut store = database.store();
    let before = store.session()?;
    let is_same_device = before.client.is_none() || before.client == session.client;
    let is_same_user = before.user == session.user;
    match (is_same_device, is_same_user) {
        (true, _) => store.set_session(&session)?,
        (false, true) => store.begin_anew_as(&session)?,
        (false, false) => store.erase_for(&session)?,
    }
    Ok(SignedIn {
        user: session.user.unwrap_or_default(),
        client: session.client.unwrap_or_default(),
        has_erased: !is_same_device && !is_same_user,
    })
}

/// Signing out: the tokens are forgotten first, so that it works without a network too.
pub(crate) struct SignOut {
    access: Option<String>,
}

impl Topic for SignOut {
    fn next(&mut self, _: &Shared, _: &dyn Fn() -> Option<Stop>) -> Result<Option<Asked>, Error> {
        let access = self.access.take();
        Ok(access.map(|access| Asked {
            method: "DELETE",
            path: SESSION.into(),
            access: Some(access),
            headers: Vec::new(),
            body: Vec::new(),
        }))
    }

    /// Whatever the server says, the device is signed out.
    fn answered(&mut self, _: &Shared, _: Answered) -> Result<(), Error> {
        Ok(())
    }

    fn stopped(&mut self, _: Stop) {}

    fn end(&mut self) -> Outcome {
        Outcome::SignedOut
    }
}

impl Database {
    /// Signs a user in. What is in the database stays if it is his and this device's. Otherwise it is erased: look at
    /// [`Database::pending`] before, if another user may have left something.
    ///
    /// # Errors
    /// [`Error::LoginRefused`], [`Error::Offline`], and others.
    pub fn sign_in(&self, login: &str, password: &str) -> Result<SignedIn, Error> {
        self.sign_in_with(Credentials::Password {
            login: login.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Signs a user in by what he has.
    ///
    /// # Errors
    /// See [`Self::sign_in`].
    pub fn sign_in_with(&self, credentials: Credentials) -> Result<SignedIn, Error> {
        let conversation = self.begin_sign_in(credentials);
        conversation.carry(self.transport()?)?;
        self.end_sign_in(&conversation)
    }

    /// Begins to sign in, for hosts that carry requests themselves.
    pub fn begin_sign_in(&self, credentials: Credentials) -> Arc<Conversation> {
        let topic = Box::new(SignIn {
            credentials,
            is_sent: false,
            done: None,
        });
        Conversation::new(Arc::clone(&self.shared), topic, None)
    }

    /// What became of signing in.
    ///
    /// # Errors
    /// See [`Self::sign_in`].
    pub fn end_sign_in(&self, conversation: &Conversation) -> Result<SignedIn, Error> {
        match conversation.end() {
            Outcome::SignedIn(done) => done,
            Outcome::SignedOut | Outcome::Synced(_) | Outcome::Searched(_) | Outcome::Listened => {
                Err(Error::Cancelled)
            }
        }
    }

    /// Signs out: at once on the device, and at the server if it can be reached. What is in the database stays, for the same user
    /// to go on.
    ///
    /// # Errors
    /// The file's.
    pub fn sign_out(&self) -> Result<(), Error> {
        let conversation = self.begin_sign_out()?;
        match &self.transport {
            Some(transport) => conversation.carry(transport.as_ref()),
            None => Ok(()),
        }
    }

    /// Begins to sign out, for hosts that carry requests themselves. The device is signed out when this returns.
    ///
    /// # Errors
    /// The file's.
    pub fn begin_sign_out(&self) -> Result<Arc<Conversation>, Error> {
        let mut store = self.shared.store();
        let mut session = store.session()?;
        let access = session.access.take();
        (session.refresh, session.attempt) = (None, None);
        store.set_session(&session)?;
        drop(store);
        self.shared.following.stop(FollowEnd::SignedOut);
        let topic = Box::new(SignOut { access });
        Ok(Conversation::new(Arc::clone(&self.shared), topic, None))
    }
}
