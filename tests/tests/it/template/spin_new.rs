//! What `spin new` does with a template: Spin 4's reading of its manifest, its filters, its checks of parameters.
//!
//! In one thing this is stricter: Spin copies a file that is no Liquid as it is, and here that is an error.

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use liquid::partials::{EagerCompiler, InMemorySource};
use liquid_core::{
    Display_filter, Filter, FilterReflection, ParseFilter, Runtime, Value, ValueView,
};
use regex::Regex;
use serde::Deserialize;

/// A template, as `spin templates install` finds it.
pub(crate) struct Template {
    folder: PathBuf,
    parameters: IndexMap<String, Parameter>,
}

/// `metadata/spin-template.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    manifest_version: String,
    id: String,
    #[serde(rename = "description")]
    _description: String,
    #[serde(rename = "tags")]
    _tags: Vec<String>,
    parameters: IndexMap<String, Parameter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "prompt")]
    _prompt: String,
    default: Option<String>,
    pattern: Option<String>,
    allowed_values: Option<Vec<String>>,
}

impl Template {
    /// Reads the template `id` that `spin templates install --dir <source>` would install.
    pub(crate) fn installed(source: &Path, id: &str) -> Self {
        let folder = source.join("templates").join(id);
        let manifest = fs::read_to_string(folder.join("metadata/spin-template.toml"))
            .expect("the template's manifest");
        let manifest: Manifest = toml::from_str(&manifest).expect("the template's manifest");
        assert_eq!(
            (manifest.manifest_version.as_str(), manifest.id.as_str()),
            ("1", id)
        );
        for (name, parameter) in &manifest.parameters {
            assert_eq!(parameter.kind, "string", "{name}");
            if let Some(default) = &parameter.default {
                assert_eq!(parameter.check(default), Ok(()), "{name}'s default");
            }
        }
        Self {
            folder,
            parameters: manifest.parameters,
        }
    }

    /// `spin new -t <template> <name> --accept-defaults --value …`, into an empty folder.
    ///
    /// # Errors
    ///
    /// A value that the template does not allow, or what Liquid says.
    pub(crate) fn make(
        &self,
        name: &str,
        values: &[(&str, &str)],
        into: &Path,
    ) -> Result<(), String> {
        let globals = self.globals(name, values)?;
        let parser = self.parser();
        let content = self.folder.join("content");
        for file in files(&content) {
            let text = fs::read_to_string(&file).expect("a text of the template");
            let in_file = |error: liquid::Error| format!("{}: {error}", file.display());
            let text = parser
                .parse(&text)
                .and_then(|template| template.render(&globals))
                .map_err(in_file)?;
            let relative = file.strip_prefix(&content).expect("a file of the template");
            let target = into.join(relative);
            fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
            fs::write(target, text).expect("to write a file");
        }
        Ok(())
    }

    fn globals(&self, name: &str, values: &[(&str, &str)]) -> Result<liquid::Object, String> {
        let mut globals = liquid::object!({"project-name": name, "authors": "", "username": ""});
        let set = |globals: &mut liquid::Object, name: &str, value: &str| {
            globals.insert(name.to_owned().into(), Value::scalar(value.to_owned()));
        };
        for (name, parameter) in &self.parameters {
            if let Some(default) = &parameter.default {
                set(&mut globals, name, default);
            }
        }
        for (name, value) in values {
            self.parameters
                .get(*name)
                .ok_or_else(|| format!("{name}: there is no such parameter"))?
                .check(value)
                .map_err(|reason| format!("{name}: {reason}"))?;
            set(&mut globals, name, value);
        }
        Ok(globals)
    }

    fn parser(&self) -> liquid::Parser {
        let mut partials = EagerCompiler::<InMemorySource>::empty();
        for file in files(&self.folder.join("metadata/partials")) {
            let name = file.file_name().expect("a name").to_string_lossy();
            partials.add(name, fs::read_to_string(&file).expect("a partial template"));
        }
        liquid::ParserBuilder::with_stdlib()
            .partials(partials)
            .filter(KebabCase)
            .build()
            .expect("a parser")
    }
}

impl Parameter {
    fn check(&self, value: &str) -> Result<(), String> {
        let pattern = self.pattern.as_deref().unwrap_or_default();
        if !Regex::new(pattern).expect("a pattern").is_match(value) {
            return Err(format!("{value:?} does not match {pattern:?}"));
        }
        match &self.allowed_values {
            Some(allowed) if !allowed.iter().any(|allowed| allowed == value) => {
                Err(format!("{value:?} is not one of {allowed:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the template") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[derive(Clone, ParseFilter, FilterReflection)]
#[filter(
    name = "kebab_case",
    description = "As Spin's.",
    parsed(KebabCaseFilter)
)]
struct KebabCase;

#[derive(Debug, Default, Display_filter)]
#[name = "kebab_case"]
struct KebabCaseFilter;

impl Filter for KebabCaseFilter {
    fn evaluate(&self, input: &dyn ValueView, _: &dyn Runtime) -> liquid_core::Result<Value> {
        let text = input.to_kstr();
        let words = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        Ok(Value::scalar(
            words.collect::<Vec<_>>().join("-").to_lowercase(),
        ))
    }
}
