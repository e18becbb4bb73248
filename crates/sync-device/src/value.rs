//! Values of attributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Map;

/// The attributes of an object by name.
pub type Attributes = BTreeMap<String, Value>;

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// None.
    #[default]
    Null,
    /// A truth value.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text. Lists and objects are kept as their JSON.
    Text(String),
}

impl Value {
    /// The text that the server has for this value, by which copies are compared.
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            _ => self.to_json().to_string(),
        }
    }

    /// As JSON. A float that is no number is no value.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Boolean(it) => (*it).into(),
            Self::Integer(it) => (*it).into(),
            Self::Float(it) => (*it).into(),
            Self::Text(it) => it.clone().into(),
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(it) => Self::Boolean(it),
            serde_json::Value::String(it) => Self::Text(it),
            serde_json::Value::Number(it) => match it.as_i64() {
                Some(it) => Self::Integer(it),
                None => Self::Float(it.as_f64().unwrap_or(f64::NAN)),
            },
            nested => Self::Text(nested.to_string()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(it) => serializer.serialize_bool(*it),
            Self::Integer(it) => serializer.serialize_i64(*it),
            Self::Float(it) => serializer.serialize_f64(*it),
            Self::Text(it) => serializer.serialize_str(it),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_json::Value::deserialize(deserializer).map(Self::from)
    }
}

/// Attributes as the protocol has them.
pub fn to_map(attributes: &Attributes) -> Map<String, serde_json::Value> {
    let attributes = attributes.iter();
    attributes
        .map(|(name, value)| (name.clone(), value.to_json()))
        .collect()
}

/// Attributes that were kept as JSON. What is damaged has none: comparing copies brings it again.
pub fn attributes_of(json: &str) -> Attributes {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_they_were_read() {
        let json = r#"{"a":"12.50","b":12.5,"c":3,"d":-7,"e":true,"f":null,"g":999999999999999,"h":0.001}"#;
        let attributes = attributes_of(json);
        assert_eq!(serde_json::to_string(&attributes).unwrap(), json);
        let texts: Vec<_> = attributes.values().map(Value::to_text).collect();
        assert_eq!(
            texts,
            [
                "12.50",
                "12.5",
                "3",
                "-7",
                "true",
                "",
                "999999999999999",
                "0.001"
            ]
        );
    }

    #[test]
    fn what_is_nested_is_its_json() {
        let attributes = attributes_of(r#"{"a":[1,"x"]}"#);
        assert_eq!(attributes["a"], Value::from(r#"[1,"x"]"#));
    }
}
