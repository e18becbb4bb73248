//! The tables of `spin.toml`, as they are written.

use std::collections::BTreeMap;

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
    pub(super) executor: Option<Executor>,
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
pub(super) struct Executor {
    #[serde(rename = "type")]
    pub(super) kind: String,
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
    /// Where its `.wasm` file is.
    pub(crate) source: Source,
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
    pub(super) allowed_http_hosts: Vec<String>,
    #[serde(default)]
    pub(super) key_value_stores: Vec<String>,
    #[serde(default)]
    pub(super) sqlite_databases: Vec<String>,
    #[serde(default)]
    pub(super) ai_models: Vec<String>,
    #[serde(default)]
    pub(super) dependencies: toml::Table,
    #[serde(default)]
    pub(super) dependencies_inherit_configuration: bool,
}

/// The `source` of a component.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a source is the path of a .wasm file or { url = \"…\", digest = \"sha256:…\" }"
)]
pub(crate) enum Source {
    /// A path, relative to the manifest.
    File(String),
    /// A file on the web that has to have this digest.
    Url(Download),
    /// A package of a registry, which this host has no access to.
    Package {
        #[serde(rename = "registry")]
        _registry: Option<String>,
        /// Its name.
        package: String,
        #[serde(rename = "version")]
        _version: String,
    },
}

/// See [`Source::Url`].
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Download {
    /// Where Spin downloads it from.
    pub(crate) url: String,
    /// `sha256:`, and the digest in lower-case hexadecimal digits.
    pub(crate) digest: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_command_may_have_several_steps() {
        let build = |text: &str| toml::from_str::<Build>(text).unwrap().command();
        assert_eq!(build("command = \"make\""), "make");
        assert_eq!(build("command = [\"a\", \"b\"]"), "a && b");
    }
}
