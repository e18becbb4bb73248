//! The answer to a pull: a positional array that devices read strictly in order.

use std::collections::BTreeMap;

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::PAGE_VERSION;

/// Objects by id.
pub type Objects = BTreeMap<String, Fields>;

/// An object's attributes.
#[derive(Debug, Clone)]
pub enum Fields {
    /// Attribute → value.
    Map(BTreeMap<String, String>),
    /// The same as JSON text that was stored in exactly the form a device reads.
    Raw(Box<RawValue>),
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Map(map) => map.serialize(serializer),
            Self::Raw(raw) => raw.serialize(serializer),
        }
    }
}

/// One page of a pull.
#[derive(Debug, Clone)]
pub struct Page {
    /// What the device sends back to acknowledge the page; `None` ends the sync of the source.
    pub token: Option<u64>,
    /// Objects in `insert` plus objects in `delete`.
    pub count: usize,
    /// Objects the device had before this page.
    pub progress_count: u64,
    /// Objects of the whole master document.
    pub total_count: u64,
    /// What the device has to do.
    pub commands: Commands,
}

/// The command object of a page. Empty parts are left out.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Commands {
    /// Attributes to set.
    #[serde(skip_serializing_if = "Objects::is_empty")]
    pub insert: Objects,
    /// Attributes to remove; only their names count. An object goes with its last attribute.
    #[serde(skip_serializing_if = "Objects::is_empty")]
    pub delete: Objects,
    /// Temporary id → the id the back end gave.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, Link>,
    /// What applications need to know of the source beside its objects, a text of any form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Creates that failed.
    #[serde(skip_serializing_if = "ErrorMap::is_empty")]
    pub create_error: ErrorMap,
    /// Updates that failed.
    #[serde(skip_serializing_if = "ErrorMap::is_empty")]
    pub update_error: ErrorMap,
    /// Deletes that failed.
    #[serde(skip_serializing_if = "ErrorMap::is_empty")]
    pub delete_error: ErrorMap,
    /// What is wrong with the source itself, by kind (`query-error`, `login-error`, `logoff-error`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_error: BTreeMap<String, ErrorMessage>,
    /// The objects of failed updates as the server has them.
    #[serde(skip_serializing_if = "Objects::is_empty")]
    pub update_rollback: Objects,
    /// Set when the device must throw its copy of the source away and start over. Stands alone in its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_changed: Option<&'static str>,
}

/// The id the back end gave to an object that a device created.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// The id.
    #[serde(rename = "l")]
    pub id: String,
}

/// A message for the device's user or developer.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorMessage {
    /// The text.
    pub message: String,
}

/// Failed operations by object id: what was sent, and why it failed.
///
/// On the wire the two stand side by side under `<id>` and `<id>-error`.
#[derive(Debug, Clone, Default)]
pub struct ErrorMap(pub BTreeMap<String, (BTreeMap<String, String>, ErrorMessage)>);

impl ErrorMap {
    /// Whether there is no error.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for ErrorMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len() * 2))?;
        for (id, (attributes, error)) in &self.0 {
            map.serialize_entry(id, attributes)?;
            map.serialize_entry(&format!("{id}-error"), error)?;
        }
        map.end()
    }
}

impl Commands {
    /// Whether the device has nothing to do.
    pub fn is_empty(&self) -> bool {
        self.insert.is_empty()
            && self.delete.is_empty()
            && self.links.is_empty()
            && self.metadata.is_none()
            && self.create_error.is_empty()
            && self.update_error.is_empty()
            && self.delete_error.is_empty()
            && self.source_error.is_empty()
            && self.update_rollback.is_empty()
            && self.schema_changed.is_none()
    }
}

impl Serialize for Page {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case")]
        enum Item {
            Version(u8),
            Token(String),
            Count(usize),
            ProgressCount(u64),
            TotalCount(u64),
        }
        let token = self
            .token
            .map_or_else(String::new, |token| token.to_string());
        let mut items = serializer.serialize_seq(Some(6))?;
        items.serialize_element(&Item::Version(PAGE_VERSION))?;
        items.serialize_element(&Item::Token(token))?;
        items.serialize_element(&Item::Count(self.count))?;
        items.serialize_element(&Item::ProgressCount(self.progress_count))?;
        items.serialize_element(&Item::TotalCount(self.total_count))?;
        items.serialize_element(&self.commands)?;
        items.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn a_page_with_everything_has_the_positions_and_names_devices_read() {
        let mut commands = Commands::default();
        commands
            .insert
            .insert("1".into(), Fields::Map(map([("price", "149.99")])));
        commands
            .delete
            .insert("2".into(), Fields::Map(map([("price", "")])));
        commands.links.insert("t1".into(), Link { id: "77".into() });
        commands.metadata = Some(r#"{"a":1}"#.into());
        let error = ErrorMessage {
            message: "no".into(),
        };
        commands
            .create_error
            .0
            .insert("t2".into(), (map([("name", "x")]), error.clone()));
        commands.source_error.insert("query-error".into(), error);
        commands
            .update_rollback
            .insert("3".into(), Fields::Map(map([("name", "old")])));
        let page = Page {
            token: Some(42),
            count: 2,
            progress_count: 1,
            total_count: 9,
            commands,
        };
        insta::assert_snapshot!(serde_json::to_string(&page).unwrap(), @r#"[{"version":3},{"token":"42"},{"count":2},{"progress_count":1},{"total_count":9},{"insert":{"1":{"price":"149.99"}},"delete":{"2":{"price":""}},"links":{"t1":{"l":"77"}},"metadata":"{\"a\":1}","create-error":{"t2":{"name":"x"},"t2-error":{"message":"no"}},"source-error":{"query-error":{"message":"no"}},"update-rollback":{"3":{"name":"old"}}}]"#);
    }
}
