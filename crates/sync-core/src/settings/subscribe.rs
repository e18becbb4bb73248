//! The settings of a subscription: how a back end is told where to send its events.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::mapping::{Escape, Path, Template};
use crate::settings::connection::{AuthorizationEntry, Connection, ConnectionEntry, address};
use crate::settings::operation::{Operation, OperationEntry, Usual};
use crate::settings::{KeyError, Secret, Text, text, wrong};

/// The table in a source.
const TABLE: &str = "hook.subscribe";

/// What a back end is told where the file does not say.
const BODY: &str = r#"{"url":{{ callback }},"secret":{{ secret }}}"#;

/// Least time that a callback may be good for, in seconds: it is looked after once a minute.
const LEAST_LIFETIME_SECONDS: u64 = 300;

/// How a source's hook is registered at its back end.
#[derive(Debug, Clone)]
pub(crate) struct SubscribeSettings {
    pub(crate) url: String,
    /// The hook, as the back end reaches it.
    pub(crate) callback: String,
    pub(crate) connection: Connection,
    pub(crate) create: Operation,
    pub(crate) renew: Option<Operation>,
    pub(crate) delete: Operation,
    /// Where the callback's id is in the answer.
    pub(crate) id: Path,
    pub(crate) lifetime_seconds: Option<u64>,
}

/// How the hook is registered at the back end.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct SubscribeEntry {
    /// Address where the back end registers callbacks.
    #[serde(serialize_with = "text::shown")]
    url: Text,
    /// Address of this source's hook as the back end reaches it: `https://sync.example.com/hooks/Product`.
    #[serde(serialize_with = "text::shown")]
    callback: Text,
    /// How a callback is registered: `POST` with `{"url":{{ callback }},"secret":{{ secret }}}` where nothing is said.
    #[serde(default)]
    create: OperationEntry,
    /// How one is renewed. Where nothing is said, another is registered, and the old one removed.
    renew: Option<OperationEntry>,
    /// How one is removed: `DELETE` of `<url>/<id>` where nothing is said.
    #[serde(default)]
    delete: OperationEntry,
    /// Path to the callback's id in the answer to `create`; `id` where nothing is said.
    id: Option<String>,
    /// How long a callback is good, in seconds, from 300 on. It is renewed after half of that; without it, never.
    lifetime_seconds: Option<u64>,
    /// Further headers of every request.
    #[serde(default)]
    headers: BTreeMap<String, Text>,
    /// How the server proves who it is.
    authorization: Option<AuthorizationEntry>,
    /// How long a call may take, in milliseconds (1 to 20 000); 10 000 where nothing is said.
    timeout_ms: Option<u64>,
}

impl SubscribeEntry {
    fn connection(&self) -> ConnectionEntry<'_> {
        ConnectionEntry {
            table: TABLE,
            headers: &self.headers,
            authorization: self.authorization.as_ref(),
            timeout_ms: self.timeout_ms,
        }
    }

    /// Checks what a type cannot.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        if self
            .lifetime_seconds
            .is_some_and(|it| it < LEAST_LIFETIME_SECONDS)
        {
            let reason = format!("must be at least {LEAST_LIFETIME_SECONDS}");
            return wrong(&format!("{TABLE}.lifetime_seconds"), reason);
        }
        if self.connection().asks_as_user() {
            let reason = "is no user's: the server subscribes for all of them";
            return wrong(&format!("{TABLE}.authorization.user"), reason);
        }
        self.operations()?;
        self.id()?;
        self.connection().check()
    }

    /// The texts that may be variables.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.connection().texts().chain([&self.url, &self.callback])
    }

    fn id(&self) -> Result<Path, KeyError> {
        Path::parse(self.id.as_deref().unwrap_or("id"))
            .map_err(|reason| (format!("{TABLE}.id"), reason))
    }

    fn operations(&self) -> Result<(Operation, Option<Operation>, Operation), KeyError> {
        let resolve = |entry: &OperationEntry, name: &str, method, path, names| {
            let usual = Usual {
                method,
                path,
                names,
            };
            entry.resolve(&format!("{TABLE}.{name}"), &usual)
        };
        let (unnamed, named) = (&["callback", "secret"], &["callback", "secret", "id"]);
        let mut create = resolve(&self.create, "create", Method::POST, "", unnamed)?;
        if create.body.is_none() {
            let body = Template::compile(BODY, Escape::Json);
            create.body = Some(body.map_err(|reason| (format!("{TABLE}.create.body"), reason))?);
        }
        let renew = self.renew.as_ref();
        let renew = renew.map(|entry| resolve(entry, "renew", Method::PUT, "/{{ id }}", named));
        let delete = resolve(&self.delete, "delete", Method::DELETE, "/{{ id }}", named)?;
        Ok((create, renew.transpose()?, delete))
    }

    /// Puts the variables' values in.
    pub(super) fn resolve(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<SubscribeSettings, KeyError> {
        let (create, renew, delete) = self.operations()?;
        Ok(SubscribeSettings {
            url: address(&format!("{TABLE}.url"), &self.url, variable)?,
            callback: address(&format!("{TABLE}.callback"), &self.callback, variable)?,
            connection: self.connection().resolve(variable)?,
            create,
            renew,
            delete,
            id: self.id()?,
            lifetime_seconds: self.lifetime_seconds,
        })
    }
}

/// A hook as it was when its callback was registered, without variables: what the callback is removed by when its source is
/// not in the settings any more.
pub(crate) struct KeptHook {
    pub(crate) secret: Secret,
    pub(crate) subscribe: SubscribeSettings,
}

#[derive(Deserialize)]
struct KeptEntry {
    secret: String,
    subscribe: SubscribeEntry,
}

impl KeptHook {
    /// What is kept of the table of a hook.
    pub(super) fn text_of(hook: &Value) -> String {
        json!({"secret": hook.get("secret"), "subscribe": hook.get("subscribe")}).to_string()
    }

    /// Reads what was kept, if it still means something.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let KeptEntry { secret, subscribe } = serde_json::from_str(text).ok()?;
        Some(Self {
            secret: Secret::new(secret),
            subscribe: subscribe.resolve(&|_| None).ok()?,
        })
    }
}
