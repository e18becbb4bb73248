//! The public keys of an identity provider (JWKS, RFC 7517).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::account::AccountError;
use crate::model::Millis;
use crate::ports::{AnswerRoom, Clock as _, HttpClient as _, Ports, hex};
use crate::store::KeySets;

/// How old keys may be before the provider is asked again, in milliseconds.
const MAX_AGE_MS: u64 = 10 * 60_000;

/// How long an instance trusts what it has of the store's, in milliseconds.
const MAX_LOCAL_AGE_MS: u64 = 60_000;

/// How long the provider may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer of the provider, in bytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Most keys that are looked at.
const MAX_KEYS: usize = 100;

/// Knows the keys: each instance for a minute, all of them for ten.
///
/// A token with an unknown key id may have been signed with a new key, so the provider is asked once more; but not more
/// often than twice a minute, whatever tokens are sent. While it does not answer, the keys last seen are used for a day.
pub(super) struct Keys<P> {
    ports: Rc<P>,
    url: String,
    /// Names the address in the store.
    digest: String,
    known: RefCell<Option<(Millis, Rc<KeySet>)>>,
}

/// The keys of a provider, and when they were read.
#[derive(Serialize, Deserialize)]
struct KeySet {
    at: Millis,
    keys: Vec<Jwk>,
}

impl KeySet {
    /// The key of this id; where a token names none, the only one that is of the algorithm's kind.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| is_for(key, algorithm));
        let key = match id {
            Some(id) => fitting.find(|key| key.common.key_id.as_deref() == Some(id)),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        };
        DecodingKey::from_jwk(key?).ok()
    }
}

fn is_for(key: &Jwk, algorithm: Algorithm) -> bool {
    match key.algorithm {
        AlgorithmParameters::RSA(_) => algorithm == Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(_) => algorithm == Algorithm::ES256,
        _ => false,
    }
}

impl<P: Ports> Keys<P> {
    pub(super) fn new(ports: Rc<P>, url: String) -> Self {
        Self {
            ports,
            digest: hex(&Sha256::digest(&url)),
            url,
            known: RefCell::default(),
        }
    }

    /// The key that a token says it is signed with.
    ///
    /// # Errors
    /// [`AccountError::NotAuthenticated`] if there is none; [`AccountError::KeysUnavailable`] and [`AccountError::KeysPending`] while
    /// that cannot be found out; the store's.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey, AccountError> {
        let now = self.ports.clock().now();
        let current = self.current(now).await?;
        let known = current.as_ref().and_then(|set| set.find(id, algorithm));
        let is_fresh = current.is_some_and(|set| now.0.saturating_sub(set.at.0) < MAX_AGE_MS);
        let known = match known {
            Some(key) if is_fresh => return Ok(key),
            known => known,
        };
        match (self.renew(now).await, known) {
            (Ok(set), _) => set
                .find(id, algorithm)
                .ok_or(AccountError::NotAuthenticated),
            // Old keys are good until there are new ones.
            (Err(_), Some(key)) => Ok(key),
            (Err(error), None) => Err(error),
        }
    }

    /// The keys as this instance or the store has them.
    async fn current(&self, now: Millis) -> Result<Option<Rc<KeySet>>, AccountError> {
        if let Some((at, set)) = &*self.known.borrow()
            && now.0.saturating_sub(at.0) < MAX_LOCAL_AGE_MS
        {
            return Ok(Some(Rc::clone(set)));
        }
        let sets = KeySets::new(self.ports.redis(), &self.digest);
        Ok(self.read(sets.get().await?, now))
    }

    fn read(&self, kept: Option<String>, now: Millis) -> Option<Rc<KeySet>> {
        let set: Rc<KeySet> = Rc::new(serde_json::from_str(&kept?).ok()?);
        self.known.replace(Some((now, Rc::clone(&set))));
        Some(set)
    }

    /// Asks the provider, unless somebody has just done so: then what that brought.
    async fn renew(&self, now: Millis) -> Result<Rc<KeySet>, AccountError> {
        let sets = KeySets::new(self.ports.redis(), &self.digest);
        let Some(since) = sets.take_turn(now).await? else {
            let set = Rc::new(self.fetch(now).await?);
            let text = serde_json::to_string(&*set).unwrap_or_default();
            sets.put(&text).await?;
            self.known.replace(Some((now, Rc::clone(&set))));
            return Ok(set);
        };
        // Whoever has the turn may still be waiting for the provider.
        self.read(sets.get().await?, now)
            .filter(|set| set.at >= since)
            .ok_or(AccountError::KeysPending)
    }

    async fn fetch(&self, now: Millis) -> Result<KeySet, AccountError> {
        let unavailable = |message: String| {
            tracing::error!("the identity provider's keys cannot be read: {message}");
            AccountError::KeysUnavailable { message }
        };
        let request = http::Request::get(&self.url)
            .header(http::header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|error| unavailable(error.to_string()))?;
        let http = self.ports.http();
        let answer = http
            .send(request, TIMEOUT, &mut AnswerRoom::of(MAX_ANSWER_BYTES))
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            return Err(unavailable(format!("it answered {}", answer.status())));
        }
        #[derive(Deserialize)]
        struct Answer {
            keys: Vec<Value>,
        }
        let Answer { keys } = serde_json::from_slice(answer.body())
            .map_err(|error| unavailable(format!("its answer is no key set: {error}")))?;
        // Kinds of keys that are not known are for others.
        let keys = keys
            .into_iter()
            .take(MAX_KEYS)
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect();
        Ok(KeySet { at: now, keys })
    }
}
