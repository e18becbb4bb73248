//! The settings of a source whose back end speaks the plugin protocol.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::settings::connection::{
    AuthorizationEntry, Connection, ConnectionEntry, DEFAULT_TIMEOUT_MS, address,
};
use crate::settings::{KeyError, Text, text};

/// A back end that speaks the plugin protocol.
#[derive(Debug, Clone)]
pub struct PluginSettings {
    /// Its address; the calls are below `<url>/rhoconnect/`.
    pub url: String,
    /// What it can do beside the calls every plugin has.
    pub methods: BTreeSet<PluginMethod>,
    /// What goes with every request.
    pub connection: Connection,
}

impl PluginSettings {
    /// The app server at this address.
    pub(crate) fn of_app_server(url: String) -> Self {
        Self {
            url,
            methods: BTreeSet::new(),
            connection: Connection::default(),
        }
    }
}

/// A call only some plugins have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PluginMethod {
    /// Finds objects.
    Search,
    /// Says what devices need to know of the source.
    Metadata,
    /// Says how devices store its objects.
    Schema,
    /// Decides whether a change may be made, before it is.
    Validate,
    /// Says which partition a user belongs to, for sources whose `partition` is `"adapter"`.
    Partition,
}

/// A back end that speaks the plugin protocol.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct PluginEntry {
    /// The plugin's address; the calls are below `<url>/rhoconnect/`.
    #[serde(serialize_with = "text::shown")]
    url: Text,
    /// What it can do beside the calls that every plugin has.
    #[serde(default)]
    methods: BTreeSet<PluginMethod>,
    /// Further headers of every request.
    #[serde(default)]
    headers: BTreeMap<String, Text>,
    /// How the server proves who it is.
    authorization: Option<AuthorizationEntry>,
    /// How long a call may take, in milliseconds (1 to 20 000); 10 000 where nothing is said.
    timeout_ms: Option<u64>,
}

impl PluginEntry {
    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.timeout_ms.get_or_insert(DEFAULT_TIMEOUT_MS);
    }

    pub(super) fn connection(&self) -> ConnectionEntry<'_> {
        ConnectionEntry {
            table: "http",
            headers: &self.headers,
            authorization: self.authorization.as_ref(),
            timeout_ms: self.timeout_ms,
        }
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        self.connection().check()
    }

    /// The texts that may be variables.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.connection().texts().chain([&self.url])
    }

    /// Puts the variables' values in.
    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<PluginSettings, KeyError> {
        Ok(PluginSettings {
            url: address("http.url", &self.url, variable)?,
            connection: self.connection().resolve(variable)?,
            methods: self.methods,
        })
    }
}
