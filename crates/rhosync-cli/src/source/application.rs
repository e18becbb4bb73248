//! The settings of one source, as an application's folder has them.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sync_core::{
    PartitionRule, Settings, SettingsError, SettingsFile, SettingsPart, SourceName, SourceSettings,
};

use super::place::Written;
use super::problem::{Problem, with_suggestion};
use crate::advice::misused;
use crate::files;

/// Which source of which application.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The source.
    pub(super) name: String,

    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = "rhosync.toml")]
    pub(super) settings: PathBuf,
}

/// Values of variables, by name.
pub(super) type Variables = BTreeMap<String, String>;

/// A source with its settings.
pub(super) struct Application {
    pub(super) written: Written,
    pub(super) settings: Settings,
    pub(super) name: SourceName,
    pub(super) source: SourceSettings,
    /// The variables that the source refers to.
    pub(super) variables: Variables,
}

impl Place {
    /// The folder of the application.
    pub(super) fn folder(&self) -> &Path {
        match self.settings.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The file as messages call it.
    pub(super) fn file(&self) -> String {
        self.settings.display().to_string()
    }

    /// Reads the settings; where they are wrong, answers that.
    pub(super) fn open(&self, given: &Variables) -> Result<Result<Application, Problem>> {
        let Some(text) = files::read(&self.settings)? else {
            return Err(misused(
                format!("there is no {}", self.file()),
                "name the application's settings file with --settings FILE",
            ));
        };
        let written = Written::new(text.clone());
        let wrong = |error: SettingsError| {
            let SettingsError { key, reason, .. } = error;
            Problem::new(&written, key, with_suggestion(reason))
        };
        let file = match SettingsFile::parse(&self.file(), &text) {
            Ok(file) => file,
            Err(error) => return Ok(Err(wrong(error))),
        };
        let names: Vec<_> = file.source_names().map(ToString::to_string).collect();
        if !names.contains(&self.name) {
            let known = match names.is_empty() {
                true => "none".to_owned(),
                false => names.join(", "),
            };
            return Err(misused(
                format!("{} has no source {}", self.file(), self.name),
                format!(
                    "it has {known}; `rhosync source new {}` makes one",
                    self.name
                ),
            ));
        }
        let mut parts = vec![SettingsPart::BackEnds];
        if written.text_at("authentication.method") == Some("back-end") {
            parts.push(SettingsPart::SignIn);
        }
        let file = file.only_source(&self.name).only(&parts);
        let manifest = self.manifest()?;
        let names: Vec<String> = file.variables().into_iter().map(str::to_owned).collect();
        let known = names.iter();
        let variables: Variables = known
            .filter_map(|name| Some((name.clone(), value_of(name, given, &manifest)?)))
            .collect();
        let settings = match file.resolve(|name| variables.get(name).cloned()) {
            Ok(settings) => settings,
            Err(error) => {
                let mut problem = wrong(error);
                let is_meant = |name: &&String| {
                    let is_named = problem.message.contains(&format!("{name:?}"));
                    is_named && !variables.contains_key(*name)
                };
                if let Some(name) = names.iter().find(is_meant) {
                    let environment = name.to_ascii_uppercase();
                    let here =
                        format!("; here, by SPIN_VARIABLE_{environment} or --variable {name}=…");
                    problem.message.push_str(&here);
                }
                return Ok(Err(problem));
            }
        };
        let (name, source) = settings.source(&self.name).context("the source is gone")?;
        Ok(Ok(Application {
            name: name.clone(),
            source: source.clone(),
            written,
            settings,
            variables,
        }))
    }

    fn manifest(&self) -> Result<Written> {
        let manifest = files::read(&self.folder().join("spin.toml"))?;
        Ok(Written::new(manifest.unwrap_or_default()))
    }

    /// The value of a variable, if it has one.
    pub(super) fn variable(&self, name: &str) -> Result<Option<String>> {
        Ok(value_of(name, &Variables::new(), &self.manifest()?))
    }
}

impl Application {
    /// Whether everybody shares one copy.
    pub(super) fn is_shared(&self) -> bool {
        self.source.partition == PartitionRule::App
    }

    /// The partitions that users are in at once, as the settings have them; none where it is one at a time.
    pub(super) fn several_partitions(&self) -> Vec<String> {
        let key = format!("sources.{}.partition", self.name);
        self.written.names_at(&key)
    }

    /// The table of the adapter.
    pub(super) fn table(&self) -> String {
        let key = format!("sources.{}", self.name);
        match self.written.text_at(&format!("{key}.adapter")) {
            Some(adapter) if adapter != "rust" && adapter != "push-only" => {
                format!("{key}.{adapter}")
            }
            _ => key,
        }
    }

    /// Everything of the settings that nobody may read in a file of fixtures.
    pub(super) fn secrets(&self) -> Vec<String> {
        let own = format!("sources.{}.", self.name);
        let hidden = self.settings.describe().into_iter().filter(|setting| {
            let is_used =
                setting.key.starts_with(&own) || setting.key.starts_with("authentication.");
            is_used && setting.value == "\"***\""
        });
        hidden
            .filter_map(|setting| match &setting.variable {
                Some(name) => self.variables.get(name).cloned(),
                None => self.written.text_at(&setting.key).map(str::to_owned),
            })
            .filter(|secret| !secret.is_empty())
            .collect()
    }
}

/// A variable's value: that of the command line, of the environment, or what `spin.toml` says where nobody sets it.
fn value_of(name: &str, given: &Variables, manifest: &Written) -> Option<String> {
    let of_environment = || env::var(format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())).ok();
    let default = || {
        manifest
            .text_at(&format!("variables.{name}.default"))
            .map(str::to_owned)
    };
    given
        .get(name)
        .cloned()
        .or_else(of_environment)
        .or_else(default)
}
