//! A source's metadata and schema: texts that devices are told when they change.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::model::{MAX_VALUE_BYTES, to_text};

/// A source's metadata or schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    text: String,
    digest: u64,
}

/// Why a text describes no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDescription {
    /// It is too long for a page.
    #[error("the {what} has {bytes} bytes; at most {MAX_VALUE_BYTES} are allowed")]
    TooLong {
        /// Metadata or schema.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// A schema is not JSON, or not an object.
    #[error("the schema is not a JSON object")]
    NotAnObject,
    /// A schema has no version, or one that is neither a text nor a number.
    #[error("the schema has no \"version\" that is a text or a number")]
    NoVersion,
}

impl Description {
    /// Metadata: any text; another text is news. An empty one describes nothing.
    ///
    /// # Errors
    /// When it is too long.
    pub fn metadata(text: String) -> Result<Option<Self>, InvalidDescription> {
        check_length("metadata", &text)?;
        let digest = digest(&text);
        Ok((!text.is_empty()).then_some(Self { text, digest }))
    }

    /// A schema: a JSON object; another `version` is news.
    ///
    /// # Errors
    /// When it is too long, not a JSON object, or has no version.
    pub fn schema(text: String) -> Result<Self, InvalidDescription> {
        check_length("schema", &text)?;
        let mut schema: Map<String, Value> =
            serde_json::from_str(&text).map_err(|_| InvalidDescription::NotAnObject)?;
        let version = match schema.remove("version") {
            Some(version @ (Value::String(_) | Value::Number(_))) => to_text(version),
            _ => return Err(InvalidDescription::NoVersion),
        };
        let digest = digest(&version);
        Ok(Self { text, digest })
    }

    /// The text itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether a description is another.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }
}

fn check_length(what: &'static str, text: &str) -> Result<(), InvalidDescription> {
    let bytes = text.len();
    if bytes > MAX_VALUE_BYTES {
        return Err(InvalidDescription::TooLong { what, bytes });
    }
    Ok(())
}

fn digest(text: &str) -> u64 {
    let bytes = Sha256::digest(text);
    bytes
        .iter()
        .take(8)
        .fold(0, |digest, byte| digest << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_told_apart_by_its_version_alone() {
        let schema = |text: &str| Description::schema(text.to_owned());
        let first = schema(r#"{"version":"1.0","property":{"name":"string"}}"#).unwrap();
        let other = schema(r#"{"property":{},"version":"1.0"}"#).unwrap();
        assert_eq!(first.digest(), other.digest());
        let next = schema(r#"{"version":2}"#).unwrap();
        assert_ne!(first.digest(), next.digest());
        assert_eq!(schema("[1]"), Err(InvalidDescription::NotAnObject));
        assert_eq!(schema("version"), Err(InvalidDescription::NotAnObject));
        for wrong in ["{}", r#"{"version":null}"#, r#"{"version":{}}"#] {
            assert_eq!(schema(wrong), Err(InvalidDescription::NoVersion), "{wrong}");
        }
    }

    #[test]
    fn metadata_is_any_text_of_bearable_length() {
        assert_eq!(Description::metadata(String::new()), Ok(None));
        let long = Description::metadata("x".repeat(MAX_VALUE_BYTES + 1));
        assert!(matches!(long, Err(InvalidDescription::TooLong { .. })));
        let text = Description::metadata("{\"a\":1}".to_owned()).unwrap();
        assert_eq!(text.unwrap().text(), "{\"a\":1}");
    }
}
