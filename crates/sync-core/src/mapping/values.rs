//! What attributes are in the back end, where devices know only texts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::model::{short, to_text};

/// What an attribute is in the back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AttributeType {
    /// A text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Any JSON.
    Json,
    /// A day, or a moment as RFC 3339 has it. Devices get moments in UTC.
    Date,
    /// A moment as a number of seconds since 1970. Devices get RFC 3339.
    UnixSeconds,
    /// A moment as a number of milliseconds since 1970. Devices get RFC 3339.
    UnixMillis,
}

impl AttributeType {
    /// What a message calls it.
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "truth value",
            Self::Json => "JSON text",
            Self::Date => "date (2026-01-31, or 2026-01-31T09:00:00Z)",
            Self::UnixSeconds | Self::UnixMillis => "moment (2026-01-31T09:00:00Z)",
        }
    }

    /// What a message calls it as the back end has it.
    const fn in_back_end(self) -> &'static str {
        match self {
            Self::UnixSeconds => "number of seconds since 1970",
            Self::UnixMillis => "number of milliseconds since 1970",
            other => other.name(),
        }
    }

    /// A device's text as the back end wants it. An empty one is nothing, unless it is a text.
    ///
    /// # Errors
    /// A message for the device's user.
    pub(super) fn to_back_end(self, name: &str, text: &str) -> Result<Value, String> {
        if text.is_empty() && self != Self::Text {
            return Ok(Value::Null);
        }
        let trimmed = text.trim();
        let value = match self {
            Self::Text => Some(Value::String(text.to_owned())),
            Self::Number => serde_json::from_str(trimmed).ok().map(Value::Number),
            Self::Boolean => trimmed.parse().ok().map(Value::Bool),
            Self::Json => serde_json::from_str(text).ok(),
            Self::Date => to_date(trimmed).map(Value::String),
            Self::UnixSeconds => to_moment(trimmed).map(|moment| moment.as_second().into()),
            Self::UnixMillis => to_moment(trimmed).map(|moment| moment.as_millisecond().into()),
        };
        value.ok_or_else(|| format!("{name}: {text:?} is not a {}", self.name()))
    }

    /// A back end's value as devices get it.
    ///
    /// # Errors
    /// Why the record cannot be kept.
    pub(super) fn to_device(self, name: &str, value: Value) -> Result<Value, String> {
        let is_empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        let found = match self {
            Self::Text | Self::Number | Self::Boolean | Self::Json => return Ok(value),
            _ if is_empty => return Ok(Value::Null),
            Self::Date => value.as_str().map(str::trim).and_then(to_date),
            Self::UnixSeconds => number_of(&value)
                .and_then(|it| Timestamp::from_second(it).ok())
                .map(|it| it.to_string()),
            Self::UnixMillis => number_of(&value)
                .and_then(|it| Timestamp::from_millisecond(it).ok())
                .map(|it| it.to_string()),
        };
        found.map(Value::String).ok_or_else(|| {
            format!(
                "{name}: {:?} is not a {}",
                short(&to_text(value)),
                self.in_back_end()
            )
        })
    }
}

/// A day as it is, a moment in UTC.
fn to_date(text: &str) -> Option<String> {
    let is_day = text.len() == "2026-01-31".len();
    if is_day {
        let _: Timestamp = format!("{text}T00:00:00Z").parse().ok()?;
        return Some(text.to_owned());
    }
    to_moment(text).map(|moment| moment.to_string())
}

/// A moment; one that does not say where it was is in UTC.
fn to_moment(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

/// A whole number, also one that stands there as a text or with decimals.
fn number_of(value: &Value) -> Option<i64> {
    let number: Number = match value {
        Value::Number(number) => number.clone(),
        Value::String(text) => serde_json::from_str(text.trim()).ok()?,
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a moment that far away is refused by what reads it"
    )]
    number
        .as_i64()
        .or_else(|| number.as_f64().map(|it| it as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_go_out_as_their_types_and_come_in_as_texts() {
        use AttributeType::{Boolean, Date, Json, Number, Text, UnixMillis, UnixSeconds};
        for (kind, text, sent, back) in [
            (Text, "", json!(""), json!("")),
            (Number, " 9.50", json!(9.5), json!(9.5)),
            (Number, "", json!(null), json!(null)),
            (Boolean, "true", json!(true), json!(true)),
            (Json, "[1]", json!([1]), json!([1])),
            (Date, "2026-01-31", json!("2026-01-31"), json!("2026-01-31")),
            (
                Date,
                "2026-01-31T10:00:00+01:00",
                json!("2026-01-31T09:00:00Z"),
                json!("2026-01-31T09:00:00Z"),
            ),
            (
                Date,
                "2026-01-31T09:00:00",
                json!("2026-01-31T09:00:00Z"),
                json!("2026-01-31T09:00:00Z"),
            ),
            (
                UnixSeconds,
                "1970-01-01T00:01:00Z",
                json!(60),
                json!("1970-01-01T00:01:00Z"),
            ),
            (
                UnixMillis,
                "1970-01-01T00:01:00Z",
                json!(60_000),
                json!("1970-01-01T00:01:00Z"),
            ),
        ] {
            assert_eq!(kind.to_back_end("n", text), Ok(sent.clone()), "{kind:?}");
            assert_eq!(kind.to_device("n", sent), Ok(back), "{kind:?}");
        }
        for (kind, text) in [
            (Number, "cheap"),
            (Boolean, "yes"),
            (Json, "{"),
            (Date, "soon"),
            (UnixSeconds, "60"),
        ] {
            assert!(kind.to_back_end("n", text).is_err(), "{kind:?}");
        }
        assert!(Date.to_device("n", json!("soon")).is_err());
        assert_eq!(
            UnixSeconds.to_device("n", json!("60")),
            Ok(json!("1970-01-01T00:01:00Z"))
        );
    }
}
