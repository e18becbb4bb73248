//! Settings that all adapters over HTTP share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::{KeyError, Secret, Text, text, wrong};

/// How long a call to the back end may take where the file does not say, in milliseconds.
pub(super) const DEFAULT_TIMEOUT_MS: u64 = 10_000;

/// How long it may take at most: operations and refreshes are leased for longer than that.
pub(super) const HIGHEST_TIMEOUT_MS: u64 = 20_000;

/// What goes with every request to a back end.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Further headers.
    pub headers: Vec<(http::HeaderName, Secret)>,
    /// How the server proves who it is.
    pub authorization: Option<Authorization>,
    /// How long a call may take, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            authorization: None,
            timeout_ms: DEFAULT_TIMEOUT_MS,
        }
    }
}

/// How the server proves who it is.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// A bearer token.
    Bearer(Secret),
    /// User name and password.
    Basic(Secret, Secret),
    /// A key in a header.
    KeyHeader(http::HeaderName, Secret),
    /// A key in a query parameter.
    KeyParameter(String, Secret),
    /// A token that an authorization server gives.
    OAuth2(Box<OAuth2Settings>),
    /// What the user has signed in with.
    User(UserAuthorization),
}

/// What of a user's login is shown to the back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum UserAuthorization {
    /// Name and password, as `Authorization: Basic …` (RFC 7617).
    Basic,
    /// The token that the back end of users gave with the login, as `Authorization: Bearer …`.
    Bearer,
}

impl Connection {
    /// Whether the back end is asked with what users have signed in with.
    pub(crate) fn asks_as_user(&self) -> bool {
        matches!(self.authorization, Some(Authorization::User(_)))
    }
}

/// How an authorization server is asked for a token (RFC 6749).
#[derive(Debug, Clone)]
pub struct OAuth2Settings {
    /// Where it is asked.
    pub token_url: String,
    /// Who asks.
    pub client_id: Secret,
    /// What proves it.
    pub client_secret: Secret,
    /// What the token is asked for.
    pub scope: Option<String>,
    /// What the server was given once by a person; without one it asks for itself.
    pub refresh_token: Option<Secret>,
    /// Where id and secret stand.
    pub credentials: OAuth2Credentials,
}

/// Where an authorization server expects id and secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OAuth2Credentials {
    /// In the `Authorization` header.
    #[default]
    Header,
    /// In the body.
    Body,
}

/// The keys of a connection, which stand in an adapter's table among others.
pub(super) struct ConnectionEntry<'a> {
    /// The adapter's table, `rest` for instance.
    pub(super) table: &'static str,
    pub(super) headers: &'a BTreeMap<String, Text>,
    pub(super) authorization: Option<&'a AuthorizationEntry>,
    pub(super) timeout_ms: Option<u64>,
}

/// How the server proves who it is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum AuthorizationEntry {
    /// `Authorization: Bearer …`.
    Bearer(Text),
    /// User name and password (RFC 7617).
    Basic { user: Text, password: Text },
    /// A key in a header or in a query parameter.
    #[serde(rename = "api_key")]
    ApiKey(ApiKeyEntry),
    /// A token of an authorization server (RFC 6749), asked for with the server's own credentials or with a refresh token.
    OAuth2(OAuth2Entry),
    /// What the user whose copy is asked for has signed in with: `"basic"` shows name and password, `"bearer"` the token that the
    /// [back end of users](settings.md#users-of-a-back-end) gave.
    User(UserAuthorization),
}

/// A key in a header or in a query parameter.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeyEntry {
    /// The header.
    header: Option<String>,
    /// In place of that, the query parameter.
    parameter: Option<String>,
    /// The key.
    value: Text,
}

/// A token of an authorization server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct OAuth2Entry {
    /// Address of the token endpoint.
    #[serde(serialize_with = "text::shown")]
    token_url: Text,
    /// The server's id.
    client_id: Text,
    /// The server's secret.
    client_secret: Text,
    /// What the token is asked for.
    scope: Option<String>,
    /// A refresh token; without one the grant is `client_credentials`. If the authorization server gives another with each
    /// token, that takes its place.
    refresh_token: Option<Text>,
    /// Whether id and secret stand in the `header` or in the `body`.
    #[serde(default)]
    credentials: OAuth2Credentials,
}

impl<'a> ConnectionEntry<'a> {
    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        if (1..=HIGHEST_TIMEOUT_MS).contains(&self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS)) {
            return Ok(());
        }
        wrong(
            &format!("{}.timeout_ms", self.table),
            format!("must be between 1 and {HIGHEST_TIMEOUT_MS}"),
        )
    }

    /// Whether the back end is asked with what users have signed in with.
    pub(super) fn asks_as_user(&self) -> bool {
        matches!(self.authorization, Some(AuthorizationEntry::User(_)))
    }

    /// The texts that may be variables.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'a Text> + use<'a> {
        let authorization = match self.authorization {
            None | Some(AuthorizationEntry::User(_)) => Vec::new(),
            Some(AuthorizationEntry::Bearer(token)) => vec![token],
            Some(AuthorizationEntry::Basic { user, password }) => vec![user, password],
            Some(AuthorizationEntry::ApiKey(key)) => vec![&key.value],
            Some(AuthorizationEntry::OAuth2(oauth2)) => {
                let texts = [&oauth2.token_url, &oauth2.client_id, &oauth2.client_secret];
                texts.into_iter().chain(&oauth2.refresh_token).collect()
            }
        };
        self.headers.values().chain(authorization)
    }

    /// Puts the variables' values in.
    pub(super) fn resolve(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<Connection, KeyError> {
        let secret = |key: &str, value: &Text| {
            let value = value.resolve(variable);
            let key = || format!("{}.{key}", self.table);
            value.map(Secret::new).map_err(|reason| (key(), reason))
        };
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| {
                let key = format!("{}.headers.{name}", self.table);
                let header = http::HeaderName::from_bytes(name.as_bytes())
                    .map_err(|error| (key.clone(), error.to_string()))?;
                let value = secret(&format!("headers.{name}"), value)?;
                http::HeaderValue::from_str(value.expose())
                    .map_err(|error| (key, error.to_string()))?;
                Ok((header, value))
            })
            .collect::<Result<_, KeyError>>()?;
        let authorization = match self.authorization {
            None => None,
            Some(AuthorizationEntry::Bearer(token)) => Some(Authorization::Bearer(secret(
                "authorization.bearer",
                token,
            )?)),
            Some(AuthorizationEntry::Basic { user, password }) => Some(Authorization::Basic(
                secret("authorization.basic.user", user)?,
                secret("authorization.basic.password", password)?,
            )),
            Some(AuthorizationEntry::User(shown)) => Some(Authorization::User(*shown)),
            Some(AuthorizationEntry::ApiKey(key)) => {
                let value = secret("authorization.api_key.value", &key.value)?;
                let at = |name: &str| format!("{}.authorization.api_key.{name}", self.table);
                Some(match (&key.header, &key.parameter) {
                    (Some(header), None) => {
                        let header = http::HeaderName::from_bytes(header.as_bytes())
                            .map_err(|error| (at("header"), error.to_string()))?;
                        http::HeaderValue::from_str(value.expose())
                            .map_err(|error| (at("value"), error.to_string()))?;
                        Authorization::KeyHeader(header, value)
                    }
                    (None, Some(parameter)) => {
                        Authorization::KeyParameter(parameter.clone(), value)
                    }
                    _ => return wrong(&at("header"), "say either header or parameter"),
                })
            }
            Some(AuthorizationEntry::OAuth2(oauth2)) => {
                let key = |name: &str| format!("authorization.oauth2.{name}");
                let token_url = oauth2.token_url.resolve(variable);
                let token_url = token_url.and_then(|url| check_address(&url).map(|()| url));
                Some(Authorization::OAuth2(Box::new(OAuth2Settings {
                    token_url: token_url.map_err(|reason| {
                        (format!("{}.{}", self.table, key("token_url")), reason)
                    })?,
                    client_id: secret(&key("client_id"), &oauth2.client_id)?,
                    client_secret: secret(&key("client_secret"), &oauth2.client_secret)?,
                    scope: oauth2.scope.clone(),
                    refresh_token: oauth2
                        .refresh_token
                        .as_ref()
                        .map(|token| secret(&key("refresh_token"), token))
                        .transpose()?,
                    credentials: oauth2.credentials,
                })))
            }
        };
        Ok(Connection {
            headers,
            authorization,
            timeout_ms: self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
        })
    }
}

/// Reads the address of a back end, without a slash at its end.
pub(super) fn address(
    key: &str,
    value: &Text,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<String, KeyError> {
    let url = value.resolve(variable);
    let url = url.and_then(|url| check_address(&url).map(|()| url));
    url.map(|url| url.trim_end_matches('/').to_owned())
        .map_err(|reason| (key.to_owned(), reason))
}

/// Checks the address of a back end.
pub(crate) fn check_address(url: &str) -> Result<(), String> {
    if !url.contains("://") {
        return Err(format!("{url:?} does not begin with http:// or https://"));
    }
    let address: http::Uri = url.parse().map_err(|error| format!("{url:?}: {error}"))?;
    if !matches!(address.scheme_str(), Some("http" | "https")) || address.host().is_none() {
        return Err(format!("{url:?} is not an http or https address"));
    }
    if address.query().is_some() {
        return Err("has a query: ids and parameters could not be put behind it".to_owned());
    }
    Ok(())
}
