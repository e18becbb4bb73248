//! Authorizations: tokens that prove to push services who we are.
//!
//! Services want them reused: Apple refuses a sender that makes a new one for every push, and one costs a signature or
//! a request. The components that push live for one ring only, so the store keeps them.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::ports::{Ports, RedisConn};
use crate::push::{PushOutcome, WrongSetting};
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
pub(super) struct Made {
    pub(super) token: String,
    pub(super) seconds: u64,
}

/// The token kept under this name, or a new one.
pub(super) async fn kept_or_made<P: Ports>(
    ports: &P,
    name: &str,
    make: impl AsyncFnOnce() -> Result<Made, PushOutcome>,
) -> Result<String, PushOutcome> {
    let kept = Authorizations::new(ports.redis());
    if let Some(token) = kept.get(name).await.map_err(later)? {
        return Ok(token);
    }
    let Made { token, seconds } = make().await?;
    kept.put(name, &token, seconds).await.map_err(later)?;
    Ok(token)
}

/// Forgets a token the service no longer takes.
pub(super) async fn forget<P: Ports>(ports: &P, name: &str) -> Result<(), PushOutcome> {
    Authorizations::new(ports.redis())
        .remove(name)
        .await
        .map_err(later)
}

fn later(error: StoreError) -> PushOutcome {
    PushOutcome::TryLater {
        after: None,
        message: error.to_string(),
    }
}

/// Signs claims as a JSON Web Token (RFC 7519).
pub(super) fn sign(
    setting: &'static str,
    algorithm: Algorithm,
    key_id: Option<&str>,
    claims: &impl Serialize,
    key: &EncodingKey,
) -> Result<String, WrongSetting> {
    let header = Header {
        kid: key_id.map(str::to_owned),
        ..Header::new(algorithm)
    };
    jsonwebtoken::encode(&header, claims, key).map_err(|error| WrongSetting {
        setting,
        message: format!("it cannot sign: {error}"),
    })
}
