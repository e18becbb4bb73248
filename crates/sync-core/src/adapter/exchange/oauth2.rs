//! Tokens of authorization servers (RFC 6749): asked for once, and kept for as long as they are good.

use std::cell::RefCell;

use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize;

use crate::adapter::AdapterError;
use crate::adapter::exchange::{Answer, basic, refusal};
use crate::model::Millis;
use crate::settings::{OAuth2Credentials, OAuth2Settings, Secret};

/// How long before its end a token is not used any more, in milliseconds: it has to reach the back end.
const LEEWAY_MS: u64 = 10_000;

/// How long a token is good where the authorization server does not say, in seconds.
const USUAL_LIFETIME_SECONDS: u64 = 300;

/// The token of an instance.
#[derive(Default)]
pub(super) struct TokenCache(RefCell<Option<(Secret, Millis)>>);

impl TokenCache {
    /// The token, while it is good.
    pub(super) fn current(&self, now: Millis) -> Option<Secret> {
        let cached = self.0.borrow();
        let (token, until) = cached.as_ref()?;
        (now < *until).then(|| token.clone())
    }

    /// Keeps a token until then.
    pub(super) fn keep(&self, token: Secret, until: Millis) {
        self.0.replace(Some((token, until)));
    }

    pub(super) fn forget(&self) {
        self.0.replace(None);
    }
}

/// What an authorization server gives.
pub(super) struct GivenToken {
    pub(super) access: Secret,
    /// For how many seconds it is good.
    pub(super) seconds: u64,
    /// In place of the refresh token that was shown, which may be good no more.
    pub(super) refresh: Option<Secret>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

impl GivenToken {
    /// Until when it is used, if it was asked for then.
    pub(super) fn until(&self, asked: Millis) -> Millis {
        let good_for = self.seconds.saturating_mul(1_000);
        asked.plus(good_for.saturating_sub(LEEWAY_MS))
    }
}

/// The request for a token, by a refresh token if there is one.
pub(super) fn token_request(
    settings: &OAuth2Settings,
    refresh_token: Option<&Secret>,
) -> Result<http::Request<Bytes>, AdapterError> {
    let OAuth2Settings {
        token_url,
        client_id,
        client_secret,
        scope,
        refresh_token: _,
        credentials,
    } = settings;
    let mut form = form_urlencoded::Serializer::new(String::new());
    match refresh_token {
        None => form.append_pair("grant_type", "client_credentials"),
        Some(token) => form
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", token.expose()),
    };
    if let Some(scope) = scope {
        form.append_pair("scope", scope);
    }
    let mut request = http::Request::post(token_url)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    match credentials {
        OAuth2Credentials::Header => {
            request = request.header(header::AUTHORIZATION, basic(client_id, client_secret));
        }
        OAuth2Credentials::Body => {
            form.append_pair("client_id", client_id.expose());
            form.append_pair("client_secret", client_secret.expose());
        }
    }
    let request = request.body(Bytes::from(form.finish()));
    request.map_err(|error| AdapterError::BadAnswer {
        message: format!("cannot ask for a token: {error}"),
    })
}

/// Reads a token. Of a refusal only its code is told: the rest may be anything.
pub(super) fn read_token(answer: &Answer) -> Result<GivenToken, AdapterError> {
    let status = answer.status();
    if status.is_success() {
        let TokenAnswer {
            access_token,
            expires_in,
            refresh_token,
        } = answer.json("a token")?;
        return Ok(GivenToken {
            access: Secret::new(access_token),
            seconds: expires_in.unwrap_or(USUAL_LIFETIME_SECONDS),
            refresh: refresh_token.map(Secret::new),
        });
    }
    match refusal(answer) {
        error @ (AdapterError::Unavailable { .. } | AdapterError::Throttled { .. }) => Err(error),
        _ => {
            let said = answer.json::<ErrorAnswer>("an error").ok();
            let said = said.map_or_else(|| StatusCode::to_string(&status), |said| said.error);
            Err(AdapterError::Unauthorized {
                message: format!("the authorization server gives no token: {said}"),
            })
        }
    }
}
