//! The registry: what administrators change at run time. That is the app server's address, poll intervals, and dynamic sources.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::adapter::Adapter;
use crate::engine::circuits::GuardedAdapter;
use crate::engine::metered::MeteredAdapter;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{Expected, Millis, PartitionRule, PollInterval, Revision, SourceName};
use crate::ports::{Clock as _, Ports};
use crate::settings::{
    AdapterSettings, SettingDescription, SettingOrigin, SourceSettings, check_address, setting_key,
    text_of_setting,
};
use crate::store::{Edit, EditOutcome, Registry, RegistryContent};

/// How long an instance relies on what it has read, in milliseconds. Others' changes take this long to be seen.
const MAX_AGE_MS: u64 = 1_000;

/// A source as administrators see it.
#[derive(Debug, Clone)]
pub struct SourceInfo {
    /// Its name.
    pub name: SourceName,
    /// Its settings as they hold now: the poll interval may have been set at run time.
    pub settings: SourceSettings,
    /// Whether it came to be at run time, and stands in no settings file.
    pub is_dynamic: bool,
    /// Whether its back end is left alone.
    pub is_paused: bool,
    /// The state that administrators have brought it into.
    pub revision: Revision,
}

/// What to change of a source; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct SourceChange {
    /// How often its back end is asked, in place of what the settings say: a number of seconds, 0 (with every sync) or -1 (never).
    pub poll_interval: Option<i64>,
    /// Whether its back end is left alone: it is neither queried nor sent changes then. Devices get what is there, and their changes wait.
    pub paused: Option<bool>,
    /// The state that the source has to be in.
    pub expected: Expected,
}

/// A source that is not in the settings file.
pub(super) struct DynamicSource {
    name: SourceName,
    settings: SourceSettings,
    adapter: Rc<dyn Adapter>,
}

/// A source that was looked up.
pub(super) enum FoundSource<'a> {
    /// It is in the settings file.
    Configured(Source<'a>),
    /// It is in the registry.
    Dynamic(Rc<DynamicSource>),
}

impl FoundSource<'_> {
    pub(super) fn as_source(&self) -> Source<'_> {
        match self {
            Self::Configured(source) => *source,
            Self::Dynamic(source) => source.as_source(),
        }
    }
}

impl DynamicSource {
    fn as_source(&self) -> Source<'_> {
        Source {
            name: &self.name,
            settings: &self.settings,
            adapter: self.adapter.as_ref(),
            trace: None,
        }
    }
}

/// Keeps what an instance has read of the registry lately.
#[derive(Default)]
pub(super) struct RegistryCache {
    read: RefCell<Option<Rc<Snapshot>>>,
    /// Counts this instance's own changes: what was read before one is not kept after it.
    changes: Cell<u64>,
}

/// The registry at one moment.
pub(super) struct Snapshot {
    read_at: Millis,
    app_server: Option<String>,
    sources: BTreeMap<SourceName, Rc<DynamicSource>>,
    poll_intervals: BTreeMap<SourceName, PollInterval>,
    paused: BTreeSet<SourceName>,
    edits: BTreeMap<SourceName, String>,
}

impl<P: Ports> Engine<P> {
    /// The app server's address: the back end of sources that are not in the settings file.
    ///
    /// # Errors
    /// The store's.
    pub async fn app_server(&self) -> Result<Option<String>, SyncError> {
        Ok(self.read_registry().await?.app_server.clone())
    }

    /// Sets the app server's address; empty: there is none any more.
    ///
    /// # Errors
    /// [`SyncError::InvalidSetting`] for anything but an http or https address, and the store's.
    pub async fn set_app_server(&self, url: &str) -> Result<(), SyncError> {
        let url = url.trim_end_matches('/');
        let url = (!url.is_empty()).then_some(url);
        if let Some(url) = url {
            check_address(url).map_err(|reason| SyncError::InvalidSetting {
                setting: "app server",
                reason,
            })?;
        }
        let registry = Registry::new(self.ports.redis());
        registry.set_app_server(url).await?;
        self.forget_registry();
        Ok(())
    }

    /// Every setting that is in force, with what administrators have set at run time.
    ///
    /// # Errors
    /// The store's.
    pub async fn describe_settings(&self) -> Result<Vec<SettingDescription>, SyncError> {
        let registry = self.read_registry().await?;
        let mut described = self.settings.describe();
        let app_server = registry.app_server.iter();
        let app_server = app_server.map(|url| ("app_server".to_owned(), text_of_setting(url)));
        let polls = registry.poll_intervals.iter().map(|(source, poll)| {
            let key = format!("{}.poll_interval", setting_key("sources", source.as_str()));
            (key, poll.to_seconds().to_string())
        });
        for (key, value) in app_server.chain(polls) {
            described.retain(|setting| setting.key != key);
            described.push(SettingDescription {
                key,
                value,
                origin: SettingOrigin::Administrator,
                variable: None,
            });
        }
        described.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(described)
    }

    /// The sources by name, all or those of one partition rule.
    ///
    /// # Errors
    /// The store's.
    pub async fn sources(&self, rule: Option<PartitionRule>) -> Result<Vec<SourceInfo>, SyncError> {
        let registry = self.read_registry().await?;
        let configured = self.settings.sources.iter().map(|(name, settings)| {
            let name = name.clone();
            (name, settings.clone(), false)
        });
        let dynamic = registry
            .sources
            .values()
            .filter(|source| !self.settings.sources.contains_key(&source.name))
            .map(|source| (source.name.clone(), source.settings.clone(), true));
        let mut sources: Vec<SourceInfo> = configured
            .chain(dynamic)
            .filter(|(_, settings, _)| rule.is_none_or(|rule| settings.partition == rule))
            .map(|(name, mut settings, is_dynamic)| {
                settings.poll_interval = registry.poll_interval(&name, &settings);
                SourceInfo {
                    is_paused: registry.is_paused(&name),
                    revision: registry.revision(&name),
                    name,
                    settings,
                    is_dynamic,
                }
            })
            .collect();
        sources.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(sources)
    }

    /// One source.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`] and the store's.
    pub async fn source_info(&self, name: &str) -> Result<SourceInfo, SyncError> {
        let registry = self.read_registry().await?;
        let found = self.source(name).await?;
        let source = found.as_source();
        let mut settings = source.settings.clone();
        settings.poll_interval = registry.poll_interval(source.name, &settings);
        Ok(SourceInfo {
            is_paused: registry.is_paused(source.name),
            revision: registry.revision(source.name),
            name: source.name.clone(),
            settings,
            is_dynamic: matches!(found, FoundSource::Dynamic(_)),
        })
    }

    /// Changes a source.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`], [`SyncError::InvalidSetting`], [`SyncError::Moved`] and the store's.
    pub async fn change_source(&self, source: &str, change: SourceChange) -> Result<(), SyncError> {
        let SourceChange {
            poll_interval,
            paused,
            expected,
        } = change;
        let interval = poll_interval.map(|seconds| {
            PollInterval::from_seconds(seconds).ok_or_else(|| SyncError::InvalidSetting {
                setting: "poll interval",
                reason: format!(
                    "{seconds} is not a number of seconds, 0 (every sync) or -1 (never)"
                ),
            })
        });
        let interval = interval.transpose()?;
        let found = self.source(source).await?;
        let name = found.as_source().name;
        let registry = self.read_registry().await?;
        if !expected.allows(&registry.revision(name)) {
            return Err(SyncError::Moved);
        }
        let last = registry.edits.get(name).map(String::as_str);
        let edit = Edit::new(self.ports.random(), expected.after(last));
        let store = Registry::new(self.ports.redis());
        let changed = store.change_source(name, edit, interval, paused);
        if changed.await? == EditOutcome::Moved {
            return Err(SyncError::Moved);
        }
        if paused.is_some() {
            self.circuits.forget(name);
        }
        self.forget_registry();
        Ok(())
    }

    /// Sets how often a source's back end is asked, as [`Engine::change_source`].
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`], [`SyncError::InvalidSetting`] and the store's.
    pub async fn set_poll_interval(&self, source: &str, seconds: i64) -> Result<(), SyncError> {
        let change = SourceChange {
            poll_interval: Some(seconds),
            ..SourceChange::default()
        };
        self.change_source(source, change).await
    }

    /// Sets when the back end is asked next for a user's copy of a source: at the first sync `refresh_in_seconds` from now.
    /// With `poll_interval` also how often from then on, for all users, as [`Engine::set_poll_interval`].
    ///
    /// It counts for sources that are polled every so many seconds: where the interval is 0 or -1, that holds.
    ///
    /// # Errors
    /// [`SyncError::UnknownSource`], [`AccountError::UnknownUser`](crate::AccountError::UnknownUser), [`SyncError::InvalidSetting`], and the store's.
    pub async fn set_read_state(
        &self,
        source: &str,
        user: &str,
        refresh_in_seconds: u64,
        poll_interval: Option<i64>,
    ) -> Result<(), SyncError> {
        let document = self.document_of(source, user).await?;
        if let Some(seconds) = poll_interval {
            self.set_poll_interval(source, seconds).await?;
        }
        let now = self.ports.clock().now();
        let due = now.plus(refresh_in_seconds.saturating_mul(1_000));
        for copy in document.of_back_end() {
            self.document(&copy).set_refresh_due(due).await?;
        }
        Ok(())
    }

    /// Looks a source up. One that is in the settings costs no call to the store.
    pub(super) async fn source(&self, name: &str) -> Result<FoundSource<'_>, SyncError> {
        let unknown = || SyncError::UnknownSource {
            name: name.to_owned(),
        };
        let parsed = SourceName::parse(name).map_err(|_| unknown())?;
        if let Some((name, settings)) = self.settings.sources.get_key_value(&parsed) {
            let adapter = self.adapters.get(name).ok_or_else(unknown)?.as_ref();
            return Ok(FoundSource::Configured(Source {
                name,
                settings,
                adapter,
                trace: None,
            }));
        }
        let recent = self.recent_registry();
        if let Some(source) = recent.and_then(|registry| registry.dynamic(&parsed)) {
            return Ok(FoundSource::Dynamic(source));
        }
        // Somebody may have made it a moment ago.
        let registry = self.read_registry().await?;
        registry
            .dynamic(&parsed)
            .map(FoundSource::Dynamic)
            .ok_or_else(unknown)
    }

    /// How often a source's back end is asked: never, while it is paused.
    pub(super) async fn poll_interval(
        &self,
        source: Source<'_>,
    ) -> Result<PollInterval, SyncError> {
        let registry = self.registry().await?;
        if registry.is_paused(source.name) {
            return Ok(PollInterval::Never);
        }
        Ok(registry.poll_interval(source.name, source.settings))
    }

    /// The registry as it is or was a moment ago, mostly without a call to the store.
    pub(super) async fn registry(&self) -> Result<Rc<Snapshot>, SyncError> {
        match self.recent_registry() {
            Some(registry) => Ok(registry),
            None => self.read_registry().await,
        }
    }

    pub(super) fn app_server_adapter(&self, url: Option<&str>) -> Rc<dyn Adapter> {
        let secrets = self.accounts.adapter_secrets();
        self.maker.make_for_app_server(&self.ports, &secrets, url)
    }

    fn recent_registry(&self) -> Option<Rc<Snapshot>> {
        let now = self.ports.clock().now();
        let read = self.registry.read.borrow();
        read.as_ref()
            .filter(|read| now.0.saturating_sub(read.read_at.0) < MAX_AGE_MS)
            .map(Rc::clone)
    }

    async fn read_registry(&self) -> Result<Rc<Snapshot>, SyncError> {
        let changes = self.registry.changes.get();
        let read_at = self.ports.clock().now();
        let content = Registry::new(self.ports.redis()).read().await?;
        let app_server = self.app_server_adapter(content.app_server.as_deref());
        let guarded = Rc::new(GuardedAdapter::new(app_server, &self.circuits));
        let metered = MeteredAdapter::new(guarded, &self.ports, self.metrics.meter());
        let snapshot = Rc::new(Snapshot::new(content, read_at, Rc::new(metered)));
        if self.registry.changes.get() == changes {
            self.registry.read.replace(Some(Rc::clone(&snapshot)));
        }
        Ok(snapshot)
    }

    pub(super) fn forget_registry(&self) {
        self.registry.changes.update(|changes| changes + 1);
        self.registry.read.take();
    }
}

impl Snapshot {
    /// `adapter` speaks to the app server, whose address is in the content.
    fn new(content: RegistryContent, read_at: Millis, adapter: Rc<dyn Adapter>) -> Self {
        let RegistryContent {
            app_server,
            sources,
            poll_intervals,
            paused,
            edits,
        } = content;
        let sources = sources
            .into_iter()
            .map(|(name, partition)| {
                let settings = SourceSettings::of_dynamic_source(partition, app_server.clone());
                let source = DynamicSource {
                    name: name.clone(),
                    settings,
                    adapter: Rc::clone(&adapter),
                };
                (name, Rc::new(source))
            })
            .collect();
        Self {
            read_at,
            app_server,
            sources,
            poll_intervals,
            paused,
            edits,
        }
    }

    fn revision(&self, name: &SourceName) -> Revision {
        Revision::new("source", self.edits.get(name).map(String::as_str))
    }

    pub(super) fn is_paused(&self, name: &SourceName) -> bool {
        self.paused.contains(name)
    }

    fn dynamic(&self, name: &SourceName) -> Option<Rc<DynamicSource>> {
        self.sources.get(name).map(Rc::clone)
    }

    fn poll_interval(&self, name: &SourceName, settings: &SourceSettings) -> PollInterval {
        match (self.poll_intervals.get(name), &settings.adapter) {
            // There is nobody to ask.
            (_, AdapterSettings::AppServer { url: None }) | (None, _) => settings.poll_interval,
            (Some(interval), _) => *interval,
        }
    }
}
