//! Answers in JSON whose records are read one by one. As one tree, a long answer would take several times the memory of its text,
//! and most of the time would go into making the tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Most bytes around the records that are read without a thought of what they become.
const MAX_AROUND: usize = 64 * 1024;

/// Reads an answer whose records are a list at the end of the steps, and hands them over one by one.
///
/// Answers what is around them: the answer with an empty list in their place. Nothing where the answer is anything else, is no
/// JSON, has much around the records, or `each` wants no more: reading all of it as a tree tells why.
pub(super) fn read_each<'a>(
    json: &'a [u8],
    steps: &[String],
    each: &mut dyn FnMut(&'a RawValue) -> Option<()>,
) -> Option<Value> {
    let mut text = serde_json::Deserializer::from_slice(json);
    let mut left = MAX_AROUND;
    let place = Place {
        steps,
        each,
        left: &mut left,
    };
    let around = place.deserialize(&mut text).ok()?;
    text.end().ok()?;
    Some(around)
}

/// A place on the way to the records.
struct Place<'s, 'f, 'a> {
    /// What leads from here to them.
    steps: &'s [String],
    each: &'f mut dyn FnMut(&'a RawValue) -> Option<()>,
    /// How much there may be around them yet, in bytes.
    left: &'f mut usize,
}

impl<'a> DeserializeSeed<'a> for Place<'_, '_, 'a> {
    type Value = Value;

    fn deserialize<D: Deserializer<'a>>(self, text: D) -> Result<Value, D::Error> {
        match self.steps.is_empty() {
            true => text.deserialize_seq(self),
            false => text.deserialize_map(self),
        }
    }
}

impl<'a> Visitor<'a> for Place<'_, '_, 'a> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Value, A::Error> {
        while let Some(record) = list.next_element()? {
            (self.each)(record).ok_or_else(|| A::Error::custom("no more"))?;
        }
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut around = Map::new();
        let mut is_found = false;
        let Some((step, steps)) = self.steps.split_first() else {
            return Err(A::Error::custom("a list is expected"));
        };
        while let Some(name) = members.next_key::<String>()? {
            let value = if name == *step {
                // Of two lists the last would count.
                if std::mem::replace(&mut is_found, true) {
                    return Err(A::Error::duplicate_field("records"));
                }
                members.next_value_seed(Place {
                    steps,
                    each: &mut *self.each,
                    left: &mut *self.left,
                })?
            } else {
                let value: &RawValue = members.next_value()?;
                let left = self.left.checked_sub(value.get().len());
                *self.left = left.ok_or_else(|| A::Error::custom("too much around"))?;
                serde_json::from_str(value.get()).map_err(A::Error::custom)?
            };
            around.insert(name, value);
        }
        match is_found {
            true => Ok(Value::Object(around)),
            false => Err(A::Error::missing_field("records")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str, steps: &[&str]) -> Option<(Value, Vec<String>)> {
        let steps: Vec<_> = steps.iter().map(|step| (*step).to_owned()).collect();
        let mut records = Vec::new();
        let mut each = |record: &RawValue| {
            records.push(record.get().to_owned());
            Some(())
        };
        let around = read_each(text.as_bytes(), &steps, &mut each)?;
        Some((around, records))
    }

    #[test]
    fn records_come_as_they_are_written_and_the_rest_around_them() {
        let records = vec!["{ \"id\": 1.0 }".to_owned(), "7".to_owned()];
        let list = "[{ \"id\": 1.0 },7]";
        assert_eq!(read(list, &[]), Some((json!([]), records.clone())));
        let text = format!(r#"{{"a":{{"next":"x","b":{list}}},"c":[1]}}"#);
        let around = json!({"a": {"next": "x", "b": []}, "c": [1]});
        assert_eq!(read(&text, &["a", "b"]), Some((around, records)));
    }

    #[test]
    fn everything_else_is_left_to_a_tree() {
        for (text, steps) in [
            (r#"{"a":{}}"#, &["a"][..]),
            (r#"{"a":[],"a":[]}"#, &["a"]),
            (r#"{"b":[]}"#, &["a"]),
            (r#"{"a":[{}]"#, &["a"]),
            (r#"{"a":[{}]} x"#, &["a"]),
            ("[[]]", &["0"]),
            (r#"[{"a":}]"#, &[]),
            ("", &[]),
        ] {
            assert_eq!(read(text, steps), None, "{text}");
        }
        for (length, is_read) in [(MAX_AROUND - 2, true), (MAX_AROUND, false)] {
            let text = format!(r#"{{"a":[],"b":"{}"}}"#, "x".repeat(length));
            assert_eq!(read(&text, &["a"]).is_some(), is_read, "{length}");
        }
        let mut count = 0;
        let mut each = |_: &RawValue| {
            count += 1;
            (count < 2).then_some(())
        };
        assert_eq!(read_each(b"[1,2,3]", &[], &mut each), None);
        assert_eq!(count, 2);
    }
}
