//! Builds a page from what lies after a client's cursor.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use sync_proto::{Commands, ErrorMap, ErrorMessage, Fields, Link, Objects};

use crate::model::{Attributes, ObjectId, OutboxItem, Reader, Record, Refusal, Version};

/// A stored record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("damaged record: {reason}")]
pub(crate) struct DamagedRecord {
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// As much of a stored record as is needed to see whether its attributes can go out as they are stored.
#[derive(Deserialize)]
pub(super) struct StoredRecord<'a> {
    #[serde(borrow, rename = "a")]
    pub(super) attributes: &'a RawValue,
    #[serde(borrow, rename = "v", default)]
    pub(super) older: Option<&'a RawValue>,
    #[serde(borrow, rename = "r", default)]
    pub(super) removed: Option<&'a RawValue>,
    #[serde(borrow, rename = "o", default)]
    origin: Option<Cow<'a, str>>,
}

/// Collects the commands of one page.
pub(crate) struct PageBuilder<'a> {
    reader: Reader<'a>,
    commands: Commands,
}

impl<'a> PageBuilder<'a> {
    pub(crate) fn new(reader: Reader<'a>) -> Self {
        Self {
            reader,
            commands: Commands::default(),
        }
    }

    /// Adds what is news of one object that changed at `version`.
    ///
    /// Everything about an object is in one page. A record may be newer than `version`: its next version follows in
    /// the log, so sending its values early does no harm.
    pub(crate) fn add_changed(
        &mut self,
        id: &ObjectId,
        version: Version,
        record: &[u8],
    ) -> Result<(), DamagedRecord> {
        let stored: StoredRecord<'_> = parse(record)?;
        let is_own = stored.origin.as_deref() == Some(self.reader.client.as_str());
        let is_new_as_a_whole = stored.older.is_none() || self.reader.base == Version::ZERO;
        if is_new_as_a_whole && stored.removed.is_none() && !is_own {
            self.commands.insert.insert(
                id.as_str().to_owned(),
                Fields::Raw(stored.attributes.to_owned()),
            );
            return Ok(());
        }
        let news = parse::<Record>(record)?.news_for(self.reader, version);
        if !news.insert.is_empty() {
            self.commands
                .insert
                .insert(id.as_str().to_owned(), Fields::Map(news.insert));
        }
        if !news.delete.is_empty() {
            add_names(&mut self.commands.delete, id, news.delete);
        }
        Ok(())
    }

    /// Adds the removal of everything a device may have of an object.
    pub(crate) fn add_taken_back(
        &mut self,
        id: &ObjectId,
        record: &[u8],
    ) -> Result<(), DamagedRecord> {
        let names = parse::<Record>(record)?.every_attribute();
        add_names(&mut self.commands.delete, id, names);
        Ok(())
    }

    /// Adds what waits for the client besides objects. `current` are the records of the objects the items name, as far
    /// as there are any: see [`OutboxItem::object`].
    pub(crate) fn add_outbox_item(
        &mut self,
        item: OutboxItem,
        current: &BTreeMap<ObjectId, Vec<u8>>,
    ) -> Result<(), DamagedRecord> {
        let commands = &mut self.commands;
        match item {
            OutboxItem::Link {
                temporary,
                id,
                drop,
            } => {
                if let Some(names) = drop {
                    match whole_object(current.get(&id))? {
                        Some(fields) => {
                            commands.insert.insert(id.as_str().to_owned(), fields);
                        }
                        // It is gone again: the link would bring back what the device had made.
                        None => add_names(&mut commands.delete, &id, names.clone()),
                    }
                    add_names(&mut commands.delete, &temporary, names);
                }
                commands.links.insert(
                    temporary.into_string(),
                    Link {
                        id: id.into_string(),
                    },
                );
            }
            OutboxItem::Drop { id, attributes } => {
                add_names(&mut commands.delete, &id, attributes);
            }
            OutboxItem::Restate { id, attributes } => {
                let known = match current.get(&id) {
                    Some(record) => parse::<Record>(record)?.attributes,
                    None => Attributes::new(),
                };
                let (there, gone): (Vec<_>, Vec<_>) = attributes
                    .into_iter()
                    .partition(|name| known.contains_key(name));
                if !gone.is_empty() {
                    add_names(&mut commands.delete, &id, gone);
                }
                if !there.is_empty() {
                    let fields = commands
                        .insert
                        .entry(id.into_string())
                        .or_insert_with(|| Fields::Map(Attributes::new()));
                    // What goes out as it is stored is whole already.
                    if let Fields::Map(fields) = fields {
                        let values = known.into_iter();
                        fields.extend(values.filter(|(name, _)| there.contains(name)));
                    }
                }
            }
            OutboxItem::CreateError(refusal) => {
                add_error(&mut commands.create_error, refusal);
            }
            OutboxItem::UpdateError(refusal) => {
                let id = &refusal.id;
                if let Some(fields) = whole_object(current.get(id))? {
                    commands
                        .update_rollback
                        .insert(id.as_str().to_owned(), fields);
                }
                add_error(&mut commands.update_error, refusal);
            }
            OutboxItem::DeleteError(refusal) => {
                let id = &refusal.id;
                if let Some(fields) = whole_object(current.get(id))? {
                    commands.insert.insert(id.as_str().to_owned(), fields);
                }
                add_error(&mut commands.delete_error, refusal);
            }
        }
        Ok(())
    }

    /// The page's commands.
    pub(crate) fn finish(self) -> Commands {
        self.commands
    }
}

/// Several operations on one object may have failed: the device is told all that it sent, and the last reason.
fn add_error(errors: &mut ErrorMap, refusal: Refusal) {
    let Refusal {
        id,
        message,
        sent,
        sent_as: _,
        sent_at: _,
        is_settled: _,
    } = refusal;
    let (attributes, error) = errors.0.entry(id.into_string()).or_insert_with(|| {
        let message = String::new();
        (Attributes::new(), ErrorMessage { message })
    });
    attributes.extend(sent);
    error.message = message;
}

fn whole_object(record: Option<&Vec<u8>>) -> Result<Option<Fields>, DamagedRecord> {
    let Some(record) = record else {
        return Ok(None);
    };
    let stored: StoredRecord<'_> = parse(record)?;
    let is_alive = stored.attributes.get() != "{}";
    Ok(is_alive.then(|| Fields::Raw(stored.attributes.to_owned())))
}

/// Adds attributes that a device has to remove. It looks at their names, not at the values.
fn add_names(delete: &mut Objects, id: &ObjectId, names: Vec<String>) {
    let fields = delete
        .entry(id.as_str().to_owned())
        .or_insert_with(|| Fields::Map(Attributes::new()));
    if let Fields::Map(attributes) = fields {
        attributes.extend(names.into_iter().map(|name| (name, String::new())));
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, DamagedRecord> {
    serde_json::from_slice(json).map_err(|error| DamagedRecord {
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClientId;

    fn page(base: u64, add: impl FnOnce(&mut PageBuilder<'_>)) -> String {
        let client = ClientId::parse("me").unwrap();
        let reader = Reader {
            client: &client,
            base: Version(base),
            since: Version::ZERO,
        };
        let mut builder = PageBuilder::new(reader);
        add(&mut builder);
        serde_json::to_string(&builder.finish()).unwrap()
    }

    fn id(text: &str) -> ObjectId {
        ObjectId::parse(text).unwrap()
    }

    #[test]
    fn a_new_object_goes_out_as_it_is_stored() {
        let page = page(0, |page| {
            page.add_changed(&id("1"), Version(2), br#"{"a":{"z":"1","a":"\u017c"}}"#)
                .unwrap()
        });
        assert_eq!(page, r#"{"insert":{"1":{"z":"1","a":"\u017c"}}}"#);
    }

    #[test]
    fn a_changed_object_goes_out_attribute_by_attribute() {
        let record = br#"{"a":{"name":"a","price":"2"},"v":{"name":3},"r":{"old":0}}"#;
        let page = page(5, |page| {
            page.add_changed(&id("1"), Version(7), record).unwrap()
        });
        assert_eq!(
            page,
            r#"{"insert":{"1":{"price":"2"}},"delete":{"1":{"old":""}}}"#
        );
    }

    #[test]
    fn a_failed_update_brings_the_object_back() {
        let current = BTreeMap::from([(id("1"), br#"{"a":{"name":"a"}}"#.to_vec())]);
        let item = OutboxItem::UpdateError(Refusal {
            id: id("1"),
            message: "no".into(),
            sent: [("name".to_owned(), "x".to_owned())].into(),
            sent_as: None,
            sent_at: crate::model::Millis(0),
            is_settled: false,
        });
        let page = page(5, |page| page.add_outbox_item(item, &current).unwrap());
        assert_eq!(
            page,
            r#"{"update-error":{"1":{"name":"x"},"1-error":{"message":"no"}},"update-rollback":{"1":{"name":"a"}}}"#
        );
    }
}
