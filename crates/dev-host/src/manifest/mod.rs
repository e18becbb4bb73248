//! The manifest: `spin.toml`, version 2.
//!
//! Unknown keys are errors, as in Spin. Keys that Spin knows and this host cannot honour are read, so that
//! [`Manifest::load`] can refuse them by name instead of running the application without them.

mod schema;

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};

pub(crate) use schema::{
    Component, Download, Files, Manifest, Route, Source, StaticResponse, Table, Variable,
};

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
        if let Source::Package { package, .. } = &self.source {
            bail!(
                "component.{id}.source: this host knows no registry to get the package {package:?} from"
            );
        }
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
        assert_eq!(
            manifest.components["a"].source,
            Source::File("a.wasm".to_owned())
        );
    }

    #[test]
    fn a_source_may_be_on_the_web() {
        let source = |source: &str| {
            Manifest::parse(&format!("{HEAD}[component.a]\nsource = {source}"))
                .map(|mut manifest| manifest.components.remove("a").unwrap().source)
        };
        let download = Download {
            url: "https://x.test/a.wasm".to_owned(),
            digest: "sha256:00".to_owned(),
        };
        assert_eq!(
            source(r#"{ url = "https://x.test/a.wasm", digest = "sha256:00" }"#).unwrap(),
            Source::Url(download)
        );
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
                "[component.a]\nsource = { url = \"https://x.test/a.wasm\" }".to_owned(),
                "a source is the path of a .wasm file or { url = ",
            ),
            (
                "[component.a]\nsource = { package = \"a:b\", version = \"1.0.0\" }".to_owned(),
                "component.a.source: this host knows no registry",
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
}
