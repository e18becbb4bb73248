//! The tables of settings keys in `docs/adapters.md`, written from the types.

use std::fmt::Write as _;

use schemars::{JsonSchema, Schema, schema_for};
use serde_json::{Map, Value};

use super::connection::{ApiKeyEntry, AuthorizationEntry, OAuth2Entry};
use super::delta::DeltaEntry;
use super::hook::HookEntry;
use super::mapping::ChildrenEntry;
use super::operation::OperationEntry;
use super::paging::{EnvelopePagingEntry, PagingEntry};
use super::plugin::PluginEntry;
use super::rest::RestEntry;
use super::soap::{SoapCallEntry, SoapEntry, UsernameTokenEntry};
use super::sql::SqlEntry;
use super::subscribe::SubscribeEntry;

/// Set it to write the tables.
const UPDATE: &str = "UPDATE_SETTINGS";

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/adapters.md");

/// The marks in the page, and the types.
fn tables() -> Vec<(&'static str, String)> {
    vec![
        ("rest", table::<RestEntry>()),
        ("a call", table::<OperationEntry>()),
        ("children", table::<ChildrenEntry>()),
        ("paging", table::<PagingEntry>()),
        ("changes", table::<DeltaEntry>()),
        ("authorization", choices::<AuthorizationEntry>()),
        ("api_key", table::<ApiKeyEntry>()),
        ("oauth2", table::<OAuth2Entry>()),
        ("soap", table::<SoapEntry>()),
        ("soap paging", table::<EnvelopePagingEntry>()),
        ("soap call", table::<SoapCallEntry>()),
        ("username_token", table::<UsernameTokenEntry>()),
        ("sql", table::<SqlEntry>()),
        ("hook", table::<HookEntry>()),
        ("subscribe", table::<SubscribeEntry>()),
        ("http", table::<PluginEntry>()),
    ]
}

#[test]
fn the_tables_of_the_page_are_those_of_the_types() {
    let page = std::fs::read_to_string(PAGE).expect("docs/adapters.md");
    let mut expected = page.clone();
    for (mark, table) in tables() {
        let begin = format!("<!-- keys: {mark} -->\n");
        let end = "<!-- end of keys -->";
        let (before, rest) = expected
            .split_once(&begin)
            .unwrap_or_else(|| panic!("no mark for {mark}"));
        let (_, after) = rest.split_once(end).expect("an end");
        expected = format!("{before}{begin}{table}{end}{after}");
    }
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(PAGE, expected).expect("to write the page");
    } else {
        assert!(
            page == expected,
            "the tables are old: run the test again with {UPDATE}=1"
        );
    }
}

fn schema_of<T: JsonSchema>() -> (Map<String, Value>, Value) {
    let mut schema: Value = Schema::into(schema_for!(T));
    let definitions = schema["$defs"].take();
    let Value::Object(schema) = schema else {
        panic!("a schema is an object");
    };
    (schema, definitions)
}

/// A row for each key, those that are required first.
fn table<T: JsonSchema>() -> String {
    let (schema, definitions) = schema_of::<T>();
    let required: Vec<&str> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let properties = schema["properties"].as_object().expect("properties");
    let mut rows: Vec<_> = properties.iter().collect();
    rows.sort_by_key(|(name, _)| (!required.contains(&name.as_str()), name.as_str()));
    let mut text = "| key | value | meaning |\n| --- | --- | --- |\n".to_owned();
    for (name, property) in rows {
        let kind = kind_of(property, &definitions);
        let needed = if required.contains(&name.as_str()) {
            ", required"
        } else {
            ""
        };
        let mut meaning = description(property);
        for (value, about) in variants(property, &definitions) {
            let _ = write!(meaning, " `\"{value}\"`: {about}");
        }
        let _ = writeln!(text, "| `{name}` | {kind}{needed} | {meaning} |");
    }
    text
}

/// A row for each of the keys of which there is one.
fn choices<T: JsonSchema>() -> String {
    let (schema, definitions) = schema_of::<T>();
    let mut text = "| key | value | meaning |\n| --- | --- | --- |\n".to_owned();
    for choice in schema["oneOf"].as_array().expect("choices") {
        let (name, property) = choice["properties"]
            .as_object()
            .and_then(|properties| properties.iter().next())
            .expect("a key");
        let kind = kind_of(property, &definitions);
        let _ = writeln!(text, "| `{name}` | {kind} | {} |", description(choice));
    }
    text
}

fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.replace('\n', " ").replace('|', "\\|")
}

/// What a property refers to, where it does.
fn reference_of<'a>(property: &Value, definitions: &'a Value) -> Option<(String, &'a Value)> {
    let direct = property["$ref"].as_str();
    let optional = || property["anyOf"].as_array()?.first()?["$ref"].as_str();
    let name = direct.or_else(optional)?.rsplit('/').next()?;
    Some((name.to_owned(), &definitions[name]))
}

/// The values of a property that has a few, and what they mean.
fn variants(property: &Value, definitions: &Value) -> Vec<(String, String)> {
    let reference = reference_of(property, definitions);
    let items = property["additionalProperties"]
        .as_object()
        .map(|_| &property["additionalProperties"]);
    let items = items.or(property["items"].as_object().map(|_| &property["items"]));
    let reference = reference.or_else(|| reference_of(items?, definitions));
    let Some((_, schema)) = reference else {
        return Vec::new();
    };
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    choices
        .filter_map(|choice| Some((choice["const"].as_str()?.to_owned(), description(choice))))
        .collect()
}

fn kind_of(property: &Value, definitions: &Value) -> String {
    if let Some((name, schema)) = reference_of(property, definitions) {
        return match name.as_str() {
            "Text" => "text or [variable](settings.md#variables-and-secrets)".to_owned(),
            "OperationEntry" => "[a call](#a-call)".to_owned(),
            "ChildrenEntry" => "[table](#records-within-records)".to_owned(),
            "PagingEntry" => "[table](#pages)".to_owned(),
            "DeltaEntry" => "[table](#changes-since-the-last-query)".to_owned(),
            "AuthorizationEntry" => "[table](#authorization)".to_owned(),
            "ApiKeyEntry" | "OAuth2Entry" | "EnvelopePagingEntry" => "table, below".to_owned(),
            "SubscribeEntry" => "[table](#subscriptions)".to_owned(),
            "SoapCallEntry" | "UsernameTokenEntry" => "table, below".to_owned(),
            "IdEntry" => "path or list of paths".to_owned(),
            "AttributesEntry" => "list of names, or table of names and paths".to_owned(),
            _ if schema["oneOf"].is_array() => "one of".to_owned(),
            other => panic!("what is a {other} called in the tables?"),
        };
    }
    let types = &property["type"];
    let is = |name: &str| match types {
        Value::Array(types) => types.iter().any(|it| it == name),
        one => one == name,
    };
    let kind = if is("string") {
        "text"
    } else if is("integer") {
        "number"
    } else if is("boolean") {
        "true or false"
    } else if is("array") {
        "list"
    } else {
        "table"
    };
    kind.to_owned()
}
