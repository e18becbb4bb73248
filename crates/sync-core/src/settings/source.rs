//! What the settings file says of one source.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::document::description::{Description, InvalidDescription};
use crate::settings::{PartitionRule, Secret, Text};

/// Most objects of a page, where the file does not say.
const DEFAULT_MAX_PAGE_SIZE: usize = 2_000;

/// Most objects of a page at all: what a phone can hold at once, and what fits well below a reply's limits.
const HIGHEST_MAX_PAGE_SIZE: usize = 10_000;

/// How long a call to the back end may take where the file does not say, in milliseconds.
const DEFAULT_TIMEOUT_MS: u64 = 10_000;

/// How long it may take at most: operations and refreshes are leased for longer than that.
const HIGHEST_TIMEOUT_MS: u64 = 20_000;

/// How often the back end is asked where the file does not say.
const DEFAULT_POLL_INTERVAL: PollInterval = PollInterval::Seconds(300);

/// A key below the source's table, and what is wrong with it.
type KeyError = (String, String);

/// A source's settings.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Who shares a copy.
    pub partition: PartitionRule,
    /// How often the back end is asked.
    pub poll_interval: PollInterval,
    /// Most objects of a page.
    pub max_page_size: usize,
    /// Names the queue whose job runs the source's calls.
    pub queue: Option<String>,
    /// Whether the server keeps none of its objects: every pull is answered by the back end.
    pub pass_through: bool,
    /// What devices need to know of the source; the adapter is not asked then.
    pub metadata: Option<Description>,
    /// How devices store its objects; the adapter is not asked then.
    pub schema: Option<Description>,
    /// How the back end is reached.
    pub adapter: AdapterSettings,
}

impl SourceSettings {
    /// What holds for a source that is not in the settings file.
    pub(crate) fn of_dynamic_source(partition: PartitionRule, app_server: Option<String>) -> Self {
        Self {
            partition,
            poll_interval: match app_server {
                Some(_) => DEFAULT_POLL_INTERVAL,
                None => PollInterval::Never,
            },
            max_page_size: DEFAULT_MAX_PAGE_SIZE,
            queue: None,
            pass_through: false,
            metadata: None,
            schema: None,
            adapter: AdapterSettings::AppServer { url: app_server },
        }
    }
}

/// How often the back end is asked for what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollInterval {
    /// Never.
    Never,
    /// At the begin of every sync.
    EverySync,
    /// When the last answer is older than this.
    Seconds(u64),
}

impl PollInterval {
    /// Reads a number of seconds, 0 (every sync) or -1 (never).
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        match seconds {
            -1 => Some(Self::Never),
            0 => Some(Self::EverySync),
            _ => u64::try_from(seconds).ok().map(Self::Seconds),
        }
    }

    /// What [`PollInterval::from_seconds`] reads.
    pub fn to_seconds(self) -> i64 {
        match self {
            Self::Never => -1,
            Self::EverySync => 0,
            Self::Seconds(seconds) => i64::try_from(seconds).unwrap_or(i64::MAX),
        }
    }
}

/// How the back end is reached.
#[derive(Debug, Clone)]
pub enum AdapterSettings {
    /// By a declared REST interface.
    Rest(Box<RestSettings>),
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

/// A declared REST interface.
#[derive(Debug, Clone)]
pub struct RestSettings {
    /// Address of the collection; an object's is this, a slash, and its id.
    pub url: String,
    /// Address that is searched, where that is not the collection's.
    pub search_url: Option<String>,
    /// JSON pointer to the records in the answer, which are a list or an object by id. Empty: the answer itself.
    pub records: String,
    /// Attribute of a record that is its id.
    pub id: String,
    /// Attributes devices get; all others where nothing is named.
    pub attributes: Option<Vec<String>>,
    /// What attributes are in the back end, where that is not a text.
    pub types: BTreeMap<String, AttributeType>,
    /// How an object is changed.
    pub update_method: UpdateMethod,
    /// Query parameter that carries the user's name, for sources that differ per user.
    pub user_parameter: Option<String>,
    /// Further headers of every request.
    pub headers: Vec<(http::HeaderName, Secret)>,
    /// How the server proves who it is.
    pub authorization: Option<Authorization>,
    /// How a long answer is read page by page.
    pub paging: Option<Paging>,
    /// How long a call may take, in milliseconds.
    pub timeout_ms: u64,
}

/// What an attribute is in the back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Any JSON.
    Json,
}

/// How an object is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum UpdateMethod {
    /// `PUT` with the changed attributes.
    #[default]
    Put,
    /// `PATCH` with the changed attributes.
    Patch,
}

/// How the server proves who it is.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// A bearer token.
    Bearer(Secret),
    /// User name and password.
    Basic(Secret, Secret),
}

/// How a long answer is read page by page, until one has fewer records than it might.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Query parameter of the page's number.
    pub parameter: String,
    /// Number of the first page.
    #[serde(default = "one")]
    pub first: u64,
    /// Query parameter of the page's size.
    pub size_parameter: Option<String>,
    /// Records of a full page.
    pub size: usize,
}

const fn one() -> u64 {
    1
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceEntry {
    adapter: AdapterKind,
    #[serde(default)]
    partition: PartitionRule,
    poll_interval: Option<i64>,
    max_page_size: Option<usize>,
    queue: Option<String>,
    #[serde(default)]
    pass_through: bool,
    metadata: Option<String>,
    schema: Option<serde_json::Map<String, serde_json::Value>>,
    rest: Option<RestEntry>,
    rust: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AdapterKind {
    Rest,
    PushOnly,
    Rust,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestEntry {
    url: Text,
    search_url: Option<Text>,
    #[serde(default)]
    records: String,
    #[serde(default = "default_id")]
    id: String,
    attributes: Option<Vec<String>>,
    #[serde(default)]
    types: BTreeMap<String, AttributeType>,
    #[serde(default)]
    update_method: UpdateMethod,
    user_parameter: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Text>,
    authorization: Option<AuthorizationEntry>,
    paging: Option<Paging>,
    timeout_ms: Option<u64>,
}

fn default_id() -> String {
    "id".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum AuthorizationEntry {
    Bearer(Text),
    Basic { user: Text, password: Text },
}

fn wrong<T>(key: &str, reason: impl Into<String>) -> Result<T, KeyError> {
    Err((key.to_owned(), reason.into()))
}

impl SourceEntry {
    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
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
        if self.queue.as_deref() == Some("") {
            return wrong("queue", "is empty");
        }
        if self.pass_through {
            if !asks {
                return wrong("pass_through", "a push-only source has no back end to ask");
            }
            let kept = [
                ("poll_interval", self.poll_interval.is_some()),
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
        match (self.adapter, &self.rest) {
            (AdapterKind::Rest, None) => {
                return wrong("rest", "is missing: it says how the back end is reached");
            }
            (AdapterKind::Rest, Some(rest)) => rest.check()?,
            (_, Some(_)) => return wrong("rest", "belongs to the adapter \"rest\" only"),
            (_, None) => {}
        }
        match (self.adapter, &self.rust) {
            (AdapterKind::Rust, None) => {
                wrong("rust", "is missing: it names the registered adapter")
            }
            (AdapterKind::Rest | AdapterKind::PushOnly, Some(_)) => {
                wrong("rust", "belongs to the adapter \"rust\" only")
            }
            _ => Ok(()),
        }
    }

    fn max_page_size(&self) -> usize {
        self.max_page_size.unwrap_or(DEFAULT_MAX_PAGE_SIZE)
    }

    /// The variables the entry refers to.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.rest.iter().flat_map(|rest| {
            let authorization = match &rest.authorization {
                None => vec![],
                Some(AuthorizationEntry::Bearer(token)) => vec![token],
                Some(AuthorizationEntry::Basic { user, password }) => vec![user, password],
            };
            rest.headers
                .values()
                .chain([&rest.url])
                .chain(&rest.search_url)
                .chain(authorization)
                .filter_map(Text::variable)
        })
    }

    /// Puts the variables' values in.
    pub(super) fn resolve(
        self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<SourceSettings, KeyError> {
        let max_page_size = self.max_page_size();
        let Self {
            adapter,
            partition,
            poll_interval,
            queue,
            pass_through,
            metadata,
            schema,
            rest,
            rust,
            ..
        } = self;
        let default_interval = match adapter {
            AdapterKind::PushOnly => PollInterval::Never,
            AdapterKind::Rest | AdapterKind::Rust => DEFAULT_POLL_INTERVAL,
        };
        let poll_interval = poll_interval
            .and_then(PollInterval::from_seconds)
            .unwrap_or(default_interval);
        let adapter = match (adapter, rest, rust) {
            (AdapterKind::Rest, Some(rest), _) => {
                AdapterSettings::Rest(Box::new(rest.resolve(variable)?))
            }
            (AdapterKind::Rust, _, Some(name)) => AdapterSettings::Rust(name),
            (AdapterKind::PushOnly, _, _) => AdapterSettings::PushOnly,
            (AdapterKind::Rest, None, _) => return wrong("rest", "is missing"),
            (AdapterKind::Rust, _, None) => return wrong("rust", "is missing"),
        };
        let described = |key: &str, error: InvalidDescription| (key.to_owned(), error.to_string());
        let metadata = Description::metadata(metadata.unwrap_or_default())
            .map_err(|error| described("metadata", error))?;
        let schema = schema
            .map(|schema| Description::schema(serde_json::Value::Object(schema).to_string()))
            .transpose()
            .map_err(|error| described("schema", error))?;
        Ok(SourceSettings {
            partition,
            poll_interval,
            max_page_size,
            queue,
            pass_through,
            metadata,
            schema,
            adapter,
        })
    }
}

impl RestEntry {
    fn check(&self) -> Result<(), KeyError> {
        if !self.records.is_empty() && !self.records.starts_with('/') {
            return wrong(
                "rest.records",
                "is a JSON pointer, which starts with a slash: /items for instance",
            );
        }
        if self.id.is_empty() {
            return wrong("rest.id", "is empty");
        }
        if !(1..=HIGHEST_TIMEOUT_MS).contains(&self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS)) {
            return wrong(
                "rest.timeout_ms",
                format!("must be between 1 and {HIGHEST_TIMEOUT_MS}"),
            );
        }
        match &self.paging {
            Some(paging) if paging.size == 0 => wrong("rest.paging.size", "must be at least 1"),
            Some(paging) if paging.parameter.is_empty() => {
                wrong("rest.paging.parameter", "is empty")
            }
            _ => Ok(()),
        }
    }

    fn resolve(self, variable: &impl Fn(&str) -> Option<String>) -> Result<RestSettings, KeyError> {
        let text = |key: &str, text: &Text| {
            text.resolve(variable)
                .map_err(|reason| (key.to_owned(), reason))
        };
        let secret = |key: &str, value: &Text| text(key, value).map(Secret::new);
        let address = |key: &str, value: &Text| -> Result<String, KeyError> {
            let url = text(key, value)?;
            check_address(&url).map_err(|reason| (key.to_owned(), reason))?;
            Ok(url.trim_end_matches('/').to_owned())
        };
        let url = address("rest.url", &self.url)?;
        let search_url = self.search_url.as_ref();
        let search_url = search_url
            .map(|search_url| address("rest.search_url", search_url))
            .transpose()?;
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| {
                let key = format!("rest.headers.{name}");
                let header = http::HeaderName::from_bytes(name.as_bytes())
                    .map_err(|error| (key.clone(), error.to_string()))?;
                let value = secret(&key, value)?;
                http::HeaderValue::from_str(value.expose())
                    .map_err(|error| (key, error.to_string()))?;
                Ok((header, value))
            })
            .collect::<Result<_, KeyError>>()?;
        let authorization = match &self.authorization {
            None => None,
            Some(AuthorizationEntry::Bearer(token)) => Some(Authorization::Bearer(secret(
                "rest.authorization.bearer",
                token,
            )?)),
            Some(AuthorizationEntry::Basic { user, password }) => Some(Authorization::Basic(
                secret("rest.authorization.basic.user", user)?,
                secret("rest.authorization.basic.password", password)?,
            )),
        };
        Ok(RestSettings {
            url,
            search_url,
            records: self.records,
            id: self.id,
            attributes: self.attributes,
            types: self.types,
            update_method: self.update_method,
            user_parameter: self.user_parameter,
            headers,
            authorization,
            paging: self.paging,
            timeout_ms: self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
        })
    }
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
