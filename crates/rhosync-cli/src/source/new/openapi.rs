//! Proposals from an OpenAPI document: collections that can be listed, and what else can be done with their records.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use super::proposal::{RestProposal, quoted};

/// Properties by name, with what references lead to.
type Properties<'a> = std::collections::BTreeMap<String, &'a Value>;

/// How deep references are followed: documents may have circles.
const DEPTH: usize = 8;
/// Records of a page where the document does not say.
const PAGE_SIZE: u64 = 100;

/// Names of query parameters and members, the most telling first.
const PAGE: &[&str] = &["page", "page_number", "pageNumber"];
const SIZE: &[&str] = &[
    "per_page",
    "perPage",
    "page_size",
    "pageSize",
    "size",
    "limit",
    "top",
    "$top",
];
const OFFSET: &[&str] = &["offset", "skip", "$skip", "start"];
const CURSOR: &[&str] = &[
    "cursor",
    "after",
    "page_token",
    "pageToken",
    "starting_after",
];
const NEXT: &[&str] = &[
    "next_cursor",
    "nextCursor",
    "next_page_token",
    "nextPageToken",
    "cursor",
    "next",
];
const IDS: &[&str] = &["id", "_id", "uuid", "key", "code", "number", "no"];

/// Records that can be listed.
#[derive(Debug)]
pub(super) struct Collection {
    /// What a source of them may be called.
    pub(super) name: String,
    /// Their path in the document.
    pub(super) path: String,
    /// What the document has calls for.
    pub(super) can: Vec<&'static str>,
    pub(super) rest: RestProposal,
}

/// Finds the collections of a document, JSON or YAML.
pub(super) fn collections(text: &str, url: Option<&str>) -> Result<Vec<Collection>> {
    let document: Value =
        serde_norway::from_str(text).context("the document is neither JSON nor YAML")?;
    let document = Document(&document);
    let paths = document.0["paths"].as_object();
    let paths = paths.context("the document has no paths: is it an OpenAPI document?")?;
    let server = document.server(url);
    let found: Vec<_> = paths
        .keys()
        .filter_map(|path| document.collection(path, paths, &server))
        .collect();
    ensure!(
        !found.is_empty(),
        "the document has no call that answers with a list of records"
    );
    Ok(found)
}

#[derive(Clone, Copy)]
struct Document<'a>(&'a Value);

impl<'a> Document<'a> {
    /// What a reference leads to.
    fn resolve(self, mut value: &'a Value) -> &'a Value {
        for _ in 0..DEPTH {
            let Some(reference) = value["$ref"].as_str() else {
                break;
            };
            let pointer = reference.trim_start_matches('#');
            value = self.0.pointer(pointer).unwrap_or(&Value::Null);
        }
        value
    }

    /// Address of the interface, without a slash at its end.
    fn server(self, url: Option<&str>) -> String {
        let swagger = || {
            let host = self.0["host"].as_str()?;
            let scheme = self.0.pointer("/schemes/0").and_then(Value::as_str);
            let scheme = scheme.unwrap_or("https");
            Some(format!(
                "{scheme}://{host}{}",
                self.0["basePath"].as_str().unwrap_or_default()
            ))
        };
        let server = self.0.pointer("/servers/0").unwrap_or(&Value::Null);
        let mut address = match (url, server["url"].as_str()) {
            (Some(url), _) => url.to_owned(),
            (None, Some(url)) if url.contains("://") => url.to_owned(),
            (None, Some(path)) => format!("https://back-end.example.com{path}"),
            (None, None) => swagger().unwrap_or_else(|| "https://back-end.example.com".to_owned()),
        };
        for (name, variable) in server["variables"].as_object().into_iter().flatten() {
            let default = variable["default"].as_str().unwrap_or_default();
            address = address.replace(&format!("{{{name}}}"), default);
        }
        address.trim_end_matches('/').to_owned()
    }

    fn collection(
        self,
        path: &str,
        paths: &'a Map<String, Value>,
        server: &str,
    ) -> Option<Collection> {
        // Records within other records need an id in the address, which nobody has when all are listed.
        let is_plain = !path.contains('{');
        let list = paths.get(path).filter(|_| is_plain)?.get("get")?;
        let (records, answer, record) = self.records(list)?;
        let item = paths.iter().find_map(|(other, calls)| {
            let parameter = other
                .strip_prefix(path)?
                .strip_prefix("/{")?
                .strip_suffix('}')?;
            (!parameter.contains('{')).then_some((parameter, calls))
        });
        let properties = self.properties(record, 0);
        let id = item
            .map(|(parameter, _)| parameter)
            .filter(|parameter| properties.contains_key(*parameter))
            .or_else(|| IDS.iter().copied().find(|id| properties.contains_key(*id)));
        let has =
            |calls: Option<&Value>, method: &str| calls.is_some_and(|it| it.get(method).is_some());
        let of_item = item.map(|(_, calls)| calls);
        let has_patch = has(of_item, "patch");
        let can = [
            ("read", true),
            ("create", has(paths.get(path), "post")),
            ("update", has_patch || has(of_item, "put")),
            ("delete", has(of_item, "delete")),
        ];
        let mut notes = vec![list["summary"].as_str().unwrap_or(path).replace('\n', " ")];
        for (what, _) in can.iter().filter(|(_, can)| !can) {
            notes.push(format!(
                "The document has no call to {what} one: what devices {what} will be refused."
            ));
        }
        if id.is_none() {
            notes.push("Which value is the id the document does not tell.".to_owned());
        }
        let mut example = Map::new();
        let mut types = Vec::new();
        for (name, schema) in &properties {
            let is_id = id == Some(name.as_str());
            example.insert(name.clone(), example_of(schema));
            let kind = type_of(schema).filter(|_| !is_id);
            types.extend(kind.map(|kind| (name.clone(), kind)));
        }
        example
            .entry(id.unwrap_or("id"))
            .or_insert_with(|| json!(1));
        Some(Collection {
            name: source_name(path),
            path: path.to_owned(),
            can: can
                .into_iter()
                .filter_map(|(what, can)| can.then_some(what))
                .collect(),
            rest: RestProposal {
                url: format!("{server}{path}"),
                authorization: self.authorization(&source_name(path)),
                records,
                id: id.map(str::to_owned),
                types,
                paging: self.paging(list, &paths[path], answer),
                has_patch,
                notes,
                example,
            },
        })
    }

    /// Where the records are in a call's answer, the answer's schema, and that of a record.
    fn records(self, call: &'a Value) -> Option<(Option<String>, &'a Value, &'a Value)> {
        let responses = call["responses"].as_object()?;
        let success = responses.iter().find(|(status, _)| status.starts_with('2'));
        let response = self.resolve(success?.1);
        let content = response["content"].as_object().into_iter().flatten();
        let json = content
            .filter(|(kind, _)| kind.contains("json"))
            .map(|(_, content)| &content["schema"]);
        let schema = self.resolve(json.into_iter().next().unwrap_or(&response["schema"]));
        if schema["items"].is_object() {
            return Some((None, schema, self.resolve(&schema["items"])));
        }
        let lists = self
            .properties(schema, 0)
            .into_iter()
            .filter_map(|(name, property)| {
                let record = self.resolve(property.get("items")?);
                (!self.properties(record, 0).is_empty()).then_some((name, record))
            });
        let (name, record) = lists.into_iter().next()?;
        Some((Some(format!("$.{name}")), schema, record))
    }

    /// The properties of an object, also of the schemas that it is put together from.
    fn properties(self, schema: &'a Value, depth: usize) -> Properties<'a> {
        let schema = self.resolve(schema);
        let own = schema["properties"].as_object().into_iter().flatten();
        let mut found: Properties<'a> = own
            .map(|(name, it)| (name.clone(), self.resolve(it)))
            .collect();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            if depth < DEPTH {
                found.extend(self.properties(part, depth + 1));
            }
        }
        found
    }

    fn paging(self, call: &'a Value, path: &'a Value, answer: &'a Value) -> Option<String> {
        let lists = [&call["parameters"], &path["parameters"]];
        let parameters: Vec<_> = lists
            .into_iter()
            .flat_map(|list| list.as_array().into_iter().flatten())
            .map(|parameter| self.resolve(parameter))
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        let find = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let found = parameters.iter().find(|it| it["name"] == *name)?;
                Some((*name, *found))
            })
        };
        let size = find(SIZE).map(|(name, parameter)| {
            let schema = self.resolve(&parameter["schema"]);
            let limits = [&schema["maximum"], &schema["default"]];
            let size = limits
                .into_iter()
                .find_map(Value::as_u64)
                .unwrap_or(PAGE_SIZE);
            format!(", size_parameter = {}, size = {size}", quoted(name))
        });
        let numbered = || format!(", size = {PAGE_SIZE}");
        if let Some((name, _)) = find(CURSOR) {
            let members = self.properties(answer, 0);
            let next = NEXT.iter().find_map(|next| {
                let nested = members.iter().find_map(|(name, inner)| {
                    let inner = self.properties(inner, 0);
                    inner
                        .contains_key(*next)
                        .then(|| format!("$.{name}.{next}"))
                });
                members
                    .contains_key(*next)
                    .then(|| format!("$.{next}"))
                    .or(nested)
            })?;
            let size = size.unwrap_or_default();
            return Some(format!(
                "{{ kind = \"cursor\", parameter = {}, next = {}{size} }}",
                quoted(name),
                quoted(&next)
            ));
        }
        if let Some((name, _)) = find(PAGE) {
            return Some(format!(
                "{{ parameter = {}{} }}",
                quoted(name),
                size.unwrap_or_else(numbered)
            ));
        }
        let (name, _) = find(OFFSET)?;
        Some(format!(
            "{{ kind = \"offset\", parameter = {}{} }}",
            quoted(name),
            size.unwrap_or_else(numbered)
        ))
    }

    /// The value of `authorization` for the first scheme that can be told, and its variables.
    fn authorization(self, source: &str) -> Option<(String, Vec<String>)> {
        let components = self.0.pointer("/components/securitySchemes");
        let schemes = components
            .or(self.0.get("securityDefinitions"))?
            .as_object()?;
        let name = |what: &str| format!("{}_{what}", source.to_ascii_lowercase());
        let of = |name: &str| format!("{{ variable = {} }}", quoted(name));
        schemes.values().find_map(|scheme| {
            let scheme = self.resolve(scheme);
            let is = |key: &str, value: &str| {
                scheme[key]
                    .as_str()
                    .is_some_and(|it| it.eq_ignore_ascii_case(value))
            };
            if is("type", "http") && is("scheme", "bearer") {
                let token = name("token");
                return Some((format!("{{ bearer = {} }}", of(&token)), vec![token]));
            }
            if is("type", "basic") || is("type", "http") && is("scheme", "basic") {
                let (user, password) = (name("user"), name("password"));
                let value = format!(
                    "{{ basic = {{ user = {}, password = {} }} }}",
                    of(&user),
                    of(&password)
                );
                return Some((value, vec![user, password]));
            }
            if is("type", "apiKey") && (is("in", "header") || is("in", "query")) {
                let place = if is("in", "header") {
                    "header"
                } else {
                    "parameter"
                };
                let (key, parameter) = (name("key"), quoted(scheme["name"].as_str()?));
                let value = format!(
                    "{{ api_key = {{ {place} = {parameter}, value = {} }} }}",
                    of(&key)
                );
                return Some((value, vec![key]));
            }
            let flow = [
                scheme.pointer("/flows/clientCredentials/tokenUrl"),
                scheme.get("tokenUrl"),
            ];
            let token_url = flow.into_iter().flatten().find_map(Value::as_str)?;
            let (id, secret) = (name("client_id"), name("client_secret"));
            let value = format!(
                "{{ oauth2 = {{ token_url = {}, client_id = {}, client_secret = {} }} }}",
                quoted(token_url),
                of(&id),
                of(&secret)
            );
            Some((value, vec![id, secret]))
        })
    }
}

/// `/v2/line-items` is a source `LineItem`.
fn source_name(path: &str) -> String {
    let segment = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let singular = match (segment.strip_suffix("ies"), segment.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) if !stem.ends_with('s') => stem.to_owned(),
        _ => segment.to_owned(),
    };
    let words = singular.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

/// What a property is, if it is no text. A type may be a list with `null`.
fn type_of(schema: &Value) -> Option<&'static str> {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    match (kinds?, schema["format"].as_str()) {
        ("integer" | "number", _) => Some("number"),
        ("boolean", _) => Some("boolean"),
        ("array" | "object", _) => Some("json"),
        ("string", Some("date" | "date-time")) => Some("date"),
        _ => None,
    }
}

/// A value of a property.
fn example_of(schema: &Value) -> Value {
    let told = ["/example", "/default", "/enum/0"];
    if let Some(told) = told.into_iter().find_map(|place| schema.pointer(place)) {
        return told.clone();
    }
    match type_of(schema) {
        Some("number") => json!(1),
        Some("boolean") => json!(true),
        Some("json") if schema["type"] == "array" => json!([]),
        Some("json") => json!({}),
        Some("date") => json!("2026-01-31"),
        _ => json!("text"),
    }
}
