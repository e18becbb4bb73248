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
mod hook;
mod jobs;
mod mapping;
mod operation;
mod paging;
mod ping;
mod plugin;
#[cfg(test)]
mod reference;
mod rest;
mod soap;
mod source;
mod sql;
mod subscribe;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sync_jobs::JobsSettings;

use crate::jobs::{Collect, QueryAll, Subscribe};
use crate::model::SourceName;
use authentication::AuthenticationEntry;
pub(crate) use authentication::LoginLimits;
pub use authentication::{AuthenticationMethod, AuthenticationSettings, JwtSettings};
use blobs::BlobsEntry;
pub use blobs::{BlobSettings, S3Settings};
use ping::PingEntry;
pub use ping::{ApnsSettings, FcmSettings, PingSettings, WebPushSettings};
use source::SourceEntry;

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
pub(crate) use hook::{HookSettings, Proof};
pub(crate) use operation::Operation;
pub use paging::{CursorPaging, NextPath, Paging};
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

/// How long one may be handed out, in seconds, where files are made: a device looks every few seconds whether it is ready, and what a device
/// has to be told beside an older one would be most of it.
const BULK_SYNC_POLL_INTERVALS: std::ops::RangeInclusive<u64> = 60..=604_800;

/// How long a component waits for an answer of Redis where the file does not say, in milliseconds.
const DEFAULT_REDIS_TIMEOUT_MS: u64 = 2_000;

/// Memory of an instance where the file does not say, in bytes.
const DEFAULT_INSTANCE_MEMORY_BYTES: usize = 128 * 1024 * 1024;

/// What an instance needs at least to work, and what one of 32 bits can have.
const REDIS_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=20_000;
const INSTANCE_MEMORY_BYTES: std::ops::RangeInclusive<usize> =
    DEFAULT_INSTANCE_MEMORY_BYTES..=u32::MAX as usize;

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
                    .map_err(|(key, reason)| SettingsError {
                        file: name.clone(),
                        key: format!("sources.{source}.{key}"),
                        reason,
                    })?;
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
            stats,
            jobs,
            sources,
            written,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PartitionRule, PollInterval};

    fn load(text: &str) -> Result<Settings, SettingsError> {
        SettingsFile::parse("rhosync.toml", text)?
            .resolve(|name| (name == "crm_url").then(|| "http://crm.example:8080".to_owned()))
    }

    #[test]
    fn a_full_file_is_understood() {
        let settings = load(
            r#"
            retention_days = 30

            [blobs]
            quota_bytes = 1000

            [blobs.s3]
            endpoint = { variable = "crm_url" }
            bucket = "rhosync"
            region = "eu-central-1"
            access_key = "key"
            secret_key = { variable = "crm_url" }

            [sources.Product]
            adapter = "rest"
            partition = "app"
            poll_interval = 60
            max_page_size = 1000
            queue = "adapter.slow"
            background = true

            [sources.Product.rest]
            url = { variable = "crm_url", path = "/api/products" }
            records = "/items"
            id = "sku"
            update_method = "PATCH"
            timeout_ms = 5000
            headers = { Accept-Language = "en" }
            authorization = { bearer = { variable = "crm_url" } }
            types = { price = "number", active = "boolean" }
            paging = { parameter = "page", size_parameter = "per_page", size = 200 }

            [sources.Note]
            adapter = "push-only"

            [jobs]
            lease_seconds = 10

            [queues."adapter.slow"]
            concurrency = 2
            rate = { starts = 10, per_seconds = 60 }

            [schedules.nightly]
            job = "report"
            queue = "adapter"
            cron = "0 3 * * *"
            payload = { kind = "short" }
            "#,
        )
        .unwrap();
        let (_, product) = settings.source("Product").unwrap();
        assert_eq!(product.partition, PartitionRule::App);
        assert_eq!(product.poll_interval, PollInterval::Seconds(60));
        let AdapterSettings::Rest(rest) = &product.adapter else {
            panic!("not rest")
        };
        assert_eq!(rest.url, "http://crm.example:8080/api/products");
        assert_eq!(
            (settings.blobs.max_bytes, settings.blobs.quota_bytes),
            (100 << 20, 1000)
        );
        assert_eq!(
            settings.blobs.s3.as_ref().unwrap().endpoint,
            "http://crm.example:8080"
        );
        let (_, note) = settings.source("Note").unwrap();
        assert_eq!(
            (note.partition, note.poll_interval),
            (PartitionRule::User, PollInterval::Never)
        );
        assert!(
            !format!("{settings:?}").contains("bearer\": \"http")
                && !format!("{settings:?}").contains("key: \"http"),
            "secrets print as ***"
        );
    }

    #[test]
    fn a_component_needs_the_variables_of_the_parts_it_uses() {
        let file = SettingsFile::parse(
            "rhosync.toml",
            r#"
            [authentication]
            method = "back-end"
            url = { variable = "accounts" }

            [blobs]
            public_url = { variable = "own" }

            [blobs.s3]
            endpoint = { variable = "s3" }
            bucket = "b"
            region = "r"
            access_key = "a"
            secret_key = { variable = "s3_key" }

            [ping]
            window_seconds = 5

            [ping.web]
            subject = "mailto:a@example.com"
            private_key = { variable = "vapid" }

            [sources.Product]
            adapter = "rest"
            poll_interval = 60
            queue = "adapter"
            background = true

            [sources.Product.rest]
            url = { variable = "crm" }

            [sources.Customer]
            adapter = "http"

            [sources.Customer.http]
            url = { variable = "erp" }
            "#,
        )
        .unwrap();
        for (parts, variables) in [
            (&[SettingsPart::SignIn][..], &["accounts"][..]),
            (&[SettingsPart::BackEnds], &["crm", "erp", "own"]),
            (&[SettingsPart::BlobStore], &["s3", "s3_key"]),
            (&[SettingsPart::PushServices], &["vapid"]),
            (
                &[SettingsPart::SignIn, SettingsPart::BackEnds],
                &["accounts", "crm", "erp", "own"],
            ),
            (&[], &[]),
        ] {
            let file = file.clone().only(parts);
            assert_eq!(Vec::from_iter(file.variables()), variables, "{parts:?}");
        }

        let settings = file.only(&[]).resolve(|_| None).unwrap();
        assert_eq!(settings.ping.window_seconds, 5);
        assert_eq!(
            settings.jobs.schedules.len(),
            3,
            "queries in the background, and what collects"
        );
        let (_, customer) = settings.source("Customer").unwrap();
        assert_eq!(customer.poll_interval, PollInterval::Seconds(300));
    }

    #[test]
    fn mistakes_are_named_with_file_key_and_reason() {
        let cases = [
            (
                "[sources.A]\nadapter = \"rest\"\ncolour = 1",
                "sources.A.colour",
            ),
            (
                "[sources.A]\nadapter = \"carrier-pigeon\"",
                "sources.A.adapter",
            ),
            ("[sources.A]\nadapter = \"rest\"", "sources.A.rest"),
            (
                "[sources.A]\nadapter = \"push-only\"\npoll_interval = 5",
                "sources.A.poll_interval",
            ),
            (
                "[sources.A]\nadapter = \"push-only\"\npoll_interval = -2",
                "sources.A.poll_interval",
            ),
            (
                "[sources.A]\nadapter = \"push-only\"\nmax_page_size = 0",
                "sources.A.max_page_size",
            ),
            (
                "[sources.A]\nadapter = \"push-only\"\npass_through = true",
                "sources.A.pass_through",
            ),
            (
                "[sources.A]\nadapter = \"rust\"\nrust = \"x\"\npass_through = true\nmetadata = \"m\"",
                "sources.A.metadata",
            ),
            (
                "[sources.A]\nadapter = \"push-only\"\nschema = { property = {} }",
                "sources.A.schema",
            ),
            ("[sources.\"a:b\"]\nadapter = \"push-only\"", "sources.a:b"),
            (
                "[sources.A]\nadapter = \"rest\"\n[sources.A.rest]\nurl = \"ftp://x\"",
                "sources.A.rest.url",
            ),
            (
                "[sources.A]\nadapter = \"rest\"\n[sources.A.rest]\nurl = { variable = \"nope\" }",
                "sources.A.rest.url",
            ),
            (
                "[sources.A]\nadapter = \"rest\"\n[sources.A.rest]\nurl = \"http://x\"\nrecords = \"items\"",
                "sources.A.rest.records",
            ),
            // What one user is shown would be everybody's.
            (
                "[sources.A]\nadapter = \"rest\"\npartition = \"app\"\n[sources.A.rest]\nurl = \"http://x\"\nauthorization = { user = \"basic\" }",
                "sources.A.rest.authorization.user",
            ),
            (
                "[sources.A]\nadapter = \"http\"\npartition = \"{{ user.region }}\"\nhttp = { url = \"http://x\", authorization = { user = \"bearer\" } }",
                "sources.A.http.authorization.user",
            ),
            ("retention_days = 0", "retention_days"),
            ("[blobs]\nmax_bytes = 0", "blobs.max_bytes"),
            ("[blobs]\ncolour = 1", "blobs"),
            ("[cors]\ncolour = 1", "cors"),
            (
                "[authentication]\nmethod = \"guess\"",
                "authentication.method",
            ),
            (
                "[authentication]\nmethod = \"back-end\"",
                "authentication.url",
            ),
            ("[authentication]\nurl = \"http://x\"", "authentication.url"),
            (
                "[authentication]\nmethod = \"back-end\"\nurl = \"x\"",
                "authentication.url",
            ),
            ("[authentication.jwt]\nissuer = \"i\"", "authentication.jwt"),
            (
                "[authentication.jwt]\nissuer = \"i\"\naudience = \"\"\njwks_url = \"http://x\"",
                "authentication.jwt.audience",
            ),
            (
                "[authentication.jwt]\nissuer = \"i\"\naudience = \"a\"\njwks_url = \"http://x\"\nleeway_seconds = 3600",
                "authentication.jwt.leeway_seconds",
            ),
            ("[cors]\norigins = [\"app.example\"]", "cors.origins"),
            ("[blobs]\npublic_url = \"sync.example\"", "blobs.public_url"),
            (
                "[blobs.s3]\nendpoint = \"http://x\"\nbucket = \"b\"\nregion = \"r\"\naccess_key = \"a\"\nsecret_key = { variable = \"nope\" }",
                "blobs.s3.secret_key",
            ),
            ("[blobs.s3]\nendpoint = \"http://x\"", "blobs.s3"),
            ("bulk_sync_poll_interval = 5", "bulk_sync_poll_interval"),
            (
                "[sources.A]\nadapter = \"push-only\"\nbelongs_to = { brand = \"a:b\" }",
                "sources.A.belongs_to.brand",
            ),
            ("[jobs]\nlease_seconds = 0", "jobs.lease_seconds"),
            ("[jobs]\ndead_days = 0", "jobs.dead_days"),
            ("[jobs]\ndead_jobs = 0", "jobs.dead_jobs"),
            ("[queues.x]\nconcurrency = 0", "queues.x.concurrency"),
            (
                "[queues.x]\nrate = { starts = 0, per_seconds = 1 }",
                "queues.x.rate",
            ),
            ("[queues.\"a b\"]", "queues.a b"),
            (
                "[schedules.x]\njob = \"j\"\nqueue = \"adapter\"\ncron = \"0 25 * * *\"",
                "schedules.x.cron",
            ),
            (
                "[schedules.x]\njob = \"j\"\nqueue = \"adapter\"\ncron = \"0 0 30 2 *\"",
                "schedules.x.cron",
            ),
            (
                "[schedules.x]\njob = \"j\"\nqueue = \"adapter\"\nevery_seconds = 0",
                "schedules.x.every_seconds",
            ),
            (
                "[schedules.x]\njob = \"j\"\nqueue = \"adapter\"",
                "schedules.x.cron",
            ),
            (
                "[sources.P]\nadapter = \"push-only\"\nqueue = \"adapter\"",
                "sources.P.queue",
            ),
            (
                "[sources.P]\nadapter = \"rust\"\nrust = \"x\"\nqueue = \"slow\"",
                "sources.P.queue",
            ),
            (
                "[sources.P]\nadapter = \"rust\"\nrust = \"x\"\nbackground = true",
                "sources.P.background",
            ),
            ("sources = 3", "sources"),
            ("colour = 1", "colour"),
            (
                "bulk_selections = [[\"A\"], [\"B\", 5]]",
                "bulk_selections[1][1]",
            ),
            (
                "[sources.A]\nadapter = \"push-only\"\ncolour = 1\n[sources.B]\nadapter = \"push-only\"\ncolour = 1",
                "sources.A.colour",
            ),
            (
                "[sources.\"a/~1\"]\nadapter = \"push-only\"\npage_sise = 1",
                "sources.a/~1.page_sise",
            ),
            ("[sources.A]\npoll_interval = 5", "sources.A"),
            ("[[", "(syntax)"),
        ];
        for (text, key) in cases {
            let error = load(text).unwrap_err();
            assert_eq!(error.file, "rhosync.toml");
            assert!(error.key.starts_with(key), "{text}: {error}");
        }
    }
}
