//! Who is signed in.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sync_proto::api::SessionInfo;

use crate::api;
use crate::error::ApiError;

/// Whether somebody is signed in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// The server has not said yet.
    Asking,
    /// The server does not say.
    Failed(ApiError),
    SignedOut,
    SignedIn(SessionInfo),
    /// Somebody was, and their page is still there: with what they have typed.
    Expired(SessionInfo),
}

/// Who is signed in; the same everywhere in the console.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    state: RwSignal<State>,
    sign_ins: RwSignal<u32>,
}

impl Session {
    /// Asks the server who is signed in, and tells all components below the one that calls this.
    pub(crate) fn provide() -> Self {
        let session = Self {
            state: RwSignal::new(State::Asking),
            sign_ins: RwSignal::new(0),
        };
        provide_context(session);
        session.ask();
        session
    }

    pub(crate) fn get() -> Self {
        expect_context()
    }

    pub(crate) fn state(self) -> State {
        self.state.get()
    }

    /// Asks again.
    pub(crate) fn ask(self) {
        spawn_local(async move {
            let asked = api::session().answer().await;
            self.state.set(match asked {
                Ok(info) => State::SignedIn(info),
                Err(ApiError::SignedOut) => State::SignedOut,
                Err(error) => State::Failed(error),
            });
        });
    }

    /// Signs in. What was on the screen when a session ended is still there afterwards, if the same person comes back.
    pub(crate) async fn sign_in(self, login: &str, password: &str) -> Result<(), ApiError> {
        api::log_in(login, password).answer().await?;
        self.state
            .set(State::SignedIn(api::session().answer().await?));
        self.sign_ins.update(|number| *number += 1);
        Ok(())
    }

    pub(crate) async fn sign_out(self) -> Result<(), ApiError> {
        match api::log_out().answer().await {
            Ok(()) | Err(ApiError::SignedOut) => {
                self.state.set(State::SignedOut);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Looks whether an error means that the session is over.
    pub(crate) fn notice(self, error: &ApiError) {
        if *error == ApiError::SignedOut
            && let Some(State::SignedIn(info)) = self.state.try_get_untracked()
        {
            self.state.set(State::Expired(info));
        }
    }

    /// Makes what calls this run again when somebody signs in.
    pub(crate) fn track_sign_ins(self) {
        self.sign_ins.track();
    }

    /// Who is, or was, signed in.
    pub(crate) fn info(self) -> Option<SessionInfo> {
        match self.state.get() {
            State::SignedIn(info) | State::Expired(info) => Some(info),
            _ => None,
        }
    }

    /// Whether they may do what this scope stands for. The server decides; this only keeps away what it would refuse.
    pub(crate) fn may(self, scope: &str) -> bool {
        self.info().is_some_and(|info| {
            info.scopes.iter().any(|held| {
                held == "admin"
                    || held == scope
                    || scope
                        .strip_suffix(":read")
                        .is_some_and(|what| held.strip_suffix(":write") == Some(what))
            })
        })
    }
}
