//! The manifest as it is written: `spin.toml`, version 2.
//!
//! Unknown keys are errors, as in Spin. Keys that Spin knows and this host cannot honour are read, so that
//! [`Manifest::load`] can refuse them by name instead of running the application without them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

/// Keyed by id or name; sorted, so that everything derived from it has one order.
pub(crate) type Table<T> = BTreeMap<String, T>;

/// A whole `spin.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Only version 2 exists today.
    pub(crate) spin_manifest_version: u32,
    /// `[application]`.
    pub(crate) application: Application,
    /// `[variables]`: what an operator can set.
    #[serde(default)]
    pub(crate) variables: Table<Variable>,
    /// `[[trigger.http]]` and `[[trigger.redis]]`.
    #[serde(default, rename = "trigger")]
    pub(crate) triggers: Triggers,
    /// `[component.<id>]`.
    #[serde(default, rename = "component")]
    pub(crate) components: Table<Component>,
}

/// `[application]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    #[serde(default, rename = "targets")]
    _targets: Vec<toml::Value>,
    #[serde(default, rename = "tool")]
    _tool: toml::Table,
    /// `[application.trigger.<type>]`.
    #[serde(default, rename = "trigger")]
    pub(crate) trigger: TriggerDefaults,
}

/// Settings that all triggers of a type share.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TriggerDefaults {
    /// `[application.trigger.redis]`.
    pub(crate) redis: Option<RedisDefaults>,
}

/// `[application.trigger.redis]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedisDefaults {
    /// The server of every Redis trigger that names none; a template.
    pub(crate) address: String,
}

/// An application variable.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// The value where the operator gives none.
    pub(crate) default: Option<String>,
    /// Whether the operator has to give one.
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(rename = "description")]
    _description: Option<String>,
}

/// All triggers, by type.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Triggers {
    /// `[[trigger.http]]`.
    #[serde(default)]
    pub(crate) http: Vec<HttpTrigger>,
    /// `[[trigger.redis]]`.
    #[serde(default)]
    pub(crate) redis: Vec<RedisTrigger>,
}

/// `[[trigger.http]]`: a component or a fixed response behind a route.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTrigger {
    /// Names the trigger in messages, above all one that has no component.
    #[serde(default)]
    pub(crate) id: String,
    /// The component that answers.
    pub(crate) component: Option<String>,
    /// What is answered without a component.
    pub(crate) static_response: Option<StaticResponse>,
    /// Where.
    pub(crate) route: Route,
    executor: Option<Executor>,
}

/// The route of an HTTP trigger.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a route is a path such as \"/shop/...\" or { private = true }"
)]
pub(crate) enum Route {
    /// A path, exact or ending in `/...`.
    Public(String),
    /// Reached only by other components of the application.
    Private {
        /// Spin knows no other value than `true`.
        private: bool,
    },
}

/// A response that the host gives without running anything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaticResponse {
    /// Default: 200.
    pub(crate) status_code: Option<u16>,
    /// Sent as they are.
    #[serde(default)]
    pub(crate) headers: Table<String>,
    /// Default: empty.
    #[serde(default)]
    pub(crate) body: String,
}

#[derive(Debug, Deserialize)]
struct Executor {
    #[serde(rename = "type")]
    kind: String,
}

/// `[[trigger.redis]]`: a component that hears a channel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedisTrigger {
    #[serde(default, rename = "id")]
    _id: String,
    /// The component that hears.
    pub(crate) component: String,
    /// The exact name of the channel; a template.
    pub(crate) channel: String,
    /// The server, where it is not the application's; a template.
    pub(crate) address: Option<String>,
}

/// `[component.<id>]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    /// The `.wasm` file, relative to the manifest.
    pub(crate) source: String,
    /// What the component can ask for; templates over the application's variables.
    #[serde(default)]
    pub(crate) variables: Table<String>,
    /// Environment variables; fixed text.
    #[serde(default)]
    pub(crate) environment: Table<String>,
    /// What the component can read.
    #[serde(default)]
    pub(crate) files: Vec<Files>,
    /// Patterns, relative to the manifest, of what `files` is not to include.
    #[serde(default)]
    pub(crate) exclude_files: Vec<String>,
    /// Where the component may connect to; templates.
    #[serde(default)]
    pub(crate) allowed_outbound_hosts: Vec<String>,
    /// How the `.wasm` file is made: only quoted when it is missing.
    pub(crate) build: Option<Build>,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(rename = "targets")]
    _targets: Option<Vec<toml::Value>>,
    #[serde(default, rename = "tool")]
    _tool: toml::Table,
    #[serde(default, rename = "profile")]
    _profile: toml::Table,
    #[serde(default)]
    allowed_http_hosts: Vec<String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    sqlite_databases: Vec<String>,
    #[serde(default)]
    ai_models: Vec<String>,
    #[serde(default)]
    dependencies: toml::Table,
    #[serde(default)]
    dependencies_inherit_configuration: bool,
}

/// One entry of `files`.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "an entry of `files` is a path, a pattern, or { source = \"…\", destination = \"…\" }"
)]
pub(crate) enum Files {
    /// A file, a folder or a glob pattern that keeps its path relative to the manifest.
    Pattern(String),
    /// A file or folder that appears elsewhere.
    Placed {
        /// Relative to the manifest.
        source: String,
        /// Absolute, as the component sees it.
        destination: String,
    },
}

/// `[component.<id>.build]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    command: Commands,
    #[serde(rename = "workdir")]
    _workdir: Option<String>,
    #[serde(default, rename = "watch")]
    _watch: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Commands {
    One(String),
    Many(Vec<String>),
}

impl Build {
    /// The command line that builds the component.
    pub(crate) fn command(&self) -> String {
        match &self.command {
            Commands::One(command) => command.clone(),
            Commands::Many(commands) => commands.join(" && "),
        }
    }
}

impl Manifest {
    /// Reads and checks the manifest at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not a version 2 manifest, has a key nobody knows, or asks for something this
    /// host cannot do; the message names the key by its path.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the manifest {path:?}"))?;
        Self::parse(&text).with_context(|| format!("in the manifest {path:?}"))
    }

    /// Parses and checks the text of a manifest.
    ///
    /// # Errors
    ///
    /// As [`Manifest::load`].
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let manifest: Self = serde_path_to_error::deserialize(toml::Deserializer::parse(text)?)
            .map_err(|error| {
                anyhow!("{}: {}", error.path(), error.inner().to_string().trim_end())
            })?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<()> {
        ensure!(
            self.spin_manifest_version == 2,
            "spin_manifest_version: {} is not supported, only 2 is",
            self.spin_manifest_version
        );
        for (name, variable) in &self.variables {
            ensure!(
                variable.required != variable.default.is_some(),
                "variables.{name}: either `required = true` or a `default`"
            );
        }
        for (index, trigger) in self.triggers.http.iter().enumerate() {
            let at = format!("trigger.http[{index}]");
            match (&trigger.component, &trigger.static_response) {
                (Some(id), None) => self.check_component_exists(&at, id)?,
                (None, Some(_)) => {}
                _ => bail!("{at}: either `component` or `static_response`"),
            }
            if let Some(executor) = &trigger.executor {
                ensure!(
                    executor.kind == "http",
                    "{at}.executor: only the type \"http\" is supported"
                );
            }
            if let Route::Private { private } = trigger.route {
                ensure!(private, "{at}.route: `private` can only be true");
            }
        }
        for (index, trigger) in self.triggers.redis.iter().enumerate() {
            let at = format!("trigger.redis[{index}]");
            self.check_component_exists(&at, &trigger.component)?;
            ensure!(
                trigger.address.is_some() || self.application.trigger.redis.is_some(),
                "{at}: no `address` here and none in [application.trigger.redis]"
            );
        }
        self.components
            .iter()
            .try_for_each(|(id, component)| component.check(id))
    }

    fn check_component_exists(&self, at: &str, id: &str) -> Result<()> {
        ensure!(
            self.components.contains_key(id),
            "{at}.component: there is no component {id:?}; the manifest has {:?}",
            self.components.keys().collect::<Vec<_>>()
        );
        Ok(())
    }
}

impl Component {
    /// Refuses what Spin would honour and this host cannot.
    fn check(&self, id: &str) -> Result<()> {
        let unsupported = [
            ("ai_models", self.ai_models.is_empty()),
            ("allowed_http_hosts", self.allowed_http_hosts.is_empty()),
            ("dependencies", self.dependencies.is_empty()),
            (
                "dependencies_inherit_configuration",
                !self.dependencies_inherit_configuration,
            ),
            ("key_value_stores", self.key_value_stores.is_empty()),
            ("sqlite_databases", self.sqlite_databases.is_empty()),
        ];
        match unsupported.into_iter().find(|(_, unused)| !unused) {
            Some((key, _)) => bail!("component.{id}.{key}: this host does not support it"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"test\"\n";

    fn refusal(rest: &str) -> String {
        format!(
            "{:#}",
            Manifest::parse(&format!("{HEAD}{rest}")).unwrap_err()
        )
    }

    #[test]
    fn a_minimal_manifest_is_accepted() {
        let manifest = Manifest::parse(&format!(
            "{HEAD}[[trigger.http]]\ncomponent = \"a\"\nroute = \"/...\"\n[component.a]\nsource = \"a.wasm\""
        ))
        .unwrap();
        assert_eq!(manifest.components["a"].source, "a.wasm");
    }

    #[test]
    fn refusals_name_the_key_by_its_path() {
        let component = "[component.a]\nsource = \"a.wasm\"\n";
        for (rest, expected) in [
            (
                "[component.a]\nsource = \"a\"\nsauce = 1".to_owned(),
                "component.a.sauce: ",
            ),
            (
                "[application.trigger.mqtt]\naddress = \"x\"".to_owned(),
                "application.trigger.mqtt: ",
            ),
            (
                "[[trigger.mqtt]]\ncomponent = \"a\"".to_owned(),
                "unknown field `mqtt`, expected `http` or `redis`",
            ),
            (
                "[[trigger.http]]\nroute = \"/\"\ncomponent = \"b\"".to_owned(),
                "there is no component \"b\"",
            ),
            (
                "[[trigger.http]]\nroute = \"/\"".to_owned(),
                "trigger.http[0]: either",
            ),
            (
                format!("{component}ai_models = [\"x\"]"),
                "component.a.ai_models: this host does not support it",
            ),
            (
                format!("{component}sqlite_databases = [\"x\"]"),
                "component.a.sqlite_databases: ",
            ),
            ("[variables]\nx = {}".to_owned(), "variables.x: either"),
            (
                format!("{component}[[trigger.redis]]\ncomponent = \"a\"\nchannel = \"c\""),
                "trigger.redis[0]: no `address`",
            ),
        ] {
            let message = refusal(&rest);
            assert!(
                message.contains(expected),
                "{message:?} does not contain {expected:?}"
            );
        }
    }

    #[test]
    fn another_version_is_refused() {
        let error =
            Manifest::parse("spin_manifest_version = 1\n[application]\nname = \"x\"").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("spin_manifest_version: 1 is not supported")
        );
    }

    #[test]
    fn the_build_command_may_have_several_steps() {
        let build = |text: &str| toml::from_str::<Build>(text).unwrap().command();
        assert_eq!(build("command = \"make\""), "make");
        assert_eq!(build("command = [\"a\", \"b\"]"), "a && b");
    }
}
