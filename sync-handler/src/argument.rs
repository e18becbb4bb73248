//! Arguments in bodies: single values of an object of which nothing else is kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::HttpError;

/// A value that stands in a body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Argument {
    /// It is not there, or `null`.
    Missing,
    /// A text, or a number as one.
    Text(String),
    /// Anything else.
    Other,
}

impl Argument {
    /// The argument's text, if it is there.
    pub(crate) fn into_text(self, name: &str) -> Result<Option<String>, HttpError> {
        match self {
            Self::Missing => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Other => Err(HttpError::InvalidValue(format!("{name} is not a text"))),
        }
    }
}

/// Reads the arguments with these names out of a JSON object, which may be large: nothing else of it is kept.
pub(crate) fn read(json: &[u8], names: &[&str]) -> serde_json::Result<Vec<Argument>> {
    let mut text = serde_json::Deserializer::from_slice(json);
    let found = Names(names).deserialize(&mut text)?;
    text.end()?;
    Ok(found)
}

struct Names<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = Vec<Argument>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = Vec<Argument>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![Argument::Missing; self.0.len()];
        while let Some(key) = map.next_key::<String>()? {
            let wanted = self.0.iter().position(|name| *name == key);
            match wanted.and_then(|place| found.get_mut(place)) {
                Some(place) => *place = map.next_value_seed(Value)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Argument;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Argument, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Argument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Argument, E> {
        Ok(Argument::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Argument, E> {
        Ok(Argument::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Argument, E> {
        Ok(Argument::Text(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Argument, E> {
        Ok(Argument::Text(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Argument, E> {
        Ok(Argument::Text(serde_json::Value::from(number).to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Argument, E> {
        Ok(Argument::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Argument, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Argument::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Argument, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Argument::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_arguments_and_the_last_of_a_name_counts() {
        let json = br#"{"a":"x","b":7,"c":null,"d":[1,{"e":2}],"e":1.5,"a":"y","z":{"a":"no"}}"#;
        let found = read(json, &["a", "b", "c", "d", "e", "f"]).unwrap();
        let text = |text: &str| Argument::Text(text.to_owned());
        let missing = Argument::Missing;
        assert_eq!(
            found,
            [
                text("y"),
                text("7"),
                missing.clone(),
                Argument::Other,
                text("1.5"),
                missing
            ]
        );
        for wrong in ["[]", "{", "7", r#"{"a":1} x"#] {
            assert!(read(wrong.as_bytes(), &["a"]).is_err(), "{wrong}");
        }
    }
}
