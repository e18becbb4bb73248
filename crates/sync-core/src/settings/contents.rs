//! What the tables of a settings file are read into, and where in the file it is wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::SourceName;
use crate::settings::authentication::AuthenticationEntry;
use crate::settings::blobs::BlobsEntry;
use crate::settings::cors::CorsEntry;
use crate::settings::devices::DevicesEntry;
use crate::settings::jobs::{JobsEntry, QueueEntry, ScheduleEntry};
use crate::settings::ping::PingEntry;
use crate::settings::source::SourceEntry;
use crate::settings::{
    DEFAULT_BULK_SYNC_POLL_INTERVAL, DEFAULT_IMAGE_OBJECTS, DEFAULT_INSTANCE_MEMORY_BYTES,
    DEFAULT_REDIS_TIMEOUT_MS, DEFAULT_RETENTION_DAYS, KeyError,
};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    #[serde(default = "default_retention_days")]
    pub(super) retention_days: u64,
    #[serde(default = "default_bulk_sync_poll_interval")]
    pub(super) bulk_sync_poll_interval: u64,
    #[serde(default = "default_image_objects")]
    pub(super) image_objects: u64,
    #[serde(default = "default_redis_timeout_ms")]
    pub(super) redis_timeout_ms: u64,
    #[serde(default = "default_instance_memory_bytes")]
    pub(super) instance_memory_bytes: usize,
    #[serde(default)]
    pub(super) bulk_selections: Vec<BTreeSet<SourceName>>,
    #[serde(default)]
    pub(super) authentication: AuthenticationEntry,
    #[serde(default)]
    pub(super) ping: PingEntry,
    #[serde(default)]
    pub(super) blobs: BlobsEntry,
    #[serde(default)]
    pub(super) cors: CorsEntry,
    #[serde(default)]
    pub(super) devices: DevicesEntry,
    #[serde(default)]
    pub(super) stats: bool,
    #[serde(default)]
    pub(super) jobs: JobsEntry,
    #[serde(default)]
    pub(super) queues: BTreeMap<String, QueueEntry>,
    #[serde(default)]
    pub(super) schedules: BTreeMap<String, ScheduleEntry>,
    #[serde(default)]
    pub(super) sources: BTreeMap<String, SourceEntry>,
}

impl Contents {
    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        self.authentication.fill_in();
        self.ping.fill_in();
        self.blobs.fill_in();
        self.sources.values_mut().for_each(SourceEntry::fill_in);
    }
}

const fn default_retention_days() -> u64 {
    DEFAULT_RETENTION_DAYS
}

const fn default_bulk_sync_poll_interval() -> u64 {
    DEFAULT_BULK_SYNC_POLL_INTERVAL
}

const fn default_image_objects() -> u64 {
    DEFAULT_IMAGE_OBJECTS
}

const fn default_redis_timeout_ms() -> u64 {
    DEFAULT_REDIS_TIMEOUT_MS
}

const fn default_instance_memory_bytes() -> usize {
    DEFAULT_INSTANCE_MEMORY_BYTES
}

/// Reads the tables of a settings file. Where they are wrong: the key, and why.
///
/// They are read from JSON's values, not by the TOML parser, which would come once for each table's type: a quarter of
/// every component.
pub(super) fn contents(file: &Value) -> Result<Contents, KeyError> {
    Contents::deserialize(file).map_err(|cause| {
        let reason = cause.to_string();
        (place_of(file, &reason), reason)
    })
}

/// The key of the entry at which reading a file ends with `reason`.
///
/// Reading goes through a table in order and ends at the first mistake. So the mistake is in the last of the fewest entries that
/// have it; if there is no entry that it needs, it is the table itself that is wrong. That is slow, but only for files that
/// are wrong: a deserializer that always knows where it is comes once for each table's type too.
fn place_of(file: &Value, reason: &str) -> String {
    let mut file = file.clone();
    let mut place = Place::default();
    while place.descend(&mut file, reason) {}
    place.key
}

/// A place in a file.
#[derive(Default)]
struct Place {
    /// As JSON has it.
    pointer: String,
    /// As people have it.
    key: String,
}

impl Place {
    /// Goes down to the entry with the mistake, and leaves out what comes behind it. False when there is none.
    fn descend(&mut self, file: &mut Value, reason: &str) -> bool {
        let Some(table) = file.pointer_mut(&self.pointer) else {
            return false;
        };
        match table.take() {
            Value::Object(entries) => {
                *table = Value::Object(Map::new());
                let mut entries = entries.into_iter();
                let found = self.first(file, reason, |table| {
                    let (name, value) = entries.next()?;
                    table.as_object_mut()?.insert(name.clone(), value);
                    Some(name)
                });
                let Some(name) = found else { return false };
                if !self.key.is_empty() {
                    self.key.push('.');
                }
                self.key.push_str(&name);
                self.go_to(&name);
            }
            Value::Array(values) => {
                *table = Value::Array(Vec::new());
                let mut values = values.into_iter().enumerate();
                let found = self.first(file, reason, |table| {
                    let (index, value) = values.next()?;
                    table.as_array_mut()?.push(value);
                    Some(index)
                });
                let Some(index) = found else { return false };
                let index = index.to_string();
                self.key.extend(["[", &index, "]"]);
                self.go_to(&index);
            }
            plain => {
                *table = plain;
                return false;
            }
        }
        true
    }

    /// Adds one entry after the other to the table until the file has the mistake; `None` if it has it without any.
    fn first<T>(
        &self,
        file: &mut Value,
        reason: &str,
        mut add: impl FnMut(&mut Value) -> Option<T>,
    ) -> Option<T> {
        let mut last = None;
        while !is_wrong(file, reason) {
            last = Some(add(file.pointer_mut(&self.pointer)?)?);
        }
        last
    }

    fn go_to(&mut self, name: &str) {
        self.pointer.push('/');
        self.pointer
            .push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
}

fn is_wrong(file: &Value, reason: &str) -> bool {
    Contents::deserialize(file).is_err_and(|cause| cause.to_string() == reason)
}
