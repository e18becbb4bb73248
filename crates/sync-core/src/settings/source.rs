//! The settings of a source.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sync_jobs::QueueName;

use crate::model::{
    ConflictRule, Description, InvalidDescription, ParametersRule, PartitionRule, PollInterval,
    SourceName,
};
use crate::settings::connection::ConnectionEntry;
use crate::settings::hook::{HookEntry, HookSettings};
use crate::settings::partition::{self, Naming, PartitionEntry};
use crate::settings::plugin::{PluginEntry, PluginSettings};
use crate::settings::rest::{RestEntry, RestSettings};
use crate::settings::soap::SoapEntry;
use crate::settings::sql::{SqlEntry, SqlSettings};
use crate::settings::{KeyError, Text, wrong};

/// The component whose jobs call back ends.
const ADAPTER: &str = "adapter";

/// Most objects of a page, where the file does not say.
const DEFAULT_MAX_PAGE_SIZE: usize = 2_000;

/// Most bytes of a page, where the file does not say.
const DEFAULT_MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of a page at all.
const HIGHEST_MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// Most objects of a page at all: what a phone can hold at once, and what fits well below a reply's limits.
const HIGHEST_MAX_PAGE_SIZE: usize = 10_000;

/// How long a pull waits for the back end where the file does not say, in milliseconds.
const DEFAULT_PULL_WAIT_MS: u64 = 2_000;

/// The same for a source whose objects are not kept: there is nothing to give without the back end.
const DEFAULT_PASS_THROUGH_WAIT_MS: u64 = 5_000;

/// How long a device waits for the back end to take its changes where the file does not say, in milliseconds.
const DEFAULT_PUSH_WAIT_MS: u64 = 2_000;

/// How long it may wait at most: devices and what is between them and the server give up in the end.
const HIGHEST_WAIT_MS: u64 = 20_000;

/// When devices sync a source where the file does not say.
const DEFAULT_SYNC_PRIORITY: u32 = 3;

/// How often the back end is asked where the file does not say.
const DEFAULT_POLL_INTERVAL: PollInterval = PollInterval::Seconds(300);

/// A source's settings.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Who shares a copy.
    pub partition: PartitionRule,
    /// How the partitions that are a user's are named, where that is computed.
    pub(crate) naming: Naming,
    /// What becomes of the parameters of a pull.
    pub parameters: ParametersRule,
    /// How often the back end is asked.
    pub poll_interval: PollInterval,
    /// How long a pull waits for the back end's answer to a query, once there is something to give without it, in
    /// milliseconds. What takes longer is left to a job. Where nothing is kept, it is an error.
    pub pull_wait_ms: u64,
    /// How long a device waits for the back end to take its changes, in milliseconds. What takes longer goes on without it.
    pub push_wait_ms: u64,
    /// Most objects of a page.
    pub max_page_size: usize,
    /// Most bytes of a page's objects; one that is larger comes alone.
    pub max_page_bytes: usize,
    /// Whose jobs ask the back end what it has; without one that is done while a device waits.
    pub query_queue: Option<QueueName>,
    /// Whose jobs carry devices' changes to the back end; without one that is done while the device waits.
    pub cud_queue: Option<QueueName>,
    /// Whether the back end is asked every `poll_interval` even if no device asks.
    pub background: bool,
    /// Whether devices are woken when the back end has changed something.
    pub push_notify: bool,
    /// What becomes of changes to what others have changed meanwhile.
    pub conflicts: ConflictRule,
    /// Whether the server keeps none of its objects: every pull is answered by the back end.
    pub pass_through: bool,
    /// What devices need to know of the source; the adapter is not asked then.
    pub metadata: Option<Description>,
    /// How devices store its objects; the adapter is not asked then.
    pub schema: Option<Description>,
    /// When devices sync it: those of lower numbers come first. It is told with bulk data.
    pub sync_priority: u32,
    /// Attributes that hold ids of other sources' objects, and which source's. Devices are told with bulk data, so that
    /// they put the ids of objects they have made in order.
    pub belongs_to: BTreeMap<String, SourceName>,
    /// How the back end is reached.
    pub adapter: AdapterSettings,
    /// How the back end says by itself that something has changed.
    pub(crate) hook: Option<HookSettings>,
}

impl SourceSettings {
    /// How often the back end is asked even if no device asks, in seconds, and by the jobs of which queue.
    pub(crate) fn in_background(&self) -> Option<(u64, &QueueName)> {
        match (self.background, self.poll_interval, &self.query_queue) {
            (true, PollInterval::Seconds(seconds), Some(queue)) => Some((seconds, queue)),
            _ => None,
        }
    }

    /// Whether the source's hook is registered at the back end.
    pub(crate) fn subscribes(&self) -> bool {
        self.hook
            .as_ref()
            .is_some_and(|hook| hook.subscribe.is_some())
    }

    /// What holds for a source that is not in the settings file.
    pub(crate) fn of_dynamic_source(partition: PartitionRule, app_server: Option<String>) -> Self {
        Self {
            partition,
            naming: Naming::default(),
            parameters: ParametersRule::default(),
            poll_interval: match app_server {
                Some(_) => DEFAULT_POLL_INTERVAL,
                None => PollInterval::Never,
            },
            pull_wait_ms: DEFAULT_PULL_WAIT_MS,
            push_wait_ms: DEFAULT_PUSH_WAIT_MS,
            max_page_size: DEFAULT_MAX_PAGE_SIZE,
            max_page_bytes: DEFAULT_MAX_PAGE_BYTES,
            query_queue: None,
            cud_queue: None,
            background: false,
            push_notify: false,
            conflicts: ConflictRule::default(),
            pass_through: false,
            metadata: None,
            schema: None,
            sync_priority: DEFAULT_SYNC_PRIORITY,
            belongs_to: BTreeMap::new(),
            adapter: AdapterSettings::AppServer { url: app_server },
            hook: None,
        }
    }
}

/// Reads the name of a queue whose jobs call back ends. Only one component may do that.
fn adapter_queue(key: &str, name: &str) -> Result<QueueName, KeyError> {
    let queue = QueueName::parse(name).map_err(|error| (key.to_owned(), error.to_string()))?;
    if queue.component() == ADAPTER {
        Ok(queue)
    } else {
        wrong(
            key,
            format!(
                "{name:?} is no queue of the component that calls back ends: use {ADAPTER:?} or \"{ADAPTER}.<name>\""
            ),
        )
    }
}

/// How the back end is reached.
#[derive(Debug, Clone)]
pub enum AdapterSettings {
    /// By a declared interface of HTTP calls, which may be envelopes.
    Rest(Box<RestSettings>),
    /// By statements.
    Sql(Box<SqlSettings>),
    /// By the plugin protocol.
    Plugin(Box<PluginSettings>),
    /// Not at all: it pushes.
    PushOnly,
    /// By a type that is compiled in and registered under this name.
    Rust(String),
    /// By the app server, for sources that are not in the settings file.
    AppServer {
        /// Its address, where one is set.
        url: Option<String>,
    },
}

impl AdapterSettings {
    /// Whether the back end is asked with what users have signed in with.
    pub fn asks_as_user(&self) -> bool {
        match self {
            Self::Rest(rest) => rest.connection.asks_as_user(),
            Self::Plugin(plugin) => plugin.connection.asks_as_user(),
            Self::Sql(_) | Self::PushOnly | Self::Rust(_) | Self::AppServer { .. } => false,
        }
    }

    /// What administrators call it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Rest(_) => "rest",
            Self::Sql(_) => "sql",
            Self::Plugin(_) => "plugin",
            Self::PushOnly => "push-only",
            Self::Rust(_) => "rust",
            Self::AppServer { .. } => "app-server",
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceEntry {
    adapter: AdapterKind,
    partition: Option<PartitionEntry>,
    create_in: Option<String>,
    parameters: Option<ParametersRule>,
    poll_interval: Option<i64>,
    pull_wait_ms: Option<u64>,
    push_wait_ms: Option<u64>,
    max_page_size: Option<usize>,
    max_page_bytes: Option<usize>,
    queue: Option<String>,
    query_queue: Option<String>,
    cud_queue: Option<String>,
    #[serde(default)]
    background: bool,
    #[serde(default)]
    push_notify: bool,
    conflicts: Option<ConflictRule>,
    #[serde(default)]
    pass_through: bool,
    metadata: Option<String>,
    schema: Option<serde_json::Map<String, serde_json::Value>>,
    sync_priority: Option<u32>,
    #[serde(default)]
    belongs_to: BTreeMap<String, String>,
    rest: Option<RestEntry>,
    soap: Option<SoapEntry>,
    sql: Option<SqlEntry>,
    http: Option<PluginEntry>,
    rust: Option<String>,
    hook: Option<HookEntry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum AdapterKind {
    Rest,
    Soap,
    Sql,
    #[serde(rename = "http")]
    Plugin,
    PushOnly,
    Rust,
}

impl SourceEntry {
    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        let (partition, naming) = self.partition()?;
        let asks = self.adapter != AdapterKind::PushOnly;
        match self.poll_interval {
            Some(seconds) if PollInterval::from_seconds(seconds).is_none() => {
                return wrong(
                    "poll_interval",
                    "is a number of seconds, 0 (every sync) or -1 (never)",
                );
            }
            Some(seconds) if seconds >= 0 && !asks => {
                return wrong(
                    "poll_interval",
                    "a push-only source has no back end to ask; leave it out or use -1",
                );
            }
            _ => {}
        }
        if !(1..=HIGHEST_MAX_PAGE_SIZE).contains(&self.max_page_size()) {
            return wrong(
                "max_page_size",
                format!("must be between 1 and {HIGHEST_MAX_PAGE_SIZE}"),
            );
        }
        for (key, wait) in [
            ("pull_wait_ms", self.pull_wait_ms),
            ("push_wait_ms", self.push_wait_ms),
        ] {
            if wait > Some(HIGHEST_WAIT_MS) {
                return wrong(key, format!("must be between 0 and {HIGHEST_WAIT_MS}"));
            }
        }
        if !(1..=HIGHEST_MAX_PAGE_BYTES).contains(&self.max_page_bytes()) {
            return wrong(
                "max_page_bytes",
                format!("must be between 1 and {HIGHEST_MAX_PAGE_BYTES}"),
            );
        }
        let queues = [
            ("queue", &self.queue),
            ("query_queue", &self.query_queue),
            ("cud_queue", &self.cud_queue),
        ];
        for (key, queue) in queues {
            if let Some(queue) = queue {
                adapter_queue(key, queue)?;
                if !asks {
                    return wrong(key, "a push-only source has no back end to call");
                }
            }
        }
        if self.background
            && (self.poll_interval.unwrap_or(1) < 1
                || self.queue.is_none() && self.query_queue.is_none())
        {
            return wrong(
                "background",
                "needs a queue whose jobs ask the back end, and a poll_interval of 1 second or more",
            );
        }
        if self.parameters == Some(ParametersRule::OwnCopy) && !naming.members.is_empty() {
            return wrong(
                "parameters",
                "of a pull narrow nothing down where users are in several partitions at once; leave it out",
            );
        }
        if self.pass_through {
            if !naming.members.is_empty() {
                return wrong(
                    "partition",
                    "of a pass-through source is a single one: no copy is made of several",
                );
            }
            if !asks {
                return wrong("pass_through", "a push-only source has no back end to ask");
            }
            let kept = [
                ("queue", self.queue.is_some()),
                ("query_queue", self.query_queue.is_some()),
                ("background", self.background),
                ("push_notify", self.push_notify),
                ("poll_interval", self.poll_interval.is_some()),
                ("conflicts", self.conflicts.is_some()),
                ("metadata", self.metadata.is_some()),
                ("schema", self.schema.is_some()),
            ];
            if let Some((key, _)) = kept.into_iter().find(|(_, is_set)| *is_set) {
                return wrong(
                    key,
                    "nothing of a pass-through source is kept, this neither",
                );
            }
        }
        let table = |name: &str, kind: AdapterKind, is_there: bool| match (self.adapter, is_there) {
            (adapter, false) if adapter == kind => {
                wrong(name, "is missing: it says how the back end is reached")
            }
            (adapter, true) if adapter != kind => {
                wrong(name, format!("belongs to the adapter {name:?} only"))
            }
            _ => Ok(()),
        };
        if let Some(table) = self.asks_as_user()
            && partition != PartitionRule::User
        {
            return wrong(
                &format!("{table}.authorization.user"),
                "goes with partition = \"user\" only: others would see what the back end shows this user",
            );
        }
        if let Some(hook) = &self.hook {
            if self.pass_through {
                return wrong(
                    "hook",
                    "nothing of a pass-through source is kept, this neither",
                );
            }
            if hook.names_partitions() && partition != PartitionRule::Computed {
                let reason =
                    "needs a partition whose name is computed: a template, \"adapter\", or a list";
                return wrong("hook.partition", reason);
            }
            if partition != PartitionRule::App && !hook.names_users() && !hook.names_partitions() {
                return wrong("hook.user", "is missing: not everybody has the same copy");
            }
            if !hook.brings_objects() && self.poll_interval() == PollInterval::Never {
                return wrong("hook.records", "is missing: the back end is never asked");
            }
            let reads = self.rest.as_ref().is_some_and(RestEntry::reads);
            if hook.names_objects() && !reads {
                let reason = "needs rest.read, which says how a single object is asked for";
                return wrong("hook.changed", reason);
            }
            hook.check()?;
        }
        table("rest", AdapterKind::Rest, self.rest.is_some())?;
        table("soap", AdapterKind::Soap, self.soap.is_some())?;
        table("sql", AdapterKind::Sql, self.sql.is_some())?;
        table("http", AdapterKind::Plugin, self.http.is_some())?;
        table("rust", AdapterKind::Rust, self.rust.is_some())?;
        self.rest.as_ref().map_or(Ok(()), RestEntry::check)?;
        self.soap.as_ref().map_or(Ok(()), SoapEntry::check)?;
        self.sql.as_ref().map_or(Ok(()), SqlEntry::check)?;
        self.http.as_ref().map_or(Ok(()), PluginEntry::check)
    }

    /// The table by which the back end is asked with what users have signed in with, if it is.
    fn asks_as_user(&self) -> Option<&'static str> {
        let connections = [
            self.rest.as_ref().map(RestEntry::connection),
            self.soap.as_ref().map(SoapEntry::connection),
            self.http.as_ref().map(PluginEntry::connection),
        ];
        let connections = connections.into_iter().flatten();
        let mut of_users = connections.filter(ConnectionEntry::asks_as_user);
        of_users.next().map(|connection| connection.table)
    }

    fn partition(&self) -> Result<(PartitionRule, Naming), KeyError> {
        partition::read(self.partition.as_ref(), self.create_in.as_deref())
    }

    fn max_page_size(&self) -> usize {
        self.max_page_size.unwrap_or(DEFAULT_MAX_PAGE_SIZE)
    }

    fn max_page_bytes(&self) -> usize {
        self.max_page_bytes.unwrap_or(DEFAULT_MAX_PAGE_BYTES)
    }

    fn poll_interval(&self) -> PollInterval {
        let default = match self.adapter {
            AdapterKind::PushOnly => PollInterval::Never,
            AdapterKind::Rest
            | AdapterKind::Soap
            | AdapterKind::Sql
            | AdapterKind::Plugin
            | AdapterKind::Rust => DEFAULT_POLL_INTERVAL,
        };
        self.poll_interval
            .and_then(PollInterval::from_seconds)
            .unwrap_or(default)
    }

    /// Puts in what holds where the file does not say.
    pub(super) fn fill_in(&mut self) {
        if !self.pass_through {
            self.poll_interval = Some(self.poll_interval().to_seconds());
        }
        let is_single = !matches!(self.partition, Some(PartitionEntry::Several(_)));
        self.partition.get_or_insert_with(PartitionEntry::default);
        self.parameters.get_or_insert(match is_single {
            true => ParametersRule::default(),
            false => ParametersRule::Ignore,
        });
        self.pull_wait_ms.get_or_insert(match self.pass_through {
            true => DEFAULT_PASS_THROUGH_WAIT_MS,
            false => DEFAULT_PULL_WAIT_MS,
        });
        self.push_wait_ms.get_or_insert(DEFAULT_PUSH_WAIT_MS);
        self.max_page_size = Some(self.max_page_size());
        self.max_page_bytes = Some(self.max_page_bytes());
        self.sync_priority.get_or_insert(DEFAULT_SYNC_PRIORITY);
        self.rest.iter_mut().for_each(RestEntry::fill_in);
        self.soap.iter_mut().for_each(SoapEntry::fill_in);
        self.sql.iter_mut().for_each(SqlEntry::fill_in);
        self.http.iter_mut().for_each(PluginEntry::fill_in);
    }

    /// Leaves out how the back end is reached. How often it is asked stays.
    pub(super) fn leave_out_back_end(&mut self) {
        self.poll_interval = Some(self.poll_interval().to_seconds());
        self.adapter = AdapterKind::PushOnly;
        (self.rest, self.soap, self.sql) = (None, None, None);
        (self.http, self.rust, self.hook) = (None, None, None);
    }

    /// The variables the entry refers to.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let rest = self.rest.iter().flat_map(RestEntry::texts);
        let http = self.http.iter().flat_map(PluginEntry::texts);
        let soap = self.soap.iter().flat_map(SoapEntry::texts);
        let sql = self.sql.iter().map(SqlEntry::url);
        let hook = self.hook.iter().flat_map(HookEntry::texts);
        rest.chain(soap)
            .chain(sql)
            .chain(http)
            .chain(hook)
            .filter_map(Text::variable)
    }

    /// Puts the variables' values in.
    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<SourceSettings, KeyError> {
        let (max_page_size, max_page_bytes) = (self.max_page_size(), self.max_page_bytes());
        let poll_interval = self.poll_interval();
        let (partition, naming) = self.partition()?;
        let Self {
            adapter,
            partition: _,
            create_in: _,
            parameters,
            pull_wait_ms,
            push_wait_ms,
            queue,
            query_queue,
            cud_queue,
            background,
            push_notify,
            conflicts,
            pass_through,
            metadata,
            schema,
            sync_priority,
            belongs_to,
            rest,
            soap,
            sql,
            http,
            rust,
            hook,
            max_page_size: _,
            max_page_bytes: _,
            poll_interval: _,
        } = self;
        let missing = |table: &str| (table.to_owned(), "is missing".to_owned());
        let adapter = match adapter {
            AdapterKind::Rest => {
                let rest = rest.ok_or_else(|| missing("rest"))?;
                AdapterSettings::Rest(Box::new(rest.resolve(variable)?))
            }
            AdapterKind::Soap => {
                let soap = soap.ok_or_else(|| missing("soap"))?;
                AdapterSettings::Rest(Box::new(soap.resolve(variable)?))
            }
            AdapterKind::Sql => {
                let sql = sql.ok_or_else(|| missing("sql"))?;
                AdapterSettings::Sql(Box::new(sql.resolve(variable)?))
            }
            AdapterKind::Plugin => {
                let http = http.ok_or_else(|| missing("http"))?;
                AdapterSettings::Plugin(Box::new(http.resolve(variable)?))
            }
            AdapterKind::Rust => AdapterSettings::Rust(rust.ok_or_else(|| missing("rust"))?),
            AdapterKind::PushOnly => AdapterSettings::PushOnly,
        };
        let of_query = match &adapter {
            AdapterSettings::Rest(rest) => Some(&rest.mapping),
            AdapterSettings::Sql(sql) => Some(&sql.mapping),
            _ => None,
        };
        let hook = hook.map(|hook| hook.resolve(variable, of_query));
        let hook = hook.transpose()?;
        let queue_of = |key: &str, named: Option<String>| {
            let named = named.or_else(|| queue.clone());
            named.map(|name| adapter_queue(key, &name)).transpose()
        };
        let query_queue = queue_of("query_queue", query_queue)?;
        let cud_queue = queue_of("cud_queue", cud_queue)?;
        let described = |key: &str, error: InvalidDescription| (key.to_owned(), error.to_string());
        let metadata = Description::metadata(metadata.unwrap_or_default())
            .map_err(|error| described("metadata", error))?;
        let schema = schema
            .map(|schema| Description::schema(serde_json::Value::Object(schema).to_string()))
            .transpose()
            .map_err(|error| described("schema", error))?;
        let belongs_to = belongs_to
            .into_iter()
            .map(|(attribute, source)| match SourceName::parse(source) {
                Ok(source) => Ok((attribute, source)),
                Err(error) => wrong(&format!("belongs_to.{attribute}"), error.to_string()),
            })
            .collect::<Result<_, KeyError>>()?;
        Ok(SourceSettings {
            partition,
            parameters: match naming.members.is_empty() {
                true => parameters.unwrap_or_default(),
                // Which part of which member it would be, nobody could say.
                false => ParametersRule::Ignore,
            },
            naming,
            poll_interval,
            pull_wait_ms: pull_wait_ms.unwrap_or(match pass_through {
                true => DEFAULT_PASS_THROUGH_WAIT_MS,
                false => DEFAULT_PULL_WAIT_MS,
            }),
            push_wait_ms: push_wait_ms.unwrap_or(DEFAULT_PUSH_WAIT_MS),
            max_page_size,
            max_page_bytes,
            query_queue,
            cud_queue,
            background,
            push_notify,
            conflicts: conflicts.unwrap_or_default(),
            pass_through,
            metadata,
            schema,
            sync_priority: sync_priority.unwrap_or(DEFAULT_SYNC_PRIORITY),
            belongs_to,
            adapter,
            hook,
        })
    }
}
