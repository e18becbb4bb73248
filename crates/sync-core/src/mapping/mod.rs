//! The language that connects a back end's answers with objects, shared by all adapters that need no code.
//!
//! Paths say where the records of an answer are, which of their values is the id, and what becomes of the others. Templates
//! say what goes out. Both are compiled when the settings are read; a record costs a walk.

mod csv;
mod listing;
mod names;
mod path;
mod template;
mod values;
mod xml;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::memory::NoRoom;
use crate::model::{Attributes, to_text};

pub(crate) use path::{LoneObject, Path};
pub(crate) use template::{Context, Escape, Template};
pub(crate) use values::AttributeType;

/// What joins the values that make an id together, and the names of nested values.
const ID_SEPARATOR: &str = ":";
const NAME_SEPARATOR: char = '.';

/// Numbers with a fraction, or beyond 64 bits, are as far apart as this, and two of them may be read as the same: 2^53.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Most names of a record that a message lists.
const FEW: usize = 12;

/// In which form a back end answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// JSON.
    #[default]
    Json,
    /// XML in UTF-8.
    Xml,
    /// CSV in UTF-8, with names in the first line.
    Csv,
}

/// What becomes of objects in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Nested {
    /// They are kept as JSON text.
    #[default]
    Json,
    /// Each of their members is an attribute of its own, `address.city`; lists are kept as JSON text.
    Flatten,
}

/// Which values of a record devices get.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    All,
    Named(BTreeSet<String>),
    /// By the names that devices know them by.
    At(BTreeMap<String, Path>),
}

/// Records within records.
#[derive(Debug, Clone)]
pub(crate) struct Children {
    /// Where they are in a record.
    pub(crate) records: Path,
    /// What of the record around them they get, by the names it has in them.
    pub(crate) parent: BTreeMap<String, Path>,
}

/// What an answer has for a source.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    pub(crate) format: Format,
    pub(crate) delimiter: u8,
    pub(crate) records: Path,
    pub(crate) children: Option<Children>,
    /// The values that make up an id.
    pub(crate) id: Vec<Path>,
    pub(crate) selection: Selection,
    pub(crate) omit: BTreeSet<String>,
    pub(crate) nested: Nested,
    pub(crate) types: BTreeMap<String, AttributeType>,
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is not in the form that the settings say.
    #[error("{0}")]
    Malformed(String),
    /// It takes too much memory.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// What contradicts a setting in an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Misfit {
    /// The setting's key in the adapter's table.
    pub(crate) setting: &'static str,
    /// What the answer has instead.
    pub(crate) reason: String,
}

impl Misfit {
    /// The same of the record with this number, of several.
    pub(crate) fn of_record(self, number: usize, all: usize) -> Self {
        Self {
            reason: format!("{} (record {number} of {all})", self.reason),
            ..self
        }
    }
}

/// A text without the mark that some begin with to say that they are UTF-8.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

fn misfit(setting: &'static str) -> impl Fn(String) -> Misfit {
    move |reason| Misfit { setting, reason }
}

/// A record of an answer, not looked at yet.
#[derive(Debug)]
pub(crate) struct Record {
    key: Option<String>,
    value: Value,
}

impl Record {
    /// A record of a list.
    pub(crate) fn new(value: Value) -> Self {
        Self { key: None, value }
    }

    /// The record as the answer has it.
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }
}

/// An object as a record has it.
#[derive(Debug, PartialEq)]
pub(crate) struct Mapped {
    pub(crate) id: String,
    /// Its values, or why it cannot be kept.
    pub(crate) values: Result<Map<String, Value>, String>,
}

impl Mapping {
    /// Reads XML or CSV; `weigh` is told what each value takes in memory before it is made.
    pub(crate) fn read_text(
        &self,
        body: &[u8],
        weigh: &mut dyn FnMut(usize) -> Result<(), NoRoom>,
    ) -> Result<Value, Unreadable> {
        let text = std::str::from_utf8(without_mark(body))
            .map_err(|_| Unreadable::Malformed("it is not UTF-8".to_owned()))?;
        match self.format {
            Format::Csv => {
                let columns: Vec<&str> = self.id.iter().filter_map(Path::member).collect();
                csv::read_csv(text, self.delimiter, &columns, weigh)
            }
            Format::Json | Format::Xml => xml::read_xml(text, weigh),
        }
    }

    /// Reads a list in JSON record by record; `each` says whether it wants another. Answers what is around the records, with an empty
    /// list in their place, or nothing where only a tree tells what the answer has.
    pub(crate) fn read_each<'a>(
        &self,
        json: &'a [u8],
        each: &mut dyn FnMut(&'a RawValue) -> Option<()>,
    ) -> Option<Value> {
        if self.format != Format::Json || self.children.is_some() {
            return None;
        }
        listing::read_each(without_mark(json), self.records.steps_to_list()?, each)
    }

    /// Takes the records out of an answer.
    ///
    /// # Errors
    /// What the answer has instead.
    pub(crate) fn records(&self, answer: Value) -> Result<Vec<Record>, Misfit> {
        let lone = self.lone_object();
        let found = self.records.take_records(answer, lone);
        let found = found.map_err(misfit("records"))?;
        let Some(children) = &self.children else {
            let found = found.into_iter();
            return Ok(found.map(|(key, value)| Record { key, value }).collect());
        };
        let mut records = Vec::new();
        for (_, mut around) in found {
            let parent = children.parent.iter();
            let parent: Vec<(String, Value)> = parent
                .filter_map(|(name, path)| Some((name.clone(), path.read(&around)?.into_owned())))
                .collect();
            // A record without a list of its own has no children.
            let within = match children.records.take(&mut around) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) if text.is_empty() => continue,
                Some(Value::Array(within)) => within,
                Some(one @ Value::Object(_)) if lone == LoneObject::Record => vec![one],
                _ => {
                    let path = children.records.as_str();
                    let reason = format!("what a record has at {path:?} is not a list");
                    return Err(misfit("children.records")(reason));
                }
            };
            for mut value in within {
                if let Value::Object(members) = &mut value {
                    members.extend(parent.iter().cloned());
                }
                records.push(Record { key: None, value });
            }
        }
        Ok(records)
    }

    /// Reads a record. One without an id makes the answer unusable, as nobody knows which object it stands for.
    ///
    /// # Errors
    /// Why it has no id.
    pub(crate) fn object(&self, record: Record) -> Result<Mapped, Misfit> {
        let Record { key, mut value } = record;
        if !value.is_object() {
            let reason = match key {
                Some(key) => format!(
                    "the answer is no list but an object, and its member {key:?} is no record"
                ),
                None => "a record is not an object".to_owned(),
            };
            return Err(misfit("records")(reason));
        }
        let id = match key {
            Some(key) => key,
            None => self.id_of(&value).map_err(misfit("id"))?,
        };
        let values = match &self.selection {
            Selection::At(paths) => {
                let values = paths.iter();
                let values = values.filter_map(|(name, path)| {
                    Some((name.clone(), path.read(&value)?.into_owned()))
                });
                values.collect()
            }
            Selection::All | Selection::Named(_) => {
                let mut members = match value.take() {
                    Value::Object(members) => members,
                    _ => Map::new(),
                };
                if let [path] = &self.id[..]
                    && let Some(name) = path.member()
                {
                    members.remove(name);
                }
                members
            }
        };
        let values = if self.nested == Nested::Flatten {
            flattened(values)
        } else {
            values
        };
        let values = self.kept(values);
        Ok(Mapped { id, values })
    }

    /// The id of a record.
    ///
    /// # Errors
    /// Where it should be.
    pub(crate) fn id_of(&self, record: &Value) -> Result<String, String> {
        let part = |path: &Path| {
            let part = path.read(record);
            if let Some(Value::Number(number)) = part.as_deref()
                && number.as_f64().is_some_and(|it| it.abs() >= MOST_EXACT)
                && !number.is_i64()
                && !number.is_u64()
            {
                return Err(format!(
                    "the id at {:?} is a number with more digits than can be told apart ({number}); have the back end send it as a text",
                    path.as_str()
                ));
            }
            let part = part.map(|part| to_text(part.into_owned()));
            part.filter(|part| !part.is_empty()).ok_or_else(|| {
                let names = record.as_object().into_iter().flat_map(Map::keys);
                let names: Vec<_> = names.take(FEW).map(String::as_str).collect();
                format!(
                    "a record has no {:?}; it has {}",
                    path.as_str(),
                    names.join(", ")
                )
            })
        };
        match &self.id[..] {
            [path] => part(path),
            paths => Ok(paths
                .iter()
                .map(part)
                .collect::<Result<Vec<_>, _>>()?
                .join(ID_SEPARATOR)),
        }
    }

    /// The values that an id is made up of.
    pub(crate) fn parts_of_id<'a>(&self, id: &'a str) -> Vec<&'a str> {
        match self.id.len() {
            1 => vec![id],
            parts => id.splitn(parts, ID_SEPARATOR).collect(),
        }
    }

    /// Attributes as the back end wants them: by its names, of its types, put into objects again.
    ///
    /// # Errors
    /// A message for the device's user.
    pub(crate) fn to_back_end(
        &self,
        attributes: &Attributes,
    ) -> Result<Map<String, Value>, String> {
        let mut object = Map::new();
        for (name, text) in attributes {
            let value = self.value_of(name, text)?;
            match &self.selection {
                Selection::At(paths) => match paths.get(name).map(Path::steps) {
                    Some(Some(steps)) => put(&mut object, steps, value),
                    // What was searched for has no place to go to; the template of the call may name it.
                    Some(None) => {}
                    None => put(&mut object, std::slice::from_ref(name), value),
                },
                _ if self.nested == Nested::Flatten => {
                    let steps: Vec<_> = name.split(NAME_SEPARATOR).map(str::to_owned).collect();
                    put(&mut object, &steps, value);
                }
                _ => put(&mut object, std::slice::from_ref(name), value),
            }
        }
        Ok(object)
    }

    /// Attributes by the names that devices know, with the back end's types.
    ///
    /// # Errors
    /// A message for the device's user.
    pub(crate) fn typed(&self, attributes: &Attributes) -> Result<Map<String, Value>, String> {
        let attributes = attributes.iter();
        attributes
            .map(|(name, text)| Ok((name.clone(), self.value_of(name, text)?)))
            .collect()
    }

    fn value_of(&self, name: &str, text: &str) -> Result<Value, String> {
        let kind = self.types.get(name).copied().unwrap_or(AttributeType::Text);
        kind.to_back_end(name, text)
    }

    fn lone_object(&self) -> LoneObject {
        match self.format {
            Format::Json => LoneObject::ById,
            Format::Xml | Format::Csv => LoneObject::Record,
        }
    }

    /// The values that devices get, as they get them.
    fn kept(&self, mut values: Map<String, Value>) -> Result<Map<String, Value>, String> {
        if let Selection::Named(wanted) = &self.selection {
            values.retain(|name, _| wanted.contains(name));
        }
        if !self.omit.is_empty() {
            values.retain(|name, _| !self.omit.contains(name));
        }
        for (name, kind) in &self.types {
            if let Some(value) = values.get_mut(name) {
                *value = kind.to_device(name, value.take())?;
            }
        }
        Ok(values)
    }
}

/// Members of members, by names with dots.
fn flattened(values: Map<String, Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    flatten_into(&mut flat, None, values);
    flat
}

fn flatten_into(flat: &mut Map<String, Value>, around: Option<&str>, values: Map<String, Value>) {
    for (name, value) in values {
        let name = match around {
            None => name,
            Some(around) => format!("{around}{NAME_SEPARATOR}{name}"),
        };
        match value {
            Value::Object(members) if !members.is_empty() => {
                flatten_into(flat, Some(&name), members)
            }
            other => {
                flat.insert(name, other);
            }
        }
    }
}

/// Puts a value where steps lead to.
fn put(object: &mut Map<String, Value>, steps: &[String], value: Value) {
    match steps {
        [] => {}
        [name] => {
            object.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            let inner = object
                .entry(name.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
