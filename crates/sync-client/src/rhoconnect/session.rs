//! Who the device is to its server: its session and its client id.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};

/// The cookies of a login and the client id: what a device keeps, beside its replicas, from run to run.
///
/// The cookies are as good as the password, so `Debug` does not show them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    cookies: BTreeMap<String, String>,
    /// The id of this device, once the server has given one.
    pub client_id: Option<String>,
}

impl Session {
    /// Whether a login has succeeded; the server may have ended the session since.
    pub fn is_logged_in(&self) -> bool {
        !self.cookies.is_empty()
    }

    /// Forgets the login, keeps the client id.
    pub fn log_out(&mut self) {
        self.cookies.clear();
    }

    /// Takes the cookies of an answer. The server sends its cookie anew with every one.
    pub(crate) fn take_cookies(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            let Ok(text) = header.to_str() else { continue };
            let pair = text.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies
                    .insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    /// The `Cookie` header; none before the login.
    pub(crate) fn cookie_header(&self) -> Option<String> {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("cookies", &"***")
            .field("client_id", &self.client_id)
            .finish()
    }
}
