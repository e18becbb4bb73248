//! Sessions. They are signed, so that the store need not keep them, and revocable, since they name a generation that it keeps.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::model::{Millis, UserId};
use crate::ports::{Ports, Random as _};
use crate::settings::Secret;
use crate::store::{AccountStore, StoreError};
use crate::vault::Vault;

/// How long a session lasts: a device that syncs once a year stays signed in.
pub(super) const LIFETIME_MS: u64 = 366 * 86_400_000;

/// Longest session that is looked at at all, in bytes.
const MAX_BYTES: usize = 1_024;

/// Signs and checks sessions.
#[derive(Clone)]
pub struct SessionKey {
    mac: Hmac<Sha256>,
    /// Whether whoever reads the store does not know it.
    is_secret_to_the_store: bool,
}

/// A session whose signature is right. Whether it was revoked only the store can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub(crate) user: UserId,
    pub(crate) generation: String,
    /// Tells this session from the user's others, so that it can end alone.
    pub(crate) id: String,
}

impl Session {
    /// Whose it is.
    pub fn user(&self) -> &UserId {
        &self.user
    }
}

#[derive(Serialize, Deserialize)]
struct Payload {
    #[serde(rename = "u")]
    user: UserId,
    #[serde(rename = "g")]
    generation: String,
    #[serde(rename = "s")]
    id: String,
    #[serde(rename = "t")]
    issued_at: Millis,
}

impl SessionKey {
    /// A key from a secret of any length, which the store does not know.
    pub fn new(secret: &str) -> Self {
        // HMAC takes keys of every length, so this cannot fail; an empty key would be the only way to go on.
        let mac = Hmac::new_from_slice(secret.as_bytes())
            .unwrap_or_else(|_| Hmac::new(&Default::default()));
        Self {
            mac,
            is_secret_to_the_store: true,
        }
    }

    /// The key of this server: from the configured secret, or from one that the store keeps for all instances.
    ///
    /// # Errors
    /// The store's.
    pub async fn load<P: Ports>(ports: &P, configured: &Secret) -> Result<Self, StoreError> {
        if !configured.expose().is_empty() {
            return Ok(Self::new(configured.expose()));
        }
        let proposed = ports.random().hex::<32>();
        let accounts = AccountStore::new(ports.redis());
        Ok(Self {
            is_secret_to_the_store: false,
            ..Self::new(&accounts.session_secret(&proposed).await?)
        })
    }

    /// Writes a signed session: payload and signature in URL-safe base 64, with a dot between.
    pub(crate) fn sign(&self, session: &Session, now: Millis) -> String {
        let Session {
            user,
            generation,
            id,
        } = session.clone();
        let payload = Payload {
            user,
            generation,
            id,
            issued_at: now,
        };
        self.seal(b"session", &payload)
    }

    /// Reads a session; `None` unless we signed it and it is not too old.
    pub fn verify(&self, text: &str, now: Millis) -> Option<Session> {
        let Payload {
            user,
            generation,
            id,
            issued_at,
        } = self.open(b"session", text)?;
        let session = Session {
            user,
            generation,
            id,
        };
        (now < issued_at.plus(LIFETIME_MS)).then_some(session)
    }

    /// Writes what only this server can have written: payload and signature, with a dot between. What is sealed for one purpose
    /// is nothing for another.
    pub(crate) fn seal(&self, purpose: &[u8], payload: &impl Serialize) -> String {
        let payload = BASE64.encode(serde_json::to_vec(payload).unwrap_or_default());
        let signature = BASE64.encode(self.signature(purpose, &payload));
        format!("{payload}.{signature}")
    }

    /// Reads what [`SessionKey::seal`] wrote for this purpose.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &[u8], text: &str) -> Option<T> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (payload, signature) = text.split_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        self.keyed(purpose, payload).verify_slice(&signature).ok()?;
        serde_json::from_slice(&BASE64.decode(payload).ok()?).ok()
    }

    /// The API token of the administrator, which changes with the session generation only. 32 hexadecimal digits.
    pub(crate) fn api_token(&self, generation: &str) -> String {
        let mut token = crate::ports::hex(&self.signature(b"api-token", generation));
        token.truncate(32);
        token
    }

    /// Where secrets are kept in the store; nowhere if whoever reads the store could open it.
    pub(crate) fn vault(&self) -> Option<Vault> {
        let vault = || Vault::new(&self.signature(b"vault", ""));
        self.is_secret_to_the_store.then(vault)
    }

    /// What a password that fits a user's hash is known again by; nothing where the store knows the key, so that whoever
    /// reads the store could try passwords without the cost of the hash.
    pub(crate) fn password_digest(
        &self,
        user: &UserId,
        hash: &str,
        password: &str,
    ) -> Option<String> {
        let digest = || {
            let text = serde_json::to_string(&(user, hash, password)).unwrap_or_default();
            crate::ports::hex(&self.signature(b"password", &text))
        };
        self.is_secret_to_the_store.then(digest)
    }

    fn keyed(&self, purpose: &[u8], text: &str) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(purpose);
        mac.update(b":");
        mac.update(text.as_bytes());
        mac
    }

    fn signature(&self, purpose: &[u8], text: &str) -> [u8; 32] {
        self.keyed(purpose, text).finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn session(user: &str) -> Session {
        Session {
            user: UserId::parse(user).unwrap(),
            generation: "g1".to_owned(),
            id: "s1".to_owned(),
        }
    }

    #[test]
    fn only_what_we_signed_is_a_session() {
        let key = SessionKey::new("secret");
        let session = session("u.1");
        let now = Millis(1_000);
        let text = key.sign(&session, now);
        assert_eq!(key.verify(&text, now).as_ref(), Some(&session));

        let (payload, signature) = text.split_once('.').unwrap();
        let other = BASE64.encode(r#"{"u":"admin","g":"g1","s":"s1","t":1000}"#);
        for forged in [
            format!("{other}.{signature}"),
            format!("{payload}."),
            payload.to_owned(),
            String::new(),
            "..".to_owned(),
            "x".repeat(100_000),
            SessionKey::new("other").sign(&session, now),
        ] {
            assert_eq!(key.verify(&forged, now), None, "{forged}");
        }
    }

    #[test]
    fn a_session_ends() {
        let key = SessionKey::new("secret");
        let text = key.sign(&session("u1"), Millis(0));
        assert!(key.verify(&text, Millis(LIFETIME_MS - 1)).is_some());
        assert!(key.verify(&text, Millis(LIFETIME_MS)).is_none());
    }

    #[test]
    fn an_api_token_is_no_session_and_has_32_digits() {
        let key = SessionKey::new("secret");
        let token = key.api_token("g1");
        assert_eq!(token.len(), 32);
        assert_ne!(token, key.api_token("g2"));
    }

    proptest! {
        #[test]
        fn no_text_is_a_session_but_the_one_that_was_signed(
            text in "\\PC{0,200}|[A-Za-z0-9_-]{0,100}\\.[A-Za-z0-9_-]{0,60}",
            at in any::<prop::sample::Index>(),
            byte in 0x20_u8..0x7f,
        ) {
            let key = SessionKey::new("secret");
            prop_assert_eq!(key.verify(&text, Millis(1)), None);
            let good = key.sign(&session("u1"), Millis(0));
            let mut changed = good.clone().into_bytes();
            let at = at.index(changed.len());
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(key.verify(&changed, Millis(1)).is_some(), changed == good);
        }
    }
}
