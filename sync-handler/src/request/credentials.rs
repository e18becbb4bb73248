//! Who sends a request: a device by its session, a script or the console by an API token, an administrator by the old one.

use http::header;
use sync_core::{AccountError, ApiToken, Clock as _, DeviceSession, Engine, Ports, Session};
use sync_proto::{API_TOKEN_HEADER, OLD_SESSION_COOKIE, SESSION_COOKIE};

use super::{Request, malformed};
use crate::argument::{self, Argument};
use crate::console_cookie;
use crate::error::HttpError;

impl Request {
    /// The session: of the identity provider's token, where devices may send one, or else of the cookie. Whether it was
    /// revoked the engine finds out.
    pub(crate) async fn session<P: Ports>(
        &self,
        engine: &Engine<P>,
    ) -> Result<&Session, HttpError> {
        if let Some(known) = self.session.get() {
            return Ok(known);
        }
        let session = match self.bearer_token() {
            Some(token) if engine.accounts().takes_tokens() => {
                engine.accounts().session_of_token(token).await?
            }
            _ => self.own_session(engine)?,
        };
        Ok(self.session.get_or_init(|| session))
    }

    /// The session of the access token of a device with our own library. Whether it was ended the engine finds out.
    pub(crate) fn device_session<P: Ports>(
        &self,
        engine: &Engine<P>,
    ) -> Result<&DeviceSession, HttpError> {
        if let Some(known) = self.device_session.get() {
            return Ok(known);
        }
        let session = engine
            .accounts()
            .device_session(self.bearer_token().unwrap_or_default())?;
        Ok(self.device_session.get_or_init(|| session))
    }

    /// The session of the cookie, if it is one of ours.
    fn own_session<P: Ports>(&self, engine: &Engine<P>) -> Result<Session, HttpError> {
        let now = engine.ports().clock().now();
        // Pages of other sites cannot send cookies; there the query carries what the cookie would.
        let has_cookies = self.head.headers.contains_key(header::COOKIE);
        let in_query = [SESSION_COOKIE, OLD_SESSION_COOKIE]
            .into_iter()
            .filter(|_| !has_cookies && self.takes_session_in_query())
            .filter_map(|name| self.query(name));
        self.head
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .chain(in_query)
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.split_once('='))
            .filter(|(name, _)| [SESSION_COOKIE, OLD_SESSION_COOKIE].contains(&name.trim()))
            .find_map(|(_, value)| engine.accounts().sessions().verify(value.trim(), now))
            .ok_or(HttpError::Account(AccountError::NotAuthenticated))
    }

    /// Whether the session may be in the query string: on the addresses made for pages of other sites only.
    pub(crate) fn takes_session_in_query(&self) -> bool {
        self.head.uri.path().starts_with("/api/application")
    }

    /// The API token that the request was let in with.
    pub(crate) fn api_token(&self) -> Option<&ApiToken> {
        self.api_token.get()
    }

    /// Lets the request in with an API token.
    pub(crate) fn let_in(&self, token: ApiToken) {
        self.api_token.get_or_init(|| token);
    }

    /// Whether the request was let in with the first administrator's token.
    pub(crate) fn is_administrators(&self) -> bool {
        self.is_administrators.get()
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self
            .header(header::AUTHORIZATION.as_str())?
            .split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The text of the API token: that of `Authorization`, or else the console's cookie.
    pub(crate) fn api_token_text(&self) -> Option<&str> {
        if self.head.headers.contains_key(header::AUTHORIZATION) {
            return self.bearer_token();
        }
        console_cookie::token(&self.head)
    }

    /// Whether the console sends the request, and no page of another site could have.
    pub(crate) fn is_from_console(&self) -> bool {
        console_cookie::is_from_console(&self.head)
    }

    /// Whether the request claims to come from the administrator.
    pub(crate) fn has_api_token(&self) -> bool {
        self.header(API_TOKEN_HEADER).is_some() || self.query("api_token").is_some()
    }

    /// Checks the administrator's token in the head, if there is one: the header's and the address's, as scripts that were
    /// given another one since send both. One that is wrong decides nothing: there may be another in the body.
    pub(crate) async fn try_api_token<P: Ports>(
        &self,
        engine: &Engine<P>,
    ) -> Result<(), HttpError> {
        let in_head = [self.header(API_TOKEN_HEADER), self.query("api_token")];
        for token in in_head.into_iter().flatten() {
            match engine.accounts().check_api_token(token).await {
                Ok(()) => {
                    self.is_administrators.set(true);
                    return Ok(());
                }
                Err(AccountError::InvalidApiToken) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Checks that the request comes from the administrator.
    pub(crate) async fn require_api_token<P: Ports>(
        &self,
        engine: &Engine<P>,
    ) -> Result<(), HttpError> {
        if self.is_administrators.get() {
            return Ok(());
        }
        let in_body = argument::read(&self.json_body()?, &["api_token"]).map_err(malformed)?;
        let token = in_body.into_iter().next().unwrap_or(Argument::Missing);
        let token = token.into_text("api_token")?.unwrap_or_default();
        engine.accounts().check_api_token(&token).await?;
        self.is_administrators.set(true);
        Ok(())
    }
}
