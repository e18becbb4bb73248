//! Texts that the settings file has, or a variable.

use std::fmt;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

/// A text, or the name of the variable that holds it.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum Text {
    /// As it stands.
    Plain(String),
    /// `{ variable = "crm_url", path = "/products" }`: the variable's value, with `path` behind it.
    Variable(VariableText),
}

/// See [`Text::Variable`].
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct VariableText {
    variable: String,
    #[serde(default)]
    path: String,
}

impl Text {
    pub(crate) fn variable(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Variable(text) => Some(&text.variable),
        }
    }

    pub(crate) fn resolve(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<String, String> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Variable(VariableText {
                variable: name,
                path,
            }) => {
                let value = variable(name).ok_or_else(|| {
                    format!("the variable {name:?} has no value: declare it in spin.toml, for the application and for this component")
                })?;
                Ok(if path.is_empty() {
                    value
                } else {
                    format!("{}{path}", value.trim_end_matches('/'))
                })
            }
        }
    }
}

/// Plain text might be a password: neither is printed.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("***"),
            Self::Variable(text) => write!(f, "variable {:?}", text.variable),
        }
    }
}

/// How a text stands among [described settings](crate::settings::SettingDescription): hidden, since it may be a password.
/// What may be seen says so, by [`shown`].
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(_) => serializer.serialize_str(HIDDEN),
            Self::Variable(text) => text.serialize_as(serializer, true),
        }
    }
}

impl VariableText {
    fn serialize_as<S: Serializer>(
        &self,
        serializer: S,
        is_secret: bool,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("variable", &self.variable)?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("secret", &is_secret)?;
        map.end()
    }
}

/// Serializes a text that may be seen.
pub(super) fn shown<S: Serializer>(text: &Text, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        Text::Plain(text) => serializer.serialize_str(text),
        Text::Variable(text) => text.serialize_as(serializer, false),
    }
}

/// The same for one that may be missing.
pub(super) fn shown_if_any<S: Serializer>(
    text: &Option<Text>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => shown(text, serializer),
        None => serializer.serialize_none(),
    }
}

/// In the place of a secret.
pub(super) const HIDDEN: &str = "***";

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
