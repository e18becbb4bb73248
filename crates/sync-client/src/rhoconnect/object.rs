//! What an object is to a device: an id and a flat map of attributes, all text.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// An object's id: the back end's, or a temporary one until the back end has given its own.
pub type ObjectId = String;

/// The values of one object by attribute name. On the wire every value is text.
pub type Attributes = BTreeMap<String, String>;

/// Objects by id.
pub type Objects = BTreeMap<ObjectId, Attributes>;

/// A text of the wire, read from whatever JSON value stands there: servers in the field send numbers where
/// text is meant. `null` is the empty text; lists and maps are taken as their JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<String, E> {
        Ok(value)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_unit<E: de::Error>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<String, A::Error> {
        let list =
            Vec::<serde_json::Value>::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
        Ok(serde_json::Value::from(list).to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<String, A::Error> {
        let map = serde_json::Map::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(serde_json::Value::from(map).to_string())
    }
}

/// Reads a map of attributes whose values may be any JSON value.
pub(crate) fn attributes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Attributes, D::Error> {
    let texts = BTreeMap::<String, Text>::deserialize(deserializer)?;
    Ok(texts
        .into_iter()
        .map(|(name, Text(value))| (name, value))
        .collect())
}

/// Reads a map of objects whose values may be any JSON value.
pub(crate) fn objects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Objects, D::Error> {
    #[derive(Deserialize)]
    struct Lenient(#[serde(deserialize_with = "attributes")] Attributes);

    let objects = BTreeMap::<ObjectId, Lenient>::deserialize(deserializer)?;
    Ok(objects
        .into_iter()
        .map(|(id, Lenient(attributes))| (id, attributes))
        .collect())
}
