//! The settings `authentication`: who may sign in, and who decides that.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::settings::{KeyError, Text, check_address, text, wrong};

/// How far the clocks of an identity provider and of this server may be apart, in seconds, where the file does not say.
const DEFAULT_LEEWAY_SECONDS: u64 = 60;

/// Most of it: whoever needs more has no clock.
const MAX_LEEWAY_SECONDS: u64 = 600;

/// How long a password that was right is remembered where the file does not say, in seconds.
const DEFAULT_REMEMBERED_SECONDS: u64 = 300;

/// Most of it, in seconds.
const MAX_REMEMBERED_SECONDS: u64 = 3_600;

/// Longest time for which logins that failed may count, in seconds: a day.
const MAX_WINDOW_SECONDS: u64 = 86_400;

/// Who may sign in, and how that is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthenticationSettings {
    /// Who knows users' passwords.
    pub method: AuthenticationMethod,
    /// Tokens that devices may send in place of a session.
    pub jwt: Option<JwtSettings>,
    /// How long a password that was right is known again by a digest that costs nothing, in seconds. 0: not at all.
    pub remembered_seconds: u64,
    /// How many logins may fail.
    pub limits: LoginLimits,
    /// Who is believed when he says for whom he asks.
    pub trusted_proxies: Vec<IpNet>,
}

/// How many logins may fail within a time. Those that succeed count nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoginLimits {
    /// At one account, from one address.
    pub failures_per_account: u64,
    /// From one address, at whatever accounts. The administrator's are counted by themselves.
    pub failures_per_address: u64,
    /// For how long a failure counts, in seconds.
    pub window_seconds: u64,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            failures_per_account: 10,
            failures_per_address: 200,
            window_seconds: 300,
        }
    }
}

/// Who knows users' passwords. The administrator's is always the server's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// The server.
    #[default]
    Local,
    /// A back end that speaks the plugin protocol.
    BackEnd {
        /// Its address.
        url: String,
    },
}

/// Tokens of an identity provider (RFC 7519).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtSettings {
    /// What `iss` must be.
    pub issuer: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// Where the provider's public keys are (RFC 7517).
    pub jwks_url: String,
    /// How far the clocks may be apart, in seconds.
    pub leeway_seconds: u64,
    /// The claim that is the user's name.
    pub user_claim: String,
    /// Claims that become attributes of the user, by the attributes' names.
    pub user_attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthenticationEntry {
    #[serde(default)]
    method: Method,
    #[serde(default, serialize_with = "text::shown_if_any")]
    url: Option<Text>,
    jwt: Option<JwtEntry>,
    remembered_seconds: Option<u64>,
    #[serde(default)]
    limits: LoginLimits,
    #[serde(default)]
    trusted_proxies: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    #[default]
    Local,
    BackEnd,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct JwtEntry {
    #[serde(serialize_with = "text::shown")]
    issuer: Text,
    #[serde(serialize_with = "text::shown")]
    audience: Text,
    #[serde(serialize_with = "text::shown")]
    jwks_url: Text,
    #[serde(default = "default_leeway")]
    leeway_seconds: u64,
    #[serde(default = "default_user_claim")]
    user_claim: String,
    #[serde(default)]
    user_attributes: BTreeMap<String, String>,
}

const fn default_leeway() -> u64 {
    DEFAULT_LEEWAY_SECONDS
}

fn default_user_claim() -> String {
    "sub".to_owned()
}

impl AuthenticationEntry {
    pub(super) fn check(&self) -> Result<(), KeyError> {
        match (self.method, &self.url) {
            (Method::BackEnd, None) => {
                return wrong("url", "the back end that knows the users needs an address");
            }
            (Method::Local, Some(_)) => {
                return wrong("url", "is for the method \"back-end\" only");
            }
            _ => {}
        }
        let LoginLimits {
            failures_per_account,
            failures_per_address,
            window_seconds,
        } = self.limits;
        if failures_per_account == 0 || failures_per_address == 0 {
            return wrong("limits", "nobody could log in: allow one failure at least");
        }
        if !(1..=MAX_WINDOW_SECONDS).contains(&window_seconds) {
            return wrong(
                "limits.window_seconds",
                format!("must be between 1 and {MAX_WINDOW_SECONDS}"),
            );
        }
        if self.remembered_seconds() > MAX_REMEMBERED_SECONDS {
            return wrong(
                "remembered_seconds",
                format!("must be at most {MAX_REMEMBERED_SECONDS}"),
            );
        }
        self.networks()?;
        if let Some(jwt) = &self.jwt {
            if jwt.leeway_seconds > MAX_LEEWAY_SECONDS {
                return wrong(
                    "jwt.leeway_seconds",
                    format!("must be at most {MAX_LEEWAY_SECONDS}"),
                );
            }
            if jwt.user_claim.is_empty() {
                return wrong("jwt.user_claim", "must not be empty");
            }
        }
        Ok(())
    }

    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.remembered_seconds = Some(self.remembered_seconds());
    }

    fn remembered_seconds(&self) -> u64 {
        self.remembered_seconds
            .unwrap_or(DEFAULT_REMEMBERED_SECONDS)
    }

    /// The proxies: networks, or single addresses.
    fn networks(&self) -> Result<Vec<IpNet>, KeyError> {
        let parse = |text: &String| {
            let network = text.parse::<IpNet>();
            let network = network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            let why = || format!("{text:?} is no address, and no network such as 10.0.0.0/8");
            network.or_else(|_| wrong("trusted_proxies", why()))
        };
        self.trusted_proxies.iter().map(parse).collect()
    }

    /// The variables the entry refers to.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let jwt = self
            .jwt
            .iter()
            .flat_map(|jwt| [&jwt.issuer, &jwt.audience, &jwt.jwks_url]);
        self.url.iter().chain(jwt).filter_map(Text::variable)
    }

    pub(super) fn resolve(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<AuthenticationSettings, KeyError> {
        let text = |key: &str, text: &Text| -> Result<String, KeyError> {
            let value = text
                .resolve(variable)
                .map_err(|why| (key.to_owned(), why))?;
            if value.is_empty() {
                return wrong(key, "must not be empty");
            }
            Ok(value)
        };
        let address = |key: &str, entry: &Text| -> Result<String, KeyError> {
            let url = text(key, entry)?;
            // Keys may be behind a query, and nothing is put behind it.
            let bare = url.split('?').next().unwrap_or_default();
            check_address(bare).map_err(|why| (key.to_owned(), why))?;
            Ok(url)
        };
        let method = match &self.url {
            None => AuthenticationMethod::Local,
            Some(url) => AuthenticationMethod::BackEnd {
                url: address("url", url)?,
            },
        };
        let jwt = match &self.jwt {
            None => None,
            Some(jwt) => Some(JwtSettings {
                issuer: text("jwt.issuer", &jwt.issuer)?,
                audience: text("jwt.audience", &jwt.audience)?,
                jwks_url: address("jwt.jwks_url", &jwt.jwks_url)?,
                leeway_seconds: jwt.leeway_seconds,
                user_claim: jwt.user_claim.clone(),
                user_attributes: jwt.user_attributes.clone(),
            }),
        };
        Ok(AuthenticationSettings {
            method,
            remembered_seconds: self.remembered_seconds(),
            jwt,
            limits: self.limits,
            trusted_proxies: self.networks()?,
        })
    }
}
