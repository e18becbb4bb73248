//! What the app says once.

use std::fmt;

use serde::Deserialize;
use sync_proto::DeviceDescription;
use sync_store::{Key, SourceSpec};

/// How a database is opened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// The server's address, `https://sync.example.com`.
    pub server: String,
    /// The sources that the app works with.
    pub sources: Vec<SourceOptions>,
    /// What the server is told of the device.
    pub device: DeviceOptions,
    /// Most bytes of files that are kept, 512 MiB where it is not said. What can be had again makes room, what was not used for longest
    /// first.
    pub file_quota_bytes: Option<u64>,
    /// What the file is encrypted by, with the feature `encryption`. Without a key it is not.
    pub key: Option<Key>,
}

impl Options {
    /// A server, and sources by their names.
    pub fn new(server: &str, sources: &[&str]) -> Self {
        let sources = sources.iter().map(|name| SourceOptions::new(name));
        Self {
            server: server.to_owned(),
            sources: sources.collect(),
            device: DeviceOptions::default(),
            file_quota_bytes: None,
            key: None,
        }
    }
}

/// What the app wants of a source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceOptions {
    /// Its name.
    pub name: String,
    /// Attributes that the app knows of: each has a column from the beginning on. The columns of others come with the schema, or with the
    /// first object that has them.
    pub attributes: Vec<String>,
    /// Indexes, each over one attribute or more.
    pub indexes: Vec<Vec<String>>,
    /// Attributes that [`crate::Database::search`] looks into.
    pub search: Vec<String>,
}

impl SourceOptions {
    /// A source without indexes.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

impl From<SourceOptions> for SourceSpec {
    fn from(source: SourceOptions) -> Self {
        let SourceOptions {
            name,
            attributes,
            indexes,
            search,
        } = source;
        Self {
            name,
            attributes,
            indexes,
            search,
        }
    }
}

/// What the server is told of the device, so that it can wake it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceOptions {
    /// Platform: `ios`, `android` or `web`.
    pub kind: Option<String>,
    /// The push service where it is not the platform's own: `apns`, `fcm` or `webpush`.
    pub push_type: Option<String>,
    /// The push service's address of the device.
    pub push_token: Option<String>,
    /// Identifies the physical device.
    pub device_id: Option<String>,
    /// The app.
    pub app_id: Option<String>,
    /// Its version.
    pub app_version: Option<String>,
}

impl From<DeviceOptions> for DeviceDescription {
    fn from(device: DeviceOptions) -> Self {
        let DeviceOptions {
            kind,
            push_type,
            push_token,
            device_id,
            app_id,
            app_version,
        } = device;
        Self {
            device_type: kind,
            device_push_type: push_type,
            device_pin: push_token,
            device_port: None,
            phone_id: device_id,
            device_app_id: app_id,
            device_app_version: app_version,
        }
    }
}

/// Who signs in. `Debug` shows no secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        login: String,
        /// The password.
        password: String,
    },
    /// A token of the identity provider.
    Token {
        /// It.
        token: String,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password(***)",
            Self::Token { .. } => "Token(***)",
        })
    }
}

/// How a sync is done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncOptions {
    /// The sources; empty for all.
    pub sources: Vec<String>,
    /// When it has to be over, in milliseconds from now: systems give background work some seconds.
    pub deadline_ms: Option<u64>,
    /// Compares the copies with the server's also where nothing seems wrong.
    pub verify: bool,
}
