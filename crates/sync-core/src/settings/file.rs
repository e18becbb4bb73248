//! The settings file as it is written: checked, but without the values of its variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use serde_json::Value;
use sync_jobs::JobsSettings;

use super::authentication::AuthenticationEntry;
use super::blobs::BlobsEntry;
use super::description::WrittenSettings;
use super::ping::PingEntry;
use super::source::SourceEntry;
use super::{DEFAULT_INSTANCE_MEMORY_BYTES, contents, jobs};
use crate::jobs::{Collect, QueryAll, Subscribe};
use crate::model::SourceName;
use crate::settings::{
    CorsSettings, DeviceSettings, Secret, Settings, SettingsError, SourceSettings,
};

/// How long a bulk data file may be handed out, in seconds, where files are made: a device looks every few seconds whether it is ready, and what a device
/// has to be told beside an older one would be most of it.
const BULK_SYNC_POLL_INTERVALS: RangeInclusive<u64> = 60..=604_800;

/// How long one may wait for an answer of Redis, in milliseconds.
const REDIS_TIMEOUT_MS: RangeInclusive<u64> = 100..=20_000;

/// Memory of an instance, in bytes: what it needs at least to work, and what one of 32 bits can have.
const INSTANCE_MEMORY_BYTES: RangeInclusive<usize> =
    DEFAULT_INSTANCE_MEMORY_BYTES..=u32::MAX as usize;

/// A settings file that was read, but whose variables have no values yet.
#[derive(Debug, Clone)]
pub struct SettingsFile {
    name: String,
    retention_days: u64,
    bulk_sync_poll_interval: u64,
    image_objects: u64,
    redis_timeout_ms: u64,
    instance_memory_bytes: usize,
    bulk_selections: Vec<BTreeSet<SourceName>>,
    authentication: AuthenticationEntry,
    ping: PingEntry,
    blobs: BlobsEntry,
    cors: CorsSettings,
    devices: DeviceSettings,
    stats: bool,
    jobs: JobsSettings,
    sources: BTreeMap<SourceName, SourceEntry>,
    written: WrittenSettings,
}

/// A part of the settings that only some components use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsPart {
    /// Who may sign in, and how that is found out.
    SignIn,
    /// How back ends are reached, and where they find devices' files.
    BackEnds,
    /// Where files are kept, if that is not Redis.
    BlobStore,
    /// How push services are reached.
    PushServices,
}

impl SettingsFile {
    /// Reads a settings file; `name` is told in errors.
    ///
    /// # Errors
    /// Text that is not TOML, keys that do not exist, and values that are not allowed.
    pub fn parse(name: &str, text: &str) -> Result<Self, SettingsError> {
        let error = |key: &str, reason: String| SettingsError {
            file: name.to_owned(),
            key: key.to_owned(),
            reason,
        };
        let values: Value = toml::from_str(text)
            .map_err(|cause| error("(syntax)", cause.to_string().trim_end().to_owned()))?;
        let contents = contents::contents(&values).map_err(|(key, reason)| error(&key, reason))?;
        let written = WrittenSettings::new(values);
        if contents.retention_days == 0 {
            return Err(error("retention_days", "must be at least 1".to_owned()));
        }
        let interval = contents.bulk_sync_poll_interval;
        if interval != 0 && !BULK_SYNC_POLL_INTERVALS.contains(&interval) {
            let (least, most) = BULK_SYNC_POLL_INTERVALS.into_inner();
            let reason = format!("must be 0 or between {least} and {most} seconds");
            return Err(error("bulk_sync_poll_interval", reason));
        }
        if !REDIS_TIMEOUT_MS.contains(&contents.redis_timeout_ms) {
            let (least, most) = REDIS_TIMEOUT_MS.into_inner();
            let reason = format!("must be between {least} and {most} milliseconds");
            return Err(error("redis_timeout_ms", reason));
        }
        if !INSTANCE_MEMORY_BYTES.contains(&contents.instance_memory_bytes) {
            let (least, most) = INSTANCE_MEMORY_BYTES.into_inner();
            let reason = format!("must be between {least} and {most} bytes");
            return Err(error("instance_memory_bytes", reason));
        }
        contents
            .authentication
            .check()
            .map_err(|(key, reason)| error(&format!("authentication.{key}"), reason))?;
        contents
            .blobs
            .check()
            .map_err(|(key, reason)| error(&format!("blobs.{key}"), reason))?;
        let cors = contents
            .cors
            .check()
            .map_err(|(key, reason)| error(&format!("cors.{key}"), reason))?;
        let devices = contents
            .devices
            .check()
            .map_err(|(key, reason)| error(&format!("devices.{key}"), reason))?;
        let jobs = contents
            .jobs
            .check()
            .map_err(|(key, reason)| error(&format!("jobs.{key}"), reason))?;
        let queues = jobs::check_queues(contents.queues)
            .map_err(|(key, reason)| error(&format!("queues.{key}"), reason))?;
        let mut schedules = BTreeMap::new();
        for (schedule, entry) in contents.schedules {
            let settings = entry
                .check(&schedule)
                .map_err(|(key, reason)| error(&format!("schedules.{schedule}.{key}"), reason))?;
            schedules.insert(schedule, settings);
        }
        let mut sources = BTreeMap::new();
        for (source, entry) in contents.sources {
            let table = format!("sources.{source}");
            let source =
                SourceName::parse(source).map_err(|cause| error(&table, cause.to_string()))?;
            entry
                .check()
                .map_err(|(key, reason)| error(&format!("{table}.{key}"), reason))?;
            sources.insert(source, entry);
        }
        Ok(Self {
            name: name.to_owned(),
            retention_days: contents.retention_days,
            bulk_sync_poll_interval: contents.bulk_sync_poll_interval,
            image_objects: contents.image_objects,
            redis_timeout_ms: contents.redis_timeout_ms,
            instance_memory_bytes: contents.instance_memory_bytes,
            bulk_selections: contents.bulk_selections,
            authentication: contents.authentication,
            ping: contents.ping,
            blobs: contents.blobs,
            cors,
            devices,
            stats: contents.stats,
            jobs: JobsSettings {
                queues,
                schedules,
                ..jobs
            },
            sources,
            written,
        })
    }

    /// Leaves out the parts that a component does not use, and the variables that only they refer to.
    pub fn only(mut self, parts: &[SettingsPart]) -> Self {
        let unused = |part| !parts.contains(&part);
        if unused(SettingsPart::SignIn) {
            self.authentication = AuthenticationEntry::default();
        }
        if unused(SettingsPart::BackEnds) {
            self.sources
                .values_mut()
                .for_each(SourceEntry::leave_out_back_end);
            self.blobs.leave_out_public_url();
        }
        if unused(SettingsPart::BlobStore) {
            self.blobs.leave_out_store();
        }
        if unused(SettingsPart::PushServices) {
            self.ping.leave_out_services();
        }
        self
    }

    /// Leaves out all sources but one, and the variables that only they refer to.
    pub fn only_source(mut self, source: &str) -> Self {
        self.sources.retain(|name, _| name.as_str() == source);
        self
    }

    /// Sources by name.
    pub fn source_names(&self) -> impl Iterator<Item = &SourceName> {
        self.sources.keys()
    }

    /// The names of the variables the file refers to.
    pub fn variables(&self) -> BTreeSet<&str> {
        self.sources
            .values()
            .flat_map(SourceEntry::variables)
            .chain(self.authentication.variables())
            .chain(self.ping.variables())
            .chain(self.blobs.variables())
            .collect()
    }

    /// Puts the variables' values in.
    ///
    /// # Errors
    /// A variable that has no value, and an address that is none once the values are in.
    pub fn resolve(
        self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Settings, SettingsError> {
        let values = self.variables().into_iter();
        let values =
            values.filter_map(|name| Some((name.to_owned(), Secret::new(variable(name)?))));
        let written = self.written.clone().with_variables(values.collect());
        let Self {
            name,
            retention_days,
            bulk_sync_poll_interval,
            image_objects,
            redis_timeout_ms,
            instance_memory_bytes,
            bulk_selections,
            authentication,
            ping,
            blobs,
            cors,
            devices,
            stats,
            mut jobs,
            sources,
            written: _,
        } = self;
        let wrong = |key: String, reason: String| SettingsError {
            file: name.clone(),
            key,
            reason,
        };
        let authentication = authentication
            .resolve(&variable)
            .map_err(|(key, reason)| wrong(format!("authentication.{key}"), reason))?;
        let ping = ping
            .resolve(&variable)
            .map_err(|(key, reason)| wrong(key, reason))?;
        let blobs = blobs
            .resolve(&variable)
            .map_err(|(key, reason)| wrong(format!("blobs.{key}"), reason))?;
        let sources = sources
            .into_iter()
            .map(|(source, entry)| {
                let settings = entry
                    .resolve(&variable)
                    .map_err(|(key, reason)| wrong(format!("sources.{source}.{key}"), reason))?;
                Ok((source, settings))
            })
            .collect::<Result<BTreeMap<_, SourceSettings>, _>>()?;
        let in_background = sources.iter().filter_map(|(name, source)| {
            let (seconds, queue) = source.in_background()?;
            Some(QueryAll::schedule(name, seconds, queue))
        });
        let subscribed = sources.iter().filter(|(_, source)| source.subscribes());
        let subscribed = subscribed.map(|(name, _)| Subscribe::schedule(name));
        jobs.schedules.extend(in_background);
        jobs.schedules.extend(subscribed);
        jobs.schedules.extend(Collect::schedules());
        Ok(Settings {
            retention_days,
            bulk_sync_poll_interval,
            image_objects,
            redis_timeout_ms,
            instance_memory_bytes,
            bulk_selections,
            authentication,
            ping,
            blobs,
            cors,
            devices,
            stats,
            jobs,
            sources,
            written,
        })
    }
}
