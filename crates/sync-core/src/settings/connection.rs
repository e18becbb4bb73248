//! Settings that all adapters over HTTP share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::{KeyError, Secret, Text, wrong};

/// How long a call to the back end may take where the file does not say, in milliseconds.
pub(super) const DEFAULT_TIMEOUT_MS: u64 = 10_000;

/// How long it may take at most: operations and refreshes are leased for longer than that.
const HIGHEST_TIMEOUT_MS: u64 = 20_000;

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
}

/// The keys of a connection, which stand in an adapter's table among others.
pub(super) struct ConnectionEntry<'a> {
    /// The adapter's table, `rest` for instance.
    pub(super) table: &'static str,
    pub(super) headers: &'a BTreeMap<String, Text>,
    pub(super) authorization: Option<&'a AuthorizationEntry>,
    pub(super) timeout_ms: Option<u64>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum AuthorizationEntry {
    Bearer(Text),
    Basic { user: Text, password: Text },
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

    /// The texts that may be variables.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'a Text> + use<'a> {
        let authorization = match self.authorization {
            None => [None, None],
            Some(AuthorizationEntry::Bearer(token)) => [Some(token), None],
            Some(AuthorizationEntry::Basic { user, password }) => [Some(user), Some(password)],
        };
        self.headers
            .values()
            .chain(authorization.into_iter().flatten())
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
    let address: http::Uri = url.parse().map_err(|error| format!("{url:?}: {error}"))?;
    if !matches!(address.scheme_str(), Some("http" | "https")) || address.host().is_none() {
        return Err(format!("{url:?} is not an http or https address"));
    }
    if address.query().is_some() {
        return Err("has a query: ids and parameters could not be put behind it".to_owned());
    }
    Ok(())
}
