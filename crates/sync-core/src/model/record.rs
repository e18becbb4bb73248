//! An object's record: its attributes, and since when each is what it is.
//!
//! The rules are pure: they take a record and its version, and give the next record or what a device has to be told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Checksum, ClientId, ObjectId, Version};

/// An object's attributes.
pub type Attributes = BTreeMap<String, String>;

/// What the store keeps of an object, beside its version.
///
/// An attribute that is not mentioned in `older` changed at the object's own version. So an object written once carries
/// no overhead, and a record never has to name its own version, which is not assigned before it is committed.
/// An object without attributes is deleted: devices know an object by its attributes only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Attribute → value.
    #[serde(rename = "a")]
    pub attributes: Attributes,
    /// Attributes that last changed before the object's own version, with that version.
    #[serde(rename = "v", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub older: BTreeMap<String, Version>,
    /// Attributes that were removed, with the version; [`Version::ZERO`] stands for the object's own.
    #[serde(rename = "r", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub removed: BTreeMap<String, Version>,
    /// The device that made the last change.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ClientId>,
    /// First version of the unbroken run of changes by `origin`; the object's own where there is none.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub origin_since: Option<Version>,
}

/// A change to commit.
#[derive(Debug, Clone)]
pub(crate) struct ObjectChange {
    pub(crate) id: ObjectId,
    /// The version the change was computed from; [`Version::ZERO`] where the log had none.
    pub(crate) expected: Version,
    pub(crate) record: Record,
    /// What it adds to the document's sum.
    pub(crate) sum: Checksum,
}

impl ObjectChange {
    /// The change that makes the object what `record` says. `before` is what the document has of it, and its version.
    pub(crate) fn new(id: &ObjectId, before: Option<(&Record, Version)>, record: Record) -> Self {
        let known = before.map(|(record, _)| Checksum::of(id, &record.attributes));
        let sum = Checksum::of(id, &record.attributes).since(known.unwrap_or_default());
        Self {
            id: id.clone(),
            expected: before.map_or(Version::ZERO, |(_, version)| version),
            record,
            sum,
        }
    }
}

/// A device, as far as the question goes what is news to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// Who asks.
    pub client: &'a ClientId,
    /// The version up to which it has every attribute.
    pub base: Version,
    /// Where it started: nothing that happened before can be its own. Without a base it had nothing then, so there is
    /// nothing to be taken back either.
    pub since: Version,
}

/// What a device has to do to one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Attributes to set.
    pub insert: Attributes,
    /// Attributes to remove.
    pub delete: Vec<String>,
}

impl News {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.insert.is_empty() && self.delete.is_empty()
    }
}

impl Record {
    /// Whether the object exists.
    pub(crate) fn is_alive(&self) -> bool {
        !self.attributes.is_empty()
    }

    /// The record after the object's attributes have become `attributes`; `None` where nothing changes.
    ///
    /// `before` is the record and its version, if the object was ever there. `origin` is the device that made the
    /// change.
    pub(crate) fn next(
        before: Option<(&Self, Version)>,
        attributes: Attributes,
        origin: Option<&ClientId>,
    ) -> Option<Self> {
        let Some((before, version)) = before else {
            let origin = origin.cloned();
            return (!attributes.is_empty()).then(|| Self {
                attributes,
                origin,
                ..Self::default()
            });
        };
        if before.attributes == attributes {
            return None;
        }
        let older = attributes
            .iter()
            .filter(|(name, value)| before.attributes.get(*name) == Some(value))
            .map(|(name, _)| (name.clone(), before.changed_at(name, version)))
            .collect();
        let mut removed: BTreeMap<String, Version> = before
            .removed
            .iter()
            .filter(|(name, _)| !attributes.contains_key(*name))
            .map(|(name, at)| {
                (
                    name.clone(),
                    if *at == Version::ZERO { version } else { *at },
                )
            })
            .collect();
        let gone = before
            .attributes
            .keys()
            .filter(|name| !attributes.contains_key(*name));
        removed.extend(gone.map(|name| (name.clone(), Version::ZERO)));
        let origin_since = origin
            .filter(|origin| before.origin.as_ref() == Some(origin))
            .map(|_| before.origin_since.unwrap_or(version));
        Some(Self {
            attributes,
            older,
            removed,
            origin: origin.cloned(),
            origin_since,
        })
    }

    /// When the attribute last changed, for an object at `version`.
    fn changed_at(&self, name: &str, version: Version) -> Version {
        self.older.get(name).copied().unwrap_or(version)
    }

    /// Whether `client` itself gave these attributes the values they have, and nobody touched them since.
    pub(crate) fn was_set_by(
        &self,
        client: &ClientId,
        version: Version,
        attributes: &Attributes,
    ) -> bool {
        let Some(run) = self.run_of(client, version) else {
            return false;
        };
        attributes.iter().all(|(name, value)| {
            self.attributes.get(name) == Some(value) && self.changed_at(name, version) >= run
        })
    }

    /// Whether `client` itself deleted the object.
    pub(crate) fn was_deleted_by(&self, client: &ClientId) -> bool {
        !self.is_alive() && self.origin.as_ref() == Some(client)
    }

    /// First version of the changes that `client` made last.
    fn run_of(&self, client: &ClientId, version: Version) -> Option<Version> {
        (self.origin.as_ref() == Some(client)).then(|| self.origin_since.unwrap_or(version))
    }

    /// What is news to the reader, for an object at `version`.
    pub(crate) fn news_for(&self, reader: Reader<'_>, version: Version) -> News {
        let own_run = self.run_of(reader.client, version);
        let is_own = |at: Version| at > reader.since && own_run.is_some_and(|run| at >= run);
        let is_news = |at: Version| at > reader.base && !is_own(at);
        let insert = self
            .attributes
            .iter()
            .filter(|(name, _)| is_news(self.changed_at(name, version)))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let delete = self
            .removed
            .iter()
            .map(|(name, at)| (name, if *at == Version::ZERO { version } else { *at }))
            .filter(|(_, at)| is_news(*at) && (*at > reader.since || reader.base > Version::ZERO))
            .map(|(name, _)| name.clone())
            .collect();
        News { insert, delete }
    }

    /// The attributes that are no news to the reader, for an object at `version`: it has them as they are.
    pub(crate) fn held_by(mut self, reader: Reader<'_>, version: Version) -> Attributes {
        let news = self.news_for(reader, version);
        self.attributes
            .retain(|name, _| !news.insert.contains_key(name));
        self.attributes
    }

    /// All attributes that a device may have of the object, whatever its cursor.
    pub(crate) fn every_attribute(&self) -> Vec<String> {
        self.attributes
            .keys()
            .chain(self.removed.keys())
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> Attributes {
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn client(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    fn news(record: &Record, version: u64, reader: &str, base: u64, since: u64) -> News {
        let client = client(reader);
        record.news_for(
            Reader {
                client: &client,
                base: Version(base),
                since: Version(since),
            },
            Version(version),
        )
    }

    fn names(news: &News) -> (Vec<&str>, Vec<&str>) {
        (
            news.insert.keys().map(String::as_str).collect(),
            news.delete.iter().map(String::as_str).collect(),
        )
    }

    #[test]
    fn an_object_written_once_carries_no_overhead() {
        let record = Record::next(None, attributes([("name", "a"), ("price", "1")]), None).unwrap();
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"a":{"name":"a","price":"1"}}"#
        );
    }

    #[test]
    fn a_device_gets_exactly_the_attributes_that_changed_since_its_cursor() {
        let first = Record::next(
            None,
            attributes([("name", "a"), ("price", "1"), ("old", "x")]),
            None,
        )
        .unwrap();
        let second = Record::next(
            Some((&first, Version(5))),
            attributes([("name", "a"), ("price", "2")]),
            None,
        )
        .unwrap();
        let third = Record::next(
            Some((&second, Version(7))),
            attributes([("name", "b"), ("price", "2"), ("new", "n")]),
            None,
        )
        .unwrap();
        assert_eq!(
            names(&news(&third, 9, "c", 0, 0)),
            (vec!["name", "new", "price"], vec!["old"])
        );
        assert_eq!(
            names(&news(&third, 9, "c", 5, 0)),
            (vec!["name", "new", "price"], vec!["old"])
        );
        assert_eq!(
            names(&news(&third, 9, "c", 7, 0)),
            (vec!["name", "new"], vec![])
        );
        assert_eq!(names(&news(&third, 9, "c", 9, 0)), (vec![], vec![]));
    }

    #[test]
    fn what_went_before_a_device_started_is_not_taken_back_from_it() {
        let first = Record::next(None, attributes([("name", "a"), ("old", "x")]), None).unwrap();
        let second = Record::next(
            Some((&first, Version(5))),
            attributes([("name", "a")]),
            None,
        )
        .unwrap();
        assert_eq!(names(&news(&second, 7, "c", 0, 7)), (vec!["name"], vec![]));
    }

    #[test]
    fn an_object_that_comes_back_removes_what_it_had_before() {
        let first = Record::next(None, attributes([("a", "1"), ("b", "1")]), None).unwrap();
        let dead = Record::next(Some((&first, Version(3))), Attributes::new(), None).unwrap();
        assert!(!dead.is_alive());
        assert_eq!(names(&news(&dead, 4, "c", 3, 0)), (vec![], vec!["a", "b"]));
        let back = Record::next(
            Some((&dead, Version(4))),
            attributes([("a", "1"), ("c", "1")]),
            None,
        )
        .unwrap();
        assert_eq!(
            names(&news(&back, 6, "c", 3, 0)),
            (vec!["a", "c"], vec!["b"])
        );
        assert_eq!(names(&news(&back, 6, "c", 4, 0)), (vec!["a", "c"], vec![]));
    }

    #[test]
    fn a_device_does_not_hear_of_its_own_changes() {
        let first = Record::next(None, attributes([("name", "a"), ("price", "1")]), None).unwrap();
        let by_me = Record::next(
            Some((&first, Version(3))),
            attributes([("name", "mine"), ("price", "1")]),
            Some(&client("me")),
        )
        .unwrap();
        assert_eq!(names(&news(&by_me, 4, "me", 3, 0)), (vec![], vec![]));
        assert_eq!(
            names(&news(&by_me, 4, "other", 3, 0)),
            (vec!["name"], vec![])
        );
        let again = Record::next(
            Some((&by_me, Version(4))),
            attributes([("name", "mine"), ("price", "9")]),
            Some(&client("me")),
        )
        .unwrap();
        assert_eq!(
            names(&news(&again, 5, "me", 3, 0)),
            (vec![], vec![]),
            "two changes in a row are both its own"
        );
    }

    #[test]
    fn a_change_by_somebody_else_in_between_ends_the_run() {
        let mine = Record::next(None, attributes([("name", "mine")]), Some(&client("me"))).unwrap();
        let theirs = Record::next(
            Some((&mine, Version(2))),
            attributes([("name", "theirs")]),
            None,
        )
        .unwrap();
        assert_eq!(names(&news(&theirs, 3, "me", 0, 0)), (vec!["name"], vec![]));
        let mine_again = Record::next(
            Some((&theirs, Version(3))),
            attributes([("name", "theirs"), ("price", "1")]),
            Some(&client("me")),
        )
        .unwrap();
        assert_eq!(
            names(&news(&mine_again, 4, "me", 0, 0)),
            (vec!["name"], vec![])
        );
    }

    #[test]
    fn after_a_reset_its_own_changes_are_news_again() {
        let mine = Record::next(None, attributes([("name", "mine")]), Some(&client("me"))).unwrap();
        assert_eq!(names(&news(&mine, 4, "me", 0, 4)), (vec!["name"], vec![]));
    }

    #[test]
    fn nothing_changes_where_nothing_differs() {
        let record = Record::next(None, attributes([("a", "1")]), None).unwrap();
        assert_eq!(
            Record::next(Some((&record, Version(2))), attributes([("a", "1")]), None),
            None
        );
        assert_eq!(Record::next(None, Attributes::new(), None), None);
    }

    #[test]
    fn a_repeated_update_is_recognised() {
        let first = Record::next(None, attributes([("name", "a"), ("price", "1")]), None).unwrap();
        let me = client("me");
        let mine = Record::next(
            Some((&first, Version(2))),
            attributes([("name", "x"), ("price", "1")]),
            Some(&me),
        )
        .unwrap();
        assert!(mine.was_set_by(&me, Version(3), &attributes([("name", "x")])));
        assert!(
            !mine.was_set_by(&me, Version(3), &attributes([("price", "1")])),
            "somebody else set the price"
        );
        assert!(!mine.was_set_by(&client("other"), Version(3), &attributes([("name", "x")])));
    }
}
