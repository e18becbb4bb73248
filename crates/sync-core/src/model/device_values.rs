//! Attributes as values of JSON, where a source's schema says what they are.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Number, Value};

/// Digits that a number of 64 bits keeps exactly, whoever reads and writes it.
const EXACT_DIGITS: usize = 15;

/// What attributes are, by name; all others are texts.
#[derive(Debug, Default)]
pub(crate) struct AttributeTypes(BTreeMap<String, ValueType>);

#[derive(Debug, Clone, Copy)]
enum ValueType {
    Number,
    Boolean,
}

impl AttributeTypes {
    /// Reads them from a schema's `property`. What is no type of ours is a text.
    pub(crate) fn of_schema(schema: &str) -> Self {
        #[derive(Deserialize)]
        struct Schema {
            #[serde(default)]
            property: BTreeMap<String, Value>,
        }
        let schema: Option<Schema> = serde_json::from_str(schema).ok();
        let properties = schema.into_iter().flat_map(|schema| schema.property);
        let types = properties.filter_map(|(name, kind)| {
            let kind = match kind.as_str()? {
                "integer" | "float" | "number" => ValueType::Number,
                "boolean" => ValueType::Boolean,
                _ => return None,
            };
            Some((name, kind))
        });
        Self(types.collect())
    }

    /// Whether all attributes are texts.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An attribute's value. It is no text only where writing it gives the text again: so a device can tell what the server has.
    pub(crate) fn value(&self, name: &str, text: String) -> Value {
        match (self.0.get(name), text.as_str()) {
            (None, _) => Value::String(text),
            (Some(_), "") => Value::Null,
            (Some(ValueType::Boolean), "true") => Value::Bool(true),
            (Some(ValueType::Boolean), "false") => Value::Bool(false),
            (Some(ValueType::Boolean), _) => Value::String(text),
            (Some(ValueType::Number), _) => match exact_number(&text) {
                Some(number) => Value::Number(number),
                None => Value::String(text),
            },
        }
    }
}

fn exact_number(text: &str) -> Option<Number> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_decimal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let is_plain = digits <= EXACT_DIGITS && text.bytes().all(is_decimal);
    let number: Number = is_plain.then(|| serde_json::from_str(text).ok())??;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_no_text_only_where_writing_it_gives_the_text_again() {
        let types = AttributeTypes::of_schema(
            r#"{"version":"1","property":{"n":"float","i":"integer","b":"boolean","s":"string","x":{"a":1}}}"#,
        );
        for (name, text, value) in [
            ("n", "12.5", json!(12.5)),
            ("n", "12.50", json!("12.50")),
            ("n", "1e3", json!("1e3")),
            ("n", "-0", json!("-0")),
            ("n", "007", json!("007")),
            ("n", "0.1", json!(0.1)),
            ("n", "", json!(null)),
            ("n", "1.", json!("1.")),
            ("i", "-17", json!(-17)),
            ("i", "12345678901234567890", json!("12345678901234567890")),
            ("b", "true", json!(true)),
            ("b", "yes", json!("yes")),
            ("s", "1", json!("1")),
            ("x", "1", json!("1")),
            ("unknown", "", json!("")),
        ] {
            assert_eq!(types.value(name, text.to_owned()), value, "{name} {text:?}");
        }
        for odd in ["", "[]", r#"{"property":1}"#, "{}"] {
            assert!(AttributeTypes::of_schema(odd).is_empty(), "{odd}");
        }
    }
}
