//! The settings of what an answer has for a source, which adapters without code have in common.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::mapping::{AttributeType, Children, Format, Mapping, Nested, Path, Selection};
use crate::settings::{KeyError, wrong};

/// What separates the values of a line where the file does not say.
const DEFAULT_DELIMITER: &str = ",";

/// The keys of a mapping, which stand in an adapter's table among others.
pub(super) struct MappingEntry<'a> {
    /// The adapter's table, `rest` for instance.
    pub(super) table: &'static str,
    pub(super) format: Format,
    pub(super) delimiter: Option<&'a str>,
    pub(super) records: &'a str,
    pub(super) children: Option<&'a ChildrenEntry>,
    pub(super) id: Option<&'a IdEntry>,
    pub(super) attributes: Option<&'a AttributesEntry>,
    pub(super) omit: &'a BTreeSet<String>,
    pub(super) nested: Nested,
    pub(super) types: &'a BTreeMap<String, AttributeType>,
}

/// Records within records.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ChildrenEntry {
    /// Path to them, in a record.
    records: String,
    /// What of the record around them they get: names and paths.
    #[serde(default)]
    parent: BTreeMap<String, String>,
}

/// A value that is the id, or several that make it up.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum IdEntry {
    One(String),
    Several(Vec<String>),
}

/// The names of values, or names and paths.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum AttributesEntry {
    Named(Vec<String>),
    At(BTreeMap<String, String>),
}

impl MappingEntry<'_> {
    /// Compiles the paths.
    pub(super) fn resolve(&self) -> Result<Mapping, KeyError> {
        let key = |key: &str| format!("{}.{key}", self.table);
        let path = |name: &str, text: &str| Path::parse(text).map_err(|reason| (key(name), reason));
        let paths = |name: &str, named: &BTreeMap<String, String>| {
            let named = named.iter();
            let named = named.map(|(attribute, text)| {
                Ok((
                    attribute.clone(),
                    path(&format!("{name}.{attribute}"), text)?,
                ))
            });
            named.collect::<Result<BTreeMap<_, _>, KeyError>>()
        };
        if !self.records.is_empty() && !self.records.starts_with(['/', '$']) {
            return wrong(
                &key("records"),
                "is a JSONPath ($.items), or a JSON pointer, which starts with a slash: /items for instance",
            );
        }
        let records = path("records", self.records)?;
        match self.format {
            Format::Csv if !self.records.is_empty() => {
                return wrong(
                    &key("records"),
                    "the records of CSV are its lines: leave it out",
                );
            }
            Format::Xml if self.records.is_empty() => {
                return wrong(
                    &key("records"),
                    "say where the records are: $.list.item for instance",
                );
            }
            Format::Xml if records.names_elements() => {
                return wrong(&key("records"), "leave the [*] out: one element is no list");
            }
            _ => {}
        }
        let delimiter = match (self.delimiter, self.format) {
            (Some(_), Format::Json | Format::Xml) => {
                return wrong(&key("delimiter"), "only CSV has one");
            }
            (delimiter, _) => delimiter.unwrap_or(DEFAULT_DELIMITER),
        };
        let &[delimiter] = delimiter.as_bytes() else {
            return wrong(&key("delimiter"), "is one character of ASCII");
        };
        let id = match self.id {
            None => vec![path("id", "id")?],
            Some(IdEntry::One(id)) => vec![path("id", id)?],
            Some(IdEntry::Several(ids)) => ids
                .iter()
                .map(|id| path("id", id))
                .collect::<Result<_, _>>()?,
        };
        if id.is_empty() || id.iter().any(|path| path.as_str().is_empty()) {
            return wrong(&key("id"), "is empty");
        }
        let selection = match self.attributes {
            None => Selection::All,
            Some(AttributesEntry::Named(names)) => {
                Selection::Named(names.iter().cloned().collect())
            }
            Some(AttributesEntry::At(named)) => Selection::At(paths("attributes", named)?),
        };
        let children = match self.children {
            None => None,
            Some(ChildrenEntry { records, parent }) => Some(Children {
                records: path("children.records", records)?,
                parent: paths("children.parent", parent)?,
            }),
        };
        Ok(Mapping {
            format: self.format,
            delimiter,
            records,
            children,
            id,
            selection,
            omit: self.omit.clone(),
            nested: self.nested,
            types: self.types.clone(),
        })
    }
}
