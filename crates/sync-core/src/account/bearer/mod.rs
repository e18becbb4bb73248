//! Tokens of an identity provider (RFC 7519) that devices send in place of a session of ours.

mod keys;
mod signature;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::account::attributes::{UserAttributes, check_attributes};
use crate::account::{AccountError, Session};
use crate::model::{Millis, UserId, to_text};
use crate::ports::{Clock as _, Ports, hex};
use crate::settings::JwtSettings;
use keys::Keys;
use signature::ALGORITHMS;

/// Longest token that is looked at at all, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// Most tokens an instance remembers.
const MAX_KNOWN: usize = 1_000;

/// Bytes of a token's digest that name its session.
const ID_BYTES: usize = 8;

/// Checks tokens.
///
/// A token that was good is remembered until it ends, so that a device that polls costs no signature and no command
/// more than one with a session.
pub(crate) struct BearerTokens<P> {
    ports: Rc<P>,
    settings: JwtSettings,
    keys: Keys<P>,
    known: RefCell<HashMap<TokenDigest, (Session, Millis)>>,
}

type TokenDigest = [u8; 32];

/// What is known of a token that is good.
pub(crate) enum TokenCheck {
    /// It was used here before.
    Known(Session),
    /// It is good, and the user it names may be new.
    New(NewToken),
}

/// A token that is good, seen for the first time.
pub(crate) struct NewToken {
    pub(crate) user: UserId,
    /// What it says of the user, where the settings name claims for that.
    pub(crate) attributes: Option<UserAttributes>,
    pub(crate) ends: Millis,
    digest: TokenDigest,
}

impl<P: Ports> BearerTokens<P> {
    pub(crate) fn new(ports: Rc<P>, settings: JwtSettings) -> Self {
        Self {
            keys: Keys::new(Rc::clone(&ports), settings.jwks_url.clone()),
            ports,
            settings,
            known: RefCell::default(),
        }
    }

    /// Checks a token.
    pub(crate) async fn check(&self, token: &str) -> Result<TokenCheck, AccountError> {
        if token.len() > MAX_BYTES {
            return Err(AccountError::NotAuthenticated);
        }
        let digest: TokenDigest = Sha256::digest(token).into();
        let now = self.ports.clock().now();
        if let Some((session, ends)) = self.known.borrow().get(&digest)
            && now < *ends
        {
            return Ok(TokenCheck::Known(session.clone()));
        }
        let header = decode_header(token).map_err(refused)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(AccountError::NotAuthenticated);
        }
        let key = self.keys.find(header.kid.as_deref(), header.alg).await?;
        let (claims, ends) = self.claims(token, header.alg, &key, now)?;
        let user = claims.get(&self.settings.user_claim);
        let user = user
            .and_then(Value::as_str)
            .and_then(|user| UserId::parse(user).ok());
        Ok(TokenCheck::New(NewToken {
            user: user.ok_or(AccountError::NotAuthenticated)?,
            attributes: self.attributes_in(&claims),
            ends,
            digest,
        }))
    }

    /// Remembers a token; answers its session.
    pub(crate) fn remember(&self, token: NewToken, generation: String) -> Session {
        let NewToken {
            user,
            digest,
            ends,
            attributes: _,
        } = token;
        let id = hex(digest.get(..ID_BYTES).unwrap_or_default());
        let session = Session {
            user,
            generation,
            id,
        };
        let mut known = self.known.borrow_mut();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(digest, (session.clone(), ends));
        session
    }

    /// Forgets a token whose session has ended: the next request looks at the user anew.
    pub(crate) fn forget(&self, session: &Session) {
        let mut known = self.known.borrow_mut();
        known.retain(|_, (known, _)| known.id != session.id);
    }

    /// What claims say of the user, by the names of attributes. What cannot be an attribute is none.
    fn attributes_in(&self, claims: &Map<String, Value>) -> Option<UserAttributes> {
        let wanted = &self.settings.user_attributes;
        let found = wanted.iter().filter_map(|(name, claim)| {
            let text = match claims.get(claim)? {
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
                value => to_text(value.clone()),
            };
            let attribute = UserAttributes::from([(name.clone(), text)]);
            check_attributes(&attribute).is_ok().then_some(attribute)
        });
        (!wanted.is_empty()).then(|| found.flatten().collect())
    }

    /// Checks signature and claims; answers them, and when the token ends.
    fn claims(
        &self,
        token: &str,
        algorithm: Algorithm,
        key: &DecodingKey,
        now: Millis,
    ) -> Result<(Map<String, Value>, Millis), AccountError> {
        // Here, and not where this is made: a component that never checks a token has none of it then.
        signature::install();
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // By our own clock, below.
        validation.validate_exp = false;
        let claims = decode::<Map<String, Value>>(token, key, &validation)
            .map_err(refused)?
            .claims;
        let leeway = self.settings.leeway_seconds.saturating_mul(1_000);
        let ends = time(&claims, "exp").ok_or(AccountError::NotAuthenticated)?;
        let ends = ends.plus(leeway);
        let begins = match claims.contains_key("nbf") {
            false => Millis(0),
            true => time(&claims, "nbf").ok_or(AccountError::NotAuthenticated)?,
        };
        if now >= ends || now.plus(leeway) < begins {
            return Err(AccountError::NotAuthenticated);
        }
        Ok((claims, ends))
    }
}

/// A claim that is a time: seconds since 1970, which may have decimals.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, and a time before 1970 is as long ago as 1970"
)]
fn time(claims: &Map<String, Value>, name: &str) -> Option<Millis> {
    let seconds = claims.get(name)?.as_f64()?;
    Some(Millis((seconds * 1_000.0) as u64))
}

/// A token that is not good: why stays inside, and helps whoever sets the provider up.
fn refused(error: jsonwebtoken::errors::Error) -> AccountError {
    tracing::debug!(%error, "a token was refused");
    AccountError::NotAuthenticated
}
