//! Authorizations: tokens that prove to push services who we are.
//!
//! Services want them reused: Apple refuses a sender that makes a new one for every push, and one costs a signature or
//! a request. The components that push live for one ring only, so the store keeps them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::ping::{PingOutcome, WrongSetting};
use crate::ports::{Ports, RedisConn};
use crate::store::StoreError;
use crate::store::redis::keys;
use crate::store::redis::script::{Reply, args};

/// Tokens as the store keeps them, by a name that changes with the settings they were made from.
struct Authorizations<'a, R> {
    redis: &'a R,
}

impl<'a, R: RedisConn> Authorizations<'a, R> {
    fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    async fn get(&self, name: &str) -> Result<Option<String>, StoreError> {
        let command = args!["GET", keys::push_authorization(name)];
        Reply::new("GET", self.redis.run(command).await?).text()
    }

    async fn put(&self, name: &str, token: &str, seconds: u64) -> Result<(), StoreError> {
        let key = keys::push_authorization(name);
        self.redis
            .run(args!["SET", key, token, "EX", seconds.max(1)])
            .await?;
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.redis
            .run(args!["DEL", keys::push_authorization(name)])
            .await?;
        Ok(())
    }
}

/// A token just made, and for how many seconds it is good for reuse.
pub(super) struct NewToken {
    pub(super) token: String,
    pub(super) seconds: u64,
}

/// The token kept under this name, or a new one.
pub(super) async fn kept_or_made<P: Ports>(
    ports: &P,
    name: &str,
    make: impl AsyncFnOnce() -> Result<NewToken, PingOutcome>,
) -> Result<String, PingOutcome> {
    let kept = Authorizations::new(ports.redis());
    if let Some(token) = kept.get(name).await.map_err(later)? {
        return Ok(token);
    }
    let NewToken { token, seconds } = make().await?;
    kept.put(name, &token, seconds).await.map_err(later)?;
    Ok(token)
}

/// Forgets a token the service no longer takes.
pub(super) async fn forget<P: Ports>(ports: &P, name: &str) -> Result<(), PingOutcome> {
    Authorizations::new(ports.redis())
        .remove(name)
        .await
        .map_err(later)
}

fn later(error: StoreError) -> PingOutcome {
    PingOutcome::TryLater {
        after: None,
        message: error.to_string(),
    }
}

/// A key that signs tokens.
pub(super) enum SigningKey {
    /// By ECDSA on the curve P-256.
    Es256(p256::ecdsa::SigningKey),
    /// By RSA, with the padding of PKCS #1.
    Rs256(Box<rsa::pkcs1v15::SigningKey<Sha256>>),
}

impl SigningKey {
    /// Reads an elliptic key (PKCS #8).
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn elliptic(pem: &str) -> Result<Self, String> {
        let key = pem::parse(pem).map_err(|error| error.to_string())?;
        let key = p256::ecdsa::SigningKey::from_pkcs8_der(key.contents());
        key.map(Self::Es256).map_err(|error| error.to_string())
    }

    /// Reads an RSA key (PKCS #8 or PKCS #1).
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn rsa(pem: &str) -> Result<Self, String> {
        let key = pem::parse(pem).map_err(|error| error.to_string())?;
        let key = rsa::PrivateKey::from_pkcs8_der(key.contents())
            .or_else(|error| rsa::PrivateKey::from_pkcs1_der(key.contents()).map_err(|_| error))
            .map_err(|error| error.to_string())?;
        Ok(Self::Rs256(Box::new(rsa::pkcs1v15::SigningKey::new(key))))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
        }
    }

    fn sign(&self, text: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Es256(key) => {
                let signed = key.try_sign(text.as_bytes());
                let signed = signed.map(|signature: p256::ecdsa::Signature| signature.to_vec());
                signed.map_err(|error| error.to_string())
            }
            Self::Rs256(key) => {
                let signed = key.try_sign(text.as_bytes());
                let signed = signed.map(|signature| signature.to_vec());
                signed.map_err(|error| error.to_string())
            }
        }
    }
}

/// Signs claims as a JSON Web Token (RFC 7519).
pub(super) fn sign(
    setting: &'static str,
    key: &SigningKey,
    key_id: Option<&str>,
    claims: &Value,
) -> Result<String, WrongSetting> {
    let mut header = Map::new();
    header.insert("typ".to_owned(), json!("JWT"));
    header.insert("alg".to_owned(), json!(key.algorithm()));
    if let Some(id) = key_id {
        header.insert("kid".to_owned(), json!(id));
    }
    let [header, claims] =
        [&Value::Object(header), claims].map(|part| BASE64.encode(part.to_string()));
    let text = format!("{header}.{claims}");
    let signature = key.sign(&text).map_err(|error| WrongSetting {
        setting,
        message: format!("it cannot sign: {error}"),
    })?;
    Ok(format!("{text}.{}", BASE64.encode(signature)))
}
