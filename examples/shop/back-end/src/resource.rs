//! The two kinds of record, products and customers: their fields, and what makes a value valid.

use rusqlite::types::Value as SqlValue;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// Longest text a field takes, in bytes; a name or an address is never longer, a mistake often is.
const MAX_TEXT: usize = 1_000;
/// Highest price and quantity: far above any real one, far below where a double loses cents.
const MAX_NUMBER: f64 = 1e9;

/// One kind of record. `name` is its table and the first part of its URLs.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

/// One attribute that clients may write.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Text that must be there and not be blank.
    Name,
    Text,
    /// Empty, or text with an `@` inside.
    Email,
    /// A number ≥ 0, rounded to cents.
    Money,
    /// A whole number ≥ 0.
    Count,
}

pub(crate) static PRODUCTS: Resource = Resource {
    name: "products",
    fields: &[
        Field {
            name: "name",
            kind: Kind::Name,
        },
        Field {
            name: "brand",
            kind: Kind::Text,
        },
        Field {
            name: "price",
            kind: Kind::Money,
        },
        Field {
            name: "sku",
            kind: Kind::Text,
        },
        Field {
            name: "quantity",
            kind: Kind::Count,
        },
    ],
};

pub(crate) static CUSTOMERS: Resource = Resource {
    name: "customers",
    fields: &[
        Field {
            name: "name",
            kind: Kind::Name,
        },
        Field {
            name: "email",
            kind: Kind::Email,
        },
        Field {
            name: "phone",
            kind: Kind::Text,
        },
        Field {
            name: "street",
            kind: Kind::Text,
        },
        Field {
            name: "city",
            kind: Kind::Text,
        },
        Field {
            name: "country",
            kind: Kind::Text,
        },
    ],
};

/// A checked value and the column it goes to.
pub(crate) type Assignment = (&'static str, SqlValue);

impl Resource {
    /// Checks the body of a create: every field that is there must be valid, and a name must be there.
    pub(crate) fn parse_new(&self, body: &Map<String, Value>) -> Result<Vec<Assignment>, ApiError> {
        let missing =
            |field: &&Field| matches!(field.kind, Kind::Name) && !body.contains_key(field.name);
        if let Some(field) = self.fields.iter().find(missing) {
            return Err(invalid(field.name, "must not be empty"));
        }
        self.parse_changes(body)
    }

    /// Checks the body of an update: only the fields that are there change.
    ///
    /// Attributes the shop doesn't know, and those it sets itself (`id`, `updated_at`), are ignored, because
    /// clients send back whole objects.
    pub(crate) fn parse_changes(
        &self,
        body: &Map<String, Value>,
    ) -> Result<Vec<Assignment>, ApiError> {
        self.fields
            .iter()
            .filter_map(|field| Some((field, body.get(field.name)?)))
            .map(|(field, value)| {
                let value = field
                    .kind
                    .parse(value)
                    .map_err(|why| invalid(field.name, why))?;
                Ok((field.name, value))
            })
            .collect()
    }
}

impl Kind {
    fn parse(self, value: &Value) -> Result<SqlValue, &'static str> {
        match self {
            Self::Name => match text(value)? {
                text if text.trim().is_empty() => Err("must not be empty"),
                text => Ok(text.into()),
            },
            Self::Text => Ok(text(value)?.into()),
            Self::Email => match text(value)? {
                text if text.is_empty() || text.trim_matches('@').contains('@') => Ok(text.into()),
                _ => Err("must be an e-mail address"),
            },
            Self::Money => Ok(((number(value)? * 100.0).round() / 100.0).into()),
            Self::Count => match number(value)? {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "whole and at most MAX_NUMBER"
                )]
                count if count.fract() == 0.0 => Ok((count as i64).into()),
                _ => Err("must be a whole number"),
            },
        }
    }
}

/// Text, or what a client that only knows text makes of a number; `null` empties the field.
fn text(value: &Value) -> Result<String, &'static str> {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err("must be text"),
    };
    if text.len() > MAX_TEXT {
        Err("is too long")
    } else {
        Ok(text)
    }
}

/// A number, or text that is one: some clients send every attribute as text. Nothing counts as 0.
fn number(value: &Value) -> Result<f64, &'static str> {
    let number = match value {
        Value::Null => Some(0.0),
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.trim().is_empty() => Some(0.0),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match number {
        Some(number) if number < 0.0 => Err("must not be negative"),
        Some(number) if number <= MAX_NUMBER => Ok(number),
        Some(number) if number > MAX_NUMBER => Err("is too large"),
        _ => Err("must be a number"),
    }
}

fn invalid(field: &'static str, why: &str) -> ApiError {
    ApiError::Invalid {
        field,
        message: format!("{field} {why}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<Vec<Assignment>, String> {
        PRODUCTS
            .parse_new(body.as_object().unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_may_be_text() {
        let expected = vec![
            ("name", SqlValue::from("Lamp".to_owned())),
            ("price", SqlValue::from(19.99)),
            ("quantity", SqlValue::from(7)),
        ];
        assert_eq!(
            parse(json!({"name": "Lamp", "price": "19.99", "quantity": " 7 "})).unwrap(),
            expected
        );
        assert_eq!(
            parse(json!({"name": "Lamp", "price": 19.99, "quantity": 7.0})).unwrap(),
            expected
        );
    }

    #[test]
    fn bad_values_name_their_field() {
        for (body, message) in [
            (json!({}), "name must not be empty"),
            (json!({"name": "  "}), "name must not be empty"),
            (json!({"name": null}), "name must not be empty"),
            (json!({"name": ["x"]}), "name must be text"),
            (
                json!({"name": "x", "price": -0.01}),
                "price must not be negative",
            ),
            (
                json!({"name": "x", "price": "cheap"}),
                "price must be a number",
            ),
            (
                json!({"name": "x", "price": "NaN"}),
                "price must be a number",
            ),
            (json!({"name": "x", "price": "inf"}), "price is too large"),
            (
                json!({"name": "x", "quantity": 1.5}),
                "quantity must be a whole number",
            ),
            (
                json!({"name": "x", "brand": "b".repeat(1_001)}),
                "brand is too long",
            ),
        ] {
            assert_eq!(parse(body.clone()).unwrap_err(), message, "{body}");
        }
    }

    #[test]
    fn an_update_needs_no_name_but_no_empty_one_either() {
        let body = json!({"price": 1, "id": 99, "colour": "red"});
        let changes = PRODUCTS.parse_changes(body.as_object().unwrap()).unwrap();
        assert_eq!(changes, [("price", SqlValue::from(1.0))]);

        let body = json!({"name": ""});
        assert!(PRODUCTS.parse_changes(body.as_object().unwrap()).is_err());
    }

    #[test]
    fn an_email_has_something_on_both_sides_of_the_at() {
        for (email, good) in [
            ("", true),
            ("a@b", true),
            ("a", false),
            ("@b", false),
            ("a@", false),
        ] {
            let body = json!({"email": email});
            assert_eq!(
                CUSTOMERS.parse_changes(body.as_object().unwrap()).is_ok(),
                good,
                "{email}"
            );
        }
    }
}
