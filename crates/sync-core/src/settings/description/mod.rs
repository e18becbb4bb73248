//! What the settings are, for people: every one that is in force, where it comes from, and nothing that is secret.
//!
//! They are made from the types that the file is read into, so that there is none that the file may have and this has not.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use crate::settings::contents::contents;
use crate::settings::text::HIDDEN;
use crate::settings::{Secret, Text};

/// A setting that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingDescription {
    /// Its key, with its tables: `sources.Product.poll_interval`.
    pub key: String,
    /// Its value as the file would write it; `"***"` for what is secret.
    pub value: String,
    /// Where it comes from.
    pub origin: SettingOrigin,
    /// The variable that it comes from, if it does.
    pub variable: Option<String>,
}

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingOrigin {
    /// Nobody has set it.
    Default,
    /// The settings file.
    File,
    /// A variable.
    Variable,
    /// An administrator, at run time.
    Administrator,
}

/// What the settings file has, and what is known of the variables that it names.
#[derive(Clone)]
pub(super) struct WrittenSettings {
    file: Rc<Value>,
    variables: Rc<BTreeMap<String, Secret>>,
    /// Variables that the component has beside the file.
    beside: Vec<SettingDescription>,
}

/// Passwords may be anywhere in it.
impl fmt::Debug for WrittenSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl WrittenSettings {
    pub(super) fn new(file: Value) -> Self {
        Self {
            file: Rc::new(file),
            variables: Rc::default(),
            beside: Vec::new(),
        }
    }

    pub(super) fn with_variables(self, variables: BTreeMap<String, Secret>) -> Self {
        Self {
            variables: Rc::new(variables),
            ..self
        }
    }

    pub(super) fn note_variable(&mut self, name: &str, value: &str, is_secret: bool) {
        if !value.is_empty() {
            self.beside.push(SettingDescription {
                key: name.to_owned(),
                value: match is_secret {
                    true => Value::from(HIDDEN).to_string(),
                    false => text_of_setting(value),
                },
                origin: SettingOrigin::Variable,
                variable: Some(name.to_owned()),
            });
        }
    }

    pub(super) fn has_table(&self, table: &str) -> bool {
        let found = table
            .split('.')
            .try_fold(&*self.file, |value, name| value.get(name));
        found.is_some_and(Value::is_object)
    }

    /// What the file has at a place, with the values of the variables that it names.
    pub(super) fn filled_in(&self, place: &[&str]) -> Option<Value> {
        let found = place
            .iter()
            .try_fold(&*self.file, |value, name| value.get(name))?;
        Some(self.with_values(found))
    }

    fn with_values(&self, value: &Value) -> Value {
        let Value::Object(fields) = value else {
            return value.clone();
        };
        if let Ok(text) = serde_json::from_value::<Text>(value.clone()) {
            let value = |name: &str| Some(self.variables.get(name)?.expose().to_owned());
            return text.resolve(&value).unwrap_or_default().into();
        }
        let fields = fields.iter();
        fields
            .map(|(name, value)| (name.clone(), self.with_values(value)))
            .collect()
    }

    pub(super) fn describe(&self) -> Vec<SettingDescription> {
        let mut described = self.beside.clone();
        // It was read before.
        if let Ok(mut contents) = contents(&self.file) {
            contents.fill_in();
            let values = serde_json::to_value(&contents).unwrap_or_default();
            self.add("", &values, Some(&self.file), &mut described);
        }
        described
    }

    /// Adds what is below a key; `written` is what the file has there.
    fn add(
        &self,
        key: &str,
        value: &Value,
        written: Option<&Value>,
        described: &mut Vec<SettingDescription>,
    ) {
        let (value, origin, variable) = match value {
            // Nobody has set it, and nothing holds in its place.
            Value::Null => return,
            Value::Object(fields) => match Variable::of(value) {
                None => {
                    for (name, value) in fields {
                        let written = written.and_then(|written| written.get(name));
                        let hidden = hides(key, name).then(|| without_texts(value));
                        let value = hidden.as_ref().unwrap_or(value);
                        self.add(&setting_key(key, name), value, written, described);
                    }
                    return;
                }
                Some(variable) => (
                    self.value_of(&variable),
                    SettingOrigin::Variable,
                    Some(variable.name.to_owned()),
                ),
            },
            Value::String(text) => (text_of_setting(text), origin(written), None),
            other => (other.to_string(), origin(written), None),
        };
        described.push(SettingDescription {
            key: key.to_owned(),
            value,
            origin,
            variable,
        });
    }

    /// The value that comes from a variable. Of those that only other components use, this one knows the name only.
    fn value_of(&self, variable: &Variable<'_>) -> String {
        let Variable {
            name,
            path,
            is_secret,
        } = variable;
        if *is_secret {
            return Value::from(HIDDEN).to_string();
        }
        match self.variables.get(*name) {
            Some(value) if path.is_empty() => text_of_setting(value.expose()),
            Some(value) => {
                text_of_setting(&format!("{}{path}", value.expose().trim_end_matches('/')))
            }
            None => format!("{{ variable = {} }}", Value::from(*name)),
        }
    }
}

/// A key in a table, quoted where TOML wants that.
pub(crate) fn setting_key(table: &str, name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    };
    match table {
        "" => name,
        table => format!("{table}.{name}"),
    }
}

/// Whether what is below a key is template by template what a request proves itself by: what is written into headers.
fn hides(table: &str, name: &str) -> bool {
    match name {
        "headers" => table != "sources",
        "header" => table.ends_with(".soap"),
        _ => false,
    }
}

/// A value with nothing to read in it. What comes from variables is hidden where it is one that may be secret.
fn without_texts(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::from(HIDDEN),
        Value::Object(fields) if Variable::of(value).is_none() => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (name.clone(), without_texts(value)))
                .collect()
        }
        other => other.clone(),
    }
}

fn origin(written: Option<&Value>) -> SettingOrigin {
    match written {
        Some(_) => SettingOrigin::File,
        None => SettingOrigin::Default,
    }
}

/// A text that comes from a variable, as [`Text`] writes it.
struct Variable<'a> {
    name: &'a str,
    path: &'a str,
    is_secret: bool,
}

impl<'a> Variable<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        Some(Self {
            name: value.get("variable")?.as_str()?,
            path: value.get("path")?.as_str()?,
            is_secret: value.get("secret")?.as_bool()?,
        })
    }
}

/// A text as the file would write it. What an address says of a user, and its query, may be secret.
pub(crate) fn text_of_setting(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Value::from(text).to_string();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None => authority.to_owned(),
    };
    let path = match path.split_once('?') {
        Some((path, _)) => format!("{path}?{HIDDEN}"),
        None => path.to_owned(),
    };
    Value::from(format!("{scheme}://{authority}{path}")).to_string()
}
