//! A server's REST API.

use std::fmt::Display;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sync_client::rhoconnect::{Transport as _, TransportError, UreqTransport};
use sync_proto::ErrorCode;
use sync_proto::api::ApiError;

use crate::advice::advised;
use crate::config::{Settings, Source};

/// How long an answer may take: a component may work for a third of it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The API of one server, as whoever has the token.
pub(crate) struct Api<'a> {
    settings: &'a Settings,
    transport: UreqTransport,
    server: &'a str,
    token: Option<&'a str>,
}

impl<'a> Api<'a> {
    /// With the token that the settings have.
    pub(crate) fn new(settings: &'a Settings) -> Result<Self> {
        let token = &*settings.token()?.value.0;
        Self::with_token(settings, Some(token))
    }

    /// With another token or none.
    pub(crate) fn with_token(settings: &'a Settings, token: Option<&'a str>) -> Result<Self> {
        Ok(Self {
            settings,
            transport: UreqTransport::new(TIMEOUT),
            server: settings.server()?,
            token,
        })
    }

    /// Asks for something.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.send(&Method::GET, path, None)
    }

    /// Has something done that is answered with something.
    pub(crate) fn send<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        let answer = self.exchange(method, path, body)?;
        serde_json::from_slice(&answer).context("the server's answer cannot be read")
    }

    /// Has something done; answers the answer's body.
    pub(crate) fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Bytes> {
        let body = body.map(serde_json::to_vec).transpose()?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.server))
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(body.unwrap_or_default().into())
            .context("the token or the address cannot be sent")?;
        let answer = self
            .transport
            .send(request)
            .map_err(|error| unreachable(self.server, error))?;
        if answer.status().is_success() {
            Ok(answer.into_body())
        } else {
            Err(self.refusal(&answer))
        }
    }

    fn refusal(&self, answer: &Response<Bytes>) -> Error {
        let Ok(ApiError { error }) = serde_json::from_slice::<ApiError>(answer.body()) else {
            let problem = format!("{} answered {}", self.server, answer.status());
            return match answer.status() {
                StatusCode::NOT_FOUND => advised(problem, "is it a RhoSync server?"),
                _ => anyhow!(problem),
            };
        };
        let problem = format!("{} ({})", error.message, error.code);
        let is = |code: ErrorCode| error.code == code.as_str();
        if is(ErrorCode::InvalidApiToken)
            && let Some(token) = self.token_source()
        {
            let advice = match token {
                Source::File => "log in again: `rhosync login`".to_owned(),
                other => format!("the token is from the {other}; is it over, or another server's?"),
            };
            advised(problem, advice)
        } else if is(ErrorCode::Forbidden) {
            advised(
                problem,
                "an administrator can make a token with that scope, in the console or by the API",
            )
        } else {
            anyhow!(problem)
        }
    }

    fn token_source(&self) -> Option<Source> {
        self.token?;
        self.settings.token().ok().map(|token| token.source)
    }
}

/// The error of a server that does not answer.
pub(crate) fn unreachable(server: &str, error: TransportError) -> Error {
    let problem = Error::new(error).context(format!("cannot reach {server}"));
    advised(
        format!("{problem:#}"),
        "does the server run? `rhosync config show` tells where its address comes from",
    )
}

/// A text as a part of an address.
pub(crate) fn encoded(text: &str) -> impl Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}
