//! Whether a body is the expected one.

use anyhow::{Result, bail};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::template::Values;

/// A key that stands for all that are not named.
const OTHERS: &str = "...";

/// Compares a body: as JSON, or as lines of JSON, where the expected one is that, else as text. Of JSON the order of arrays counts, that of
/// objects does not; but in pages clients look at the order of the commands too.
pub(crate) fn compare(values: &mut Values, expected: &str, body: &str) -> Result<()> {
    let Ok(json) = serde_json::from_str::<Value>(expected) else {
        if let Some(expected) = lines(expected) {
            return compare_lines(values, &expected, body);
        }
        if !values.matches(expected, body)? {
            bail!("expected the body {expected:?}");
        }
        return Ok(());
    };
    let Ok(got) = serde_json::from_str::<Value>(body) else {
        bail!("expected JSON");
    };
    compare_value(values, &json, &got, "")?;
    if let (Some(expected), Some(got)) = (commands(expected), commands(body))
        && expected != got
    {
        bail!("expected the commands in the order {expected:?}, not {got:?}");
    }
    Ok(())
}

/// One JSON value after another, each in a line of its own.
fn lines(text: &str) -> Option<Vec<Value>> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().ok()
}

fn compare_lines(values: &mut Values, expected: &[Value], body: &str) -> Result<()> {
    let Some(got) = lines(body).filter(|got| got.len() == expected.len()) else {
        bail!("expected {} lines of JSON", expected.len());
    };
    for (number, (expected, got)) in expected.iter().zip(&got).enumerate() {
        compare_value(values, expected, got, &format!("line {}", number + 1))?;
    }
    Ok(())
}

/// The keys of a page's last element, in their order.
fn commands(page: &str) -> Option<Vec<String>> {
    let elements: Vec<IndexMap<String, Value>> = serde_json::from_str(page).ok()?;
    if !elements.first()?.contains_key("version") {
        return None;
    }
    Some(elements.last()?.keys().cloned().collect())
}

fn compare_value(values: &mut Values, expected: &Value, got: &Value, place: &str) -> Result<()> {
    let is_right = match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            return compare_objects(values, expected, got, place);
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare_value(values, expected, got, &format!("{place}[{index}]"))?;
            }
            true
        }
        (Value::String(expected), Value::String(got)) => values.matches(expected, got)?,
        // A placeholder alone may stand for what is not a text.
        (Value::String(expected), other) if expected.starts_with("{{") => {
            values.matches(expected, &other.to_string())?
        }
        (expected, got) => expected == got,
    };
    if !is_right {
        bail!("{place}: expected {expected}, got {got}");
    }
    Ok(())
}

fn compare_objects(
    values: &mut Values,
    expected: &Map<String, Value>,
    got: &Map<String, Value>,
    place: &str,
) -> Result<()> {
    let mut others = got.clone();
    for (key, value) in expected {
        if key == OTHERS {
            continue;
        }
        let key = values.fill(key)?;
        let Some(got) = others.remove(&key) else {
            bail!("{place}: there is no {key:?}");
        };
        compare_value(values, value, &got, &format!("{place}.{key}"))?;
    }
    if let Some((key, value)) = others.iter().next()
        && !expected.contains_key(OTHERS)
    {
        bail!("{place}: {key:?} is not expected: {value}");
    }
    Ok(())
}
