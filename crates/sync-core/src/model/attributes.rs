//! Checks attributes that come from devices and back ends.

use serde_json::Value;
use sync_proto::SentAttributes;

use crate::model::{AttributeName, Attributes, InvalidId, ObjectId};

/// Longest value of an attribute, in bytes. Larger things are blobs: a page has to fit into a phone's memory.
pub const MAX_VALUE_BYTES: usize = 512 * 1024;

/// Most bytes of an object's names and values together: one has to fit into a page, and a page into memory several times.
pub const MAX_OBJECT_BYTES: usize = 1024 * 1024;

/// Most attributes of an object.
const MAX_ATTRIBUTES: usize = 1_000;

/// Names the device protocols use themselves; sent as attributes, they are dropped, as they have always been.
const RESERVED: [&str; 2] = ["id", "attrib_type"];

/// Why an object's attributes cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttributes {
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] InvalidId),
    /// A value is too long.
    #[error(
        "the value of attribute {name:?} has {bytes} bytes; at most {MAX_VALUE_BYTES} are allowed"
    )]
    ValueTooLong {
        /// The attribute.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// They are too long together.
    #[error(
        "the object's attributes have {bytes} bytes; at most {MAX_OBJECT_BYTES} are allowed: keep what is large as a blob"
    )]
    ObjectTooLarge {
        /// Their length.
        bytes: usize,
    },
    /// There are too many.
    #[error("an object has {count} attributes; at most {MAX_ATTRIBUTES} are allowed")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// Turns values of any JSON type into the strings devices know.
///
/// Texts stay as they are, numbers and truth values are written out, `null` is empty, and lists and objects are kept as
/// JSON text.
///
/// # Errors
/// Names with control characters, values that are too long, and too many attributes.
pub fn to_attributes(sent: SentAttributes) -> Result<Attributes, InvalidAttributes> {
    if sent.len() > MAX_ATTRIBUTES {
        return Err(InvalidAttributes::TooMany { count: sent.len() });
    }
    let attributes: Attributes = sent
        .into_iter()
        .filter(|(name, _)| !RESERVED.contains(&name.as_str()))
        .map(|(name, value)| {
            let name = AttributeName::parse(name)?.into_string();
            let value = to_text(value);
            if value.len() > MAX_VALUE_BYTES {
                return Err(InvalidAttributes::ValueTooLong {
                    name,
                    bytes: value.len(),
                });
            }
            Ok((name, value))
        })
        .collect::<Result<_, _>>()?;
    let bytes = attributes
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > MAX_OBJECT_BYTES {
        return Err(InvalidAttributes::ObjectTooLarge { bytes });
    }
    Ok(attributes)
}

/// How many bytes an object has.
pub(crate) fn bytes_of(id: &ObjectId, attributes: &Attributes) -> usize {
    let attributes = attributes.iter();
    attributes.fold(id.as_str().len(), |sum, (name, value)| {
        sum + name.len() + value.len()
    })
}

/// Writes one value as text, as [`to_attributes`] does.
pub fn to_text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_texts_and_reserved_names_are_dropped() {
        let sent: SentAttributes = serde_json::from_str(
            r#"{"name":"num","price":12.5,"on":true,"nil":null,"list":[1,2],"obj":{"a":1},"id":"x","attrib_type":"y","colon":"a:b:c","uni":"żółć ☃","sep":"x:^rho&:y:z"}"#,
        )
        .unwrap();
        let attributes = to_attributes(sent).unwrap();
        insta::assert_json_snapshot!(attributes, @r#"
        {
          "colon": "a:b:c",
          "list": "[1,2]",
          "name": "num",
          "nil": "",
          "obj": "{\"a\":1}",
          "on": "true",
          "price": "12.5",
          "sep": "x:^rho&:y:z",
          "uni": "żółć ☃"
        }
        "#);
    }

    #[test]
    fn hostile_names_and_sizes_are_refused() {
        let sent = |name: &str, value: String| {
            SentAttributes::from_iter([(name.to_owned(), Value::String(value))])
        };
        assert!(matches!(
            to_attributes(sent("a\nb", "x".into())),
            Err(InvalidAttributes::Name(_))
        ));
        assert!(matches!(
            to_attributes(sent("a", "x".repeat(1024 * 1024))),
            Err(InvalidAttributes::ValueTooLong {
                bytes: 1_048_576,
                ..
            })
        ));
        let three = ["a", "b", "c"].map(|name| (name.to_owned(), "x".repeat(400_000).into()));
        assert!(matches!(
            to_attributes(SentAttributes::from_iter(three)),
            Err(InvalidAttributes::ObjectTooLarge { bytes: 1_200_003 })
        ));
        let many = (0..=MAX_ATTRIBUTES)
            .map(|number| (number.to_string(), Value::Null))
            .collect();
        assert!(matches!(
            to_attributes(many),
            Err(InvalidAttributes::TooMany { count: 1001 })
        ));
    }
}
