//! The settings file of an application, `rhosync.toml`.
//!
//! Reading takes two steps, since a component can look up a variable only when it knows its name: [`SettingsFile::parse`]
//! checks the file, [`SettingsFile::resolve`] puts the variables' values in.

mod authentication;
mod blobs;
mod connection;
mod contents;
mod cors;
mod delta;
mod description;
mod devices;
mod file;
mod hook;
mod jobs;
mod mapping;
mod operation;
mod paging;
mod partition;
mod ping;
mod plugin;
#[cfg(test)]
mod reference;
mod rest;
mod soap;
mod source;
mod sql;
mod subscribe;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use sync_jobs::JobsSettings;

use crate::model::SourceName;
pub(crate) use authentication::LoginLimits;
pub use authentication::{AuthenticationMethod, AuthenticationSettings, JwtSettings};
pub use blobs::{BlobSettings, S3Settings};
pub use ping::{ApnsSettings, FcmSettings, PingSettings, WebPushSettings};

pub(crate) use connection::check_address;
pub(crate) use text::Text;

pub use connection::{
    Authorization, Connection, OAuth2Credentials, OAuth2Settings, UserAuthorization,
};
pub use cors::{CorsSettings, Origins};
pub(crate) use delta::{DeltaSettings, Mark};
use description::WrittenSettings;
pub use description::{SettingDescription, SettingOrigin};
pub(crate) use description::{setting_key, text_of_setting};
pub use devices::DeviceSettings;
pub use file::{SettingsFile, SettingsPart};
pub(crate) use hook::{HookSettings, Proof};
pub(crate) use operation::Operation;
pub use paging::{CursorPaging, NextPath, Paging};
pub(crate) use partition::{MemberRule, Naming};
pub use plugin::{PluginMethod, PluginSettings};
pub(crate) use rest::ReadSettings;
pub use rest::{RestSettings, UpdateMethod};
pub(crate) use soap::{PasswordKind, SoapSettings, UsernameToken};
pub use source::{AdapterSettings, SourceSettings};
pub use sql::SqlSettings;
pub(crate) use sql::{ChangesToldBy, Dialect, Piece, Relation, SqlChanges, Statement, ValueName};
pub(crate) use subscribe::{KeptHook, SubscribeSettings};
pub use text::Secret;

/// Days a client may be silent before it must start over, where the file does not say.
const DEFAULT_RETENTION_DAYS: u64 = 60;

/// How long a bulk data file is handed out where the file does not say, in seconds.
const DEFAULT_BULK_SYNC_POLL_INTERVAL: u64 = 3_600;

/// How many objects a copy has of which images are made, where the file does not say: fewer are two pages.
const DEFAULT_IMAGE_OBJECTS: u64 = 1_000;

/// How long a component waits for an answer of Redis where the file does not say, in milliseconds.
const DEFAULT_REDIS_TIMEOUT_MS: u64 = 2_000;

/// Memory of an instance where the file does not say, in bytes.
const DEFAULT_INSTANCE_MEMORY_BYTES: usize = 128 * 1024 * 1024;

/// A key below a table, and what is wrong with it.
type KeyError = (String, String);

fn wrong<T>(key: &str, reason: impl Into<String>) -> Result<T, KeyError> {
    Err((key.to_owned(), reason.into()))
}

/// The settings of an application.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Days a client may be silent before it loses its cursor and must start over.
    pub retention_days: u64,
    /// How long a bulk data file is handed out before another is made, in seconds. 0: none are made.
    pub bulk_sync_poll_interval: u64,
    /// How many objects a copy has at least of which images are made for first syncs. 0: none are made.
    pub image_objects: u64,
    /// How long a component waits for an answer of Redis, in milliseconds.
    pub redis_timeout_ms: u64,
    /// Memory that an instance of a component may use, in bytes.
    pub instance_memory_bytes: usize,
    /// The sources of which a bulk data file is made together, beside single ones and all of a partition.
    pub bulk_selections: Vec<BTreeSet<SourceName>>,
    /// Who may sign in.
    pub authentication: AuthenticationSettings,
    /// How devices are woken.
    pub ping: PingSettings,
    /// How blobs are kept.
    pub blobs: BlobSettings,
    /// Whose pages may call the server from browsers.
    pub cors: CorsSettings,
    /// How often devices with our own library come.
    pub devices: DeviceSettings,
    /// Whether the old stats are kept.
    pub stats: bool,
    /// How jobs run, which limits their queues have, and which of them recur.
    pub jobs: JobsSettings,
    /// Sources by name.
    pub sources: BTreeMap<SourceName, SourceSettings>,
    written: WrittenSettings,
}

impl Settings {
    /// Finds a source.
    pub fn source(&self, name: &str) -> Option<(&SourceName, &SourceSettings)> {
        let name = SourceName::parse(name).ok()?;
        self.sources.get_key_value(&name)
    }

    /// Whether the file has a table, `ping.apns` for instance, also of the parts that this component leaves out.
    pub fn has_table(&self, table: &str) -> bool {
        self.written.has_table(table)
    }

    /// What a source's callback at its back end can be removed by when the source is not in the settings any more.
    pub(crate) fn kept_hook(&self, source: &SourceName) -> Option<Secret> {
        let hook = ["sources", source.as_str(), "hook"];
        let hook = self.written.filled_in(&hook)?;
        Some(Secret::new(KeptHook::text_of(&hook)))
    }

    /// Every setting that is in force, also of the parts that this component leaves out; what is secret is not told.
    pub fn describe(&self) -> Vec<SettingDescription> {
        self.written.describe()
    }

    /// Adds a variable that the component has beside the file to what is described; an empty one is not set.
    pub fn note_variable(&mut self, name: &str, value: &str, is_secret: bool) {
        self.written.note_variable(name, value, is_secret);
    }
}

/// Why the settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {key}: {reason}")]
pub struct SettingsError {
    /// The file.
    pub file: String,
    /// The key, with its tables, `sources.Product.rest.url` for instance.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}
