//! Proposals from an OpenAPI document: collections that can be listed, and what else can be done with their records.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::openapi_paging;
use super::proposal::{RestProposal, key, quoted};

/// Properties by name, with what references lead to.
type Properties<'a> = std::collections::BTreeMap<String, &'a Value>;

/// How deep lists of records are looked for in an answer.
const LIST_DEPTH: usize = 2;
/// How deep references are followed: documents may have circles.
const DEPTH: usize = 8;
/// Members that are lists of records, the most telling first, and such as are not.
const RECORDS: &[&str] = &[
    "data", "items", "results", "records", "value", "content", "entries", "rows",
];
const OTHERS: &[&str] = &[
    "errors", "warnings", "messages", "links", "included", "facets",
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
///
/// Addresses that are not whole are those of the server at `origin`, where the document comes from.
pub(super) fn collections(
    text: &str,
    url: Option<&str>,
    origin: Option<&str>,
) -> Result<Vec<Collection>> {
    ensure!(
        !text.trim_start().starts_with('<'),
        "the document is a web page, or XML: name the OpenAPI document itself, which is often at /openapi.json or /v3/api-docs"
    );
    let document: Value =
        serde_norway::from_str(text).context("the document is neither JSON nor YAML")?;
    let document = Document(&document);
    let paths = document.0["paths"].as_object();
    let paths = paths.context("the document has no paths: is it an OpenAPI document?")?;
    let server = document.server(url, origin);
    let found: Vec<_> = paths
        .keys()
        .filter_map(|path| document.collection(path, paths, &server))
        .collect();
    if found.is_empty()
        && let Some(elsewhere) = document.reference_elsewhere(document.0)
    {
        bail!(
            "the document has no call that answers with a list of records, and refers to {elsewhere}: put its files together into one first"
        );
    }
    ensure!(
        !found.is_empty(),
        "the document has no call that answers with a list of records"
    );
    Ok(found)
}

#[derive(Clone, Copy)]
pub(super) struct Document<'a>(&'a Value);

impl<'a> Document<'a> {
    /// What a reference leads to.
    pub(super) fn resolve(self, mut value: &'a Value) -> &'a Value {
        for _ in 0..DEPTH {
            let Some(reference) = value["$ref"].as_str() else {
                break;
            };
            let pointer = reference.trim_start_matches('#');
            value = self.0.pointer(pointer).unwrap_or(&Value::Null);
        }
        value
    }

    /// A reference to another document.
    fn reference_elsewhere(self, value: &'a Value) -> Option<&'a str> {
        let inner: Vec<&Value> = match value {
            Value::Object(members) => members.values().collect(),
            Value::Array(elements) => elements.iter().collect(),
            _ => return None,
        };
        let own = value["$ref"].as_str().filter(|it| !it.starts_with('#'));
        own.or_else(|| {
            inner
                .into_iter()
                .find_map(|it| self.reference_elsewhere(it))
        })
    }

    /// Address of the interface, without a slash at its end.
    fn server(self, url: Option<&str>, origin: Option<&str>) -> String {
        let origin = origin.unwrap_or("https://back-end.example.com");
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
            (None, Some(path)) => format!("{origin}/{}", path.trim_start_matches('/')),
            (None, None) => swagger().unwrap_or_else(|| {
                let path = self.0["basePath"].as_str().unwrap_or_default();
                format!("{origin}{path}")
            }),
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
        let calls = self.resolve(paths.get(path).filter(|_| is_plain)?);
        let list = calls.get("get")?;
        let (records, answer, record) = self.records(list, path)?;
        let bare = path.trim_end_matches('/');
        let item = paths.iter().find_map(|(other, calls)| {
            let parameter = other
                .trim_end_matches('/')
                .strip_prefix(bare)?
                .strip_prefix("/{")?
                .strip_suffix('}')?;
            (!parameter.contains('{')).then(|| (parameter, other, self.resolve(calls)))
        });
        let properties = self.properties(record, 0);
        let own = source_name(path).to_ascii_lowercase();
        let is_own = |name: &&str| {
            let name = name.to_ascii_lowercase().replace('_', "");
            name.strip_suffix("id").is_some_and(|of| of == own)
        };
        let id = item
            .map(|(parameter, ..)| parameter)
            .filter(|parameter| properties.contains_key(*parameter))
            .or_else(|| IDS.iter().copied().find(|id| properties.contains_key(*id)))
            .or_else(|| properties.keys().map(String::as_str).find(is_own));
        let has =
            |calls: Option<&Value>, method: &str| calls.is_some_and(|it| it.get(method).is_some());
        let of_item = item.map(|(.., calls)| calls);
        let has_patch = has(of_item, "patch");
        let can = [
            ("read", true),
            ("create", has(Some(calls), "post")),
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
        let parameters = self.parameters(list, calls);
        let (needed, list_call) = self.needed(&parameters);
        notes.extend(needed);
        let paging = openapi_paging::paging(self, &parameters, list, answer);
        if paging.as_ref().is_some_and(|paging| !paging.is_size_told) {
            notes.push("How many records a page has the document does not tell: `size` is a guess, and `rhosync source check` finds out.".to_owned());
        }
        let slash = if path.ends_with('/') { "/" } else { "" };
        let item_slash = item.is_some_and(|(_, other, _)| other.ends_with('/'));
        let mut example = Map::new();
        let mut types = Vec::new();
        for (name, schema) in &properties {
            let is_id = id == Some(name.as_str());
            example.insert(name.clone(), self.example_of(schema));
            let kind = self.type_of(schema).filter(|_| !is_id);
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
                url: format!("{server}{bare}"),
                authorization: self.authorization(&source_name(path), list),
                records,
                id: id.map(str::to_owned),
                types,
                paging: paging.map(|paging| paging.value),
                has_patch,
                calls: calls_with(slash, if item_slash { "/" } else { "" }, &list_call),
                notes,
                example,
            },
        })
    }

    /// Where the records are in a call's answer, the answer's schema, and that of a record.
    fn records(
        self,
        call: &'a Value,
        path: &str,
    ) -> Option<(Option<String>, &'a Value, &'a Value)> {
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
        let own = path
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let rank = |path: &str| {
            let name = path.rsplit('.').next().unwrap_or_default();
            let known = RECORDS.iter().position(|known| *known == name);
            let of_name = match known {
                _ if name == own => 0,
                Some(at) => 1 + at,
                None if OTHERS.contains(&name) => 200,
                None => 100,
            };
            (of_name, path.matches('.').count())
        };
        let mut lists = Vec::new();
        self.lists(schema, "$", 0, &mut lists);
        let (path, record) = lists.into_iter().min_by_key(|(path, _)| rank(path))?;
        Some((Some(path), schema, record))
    }

    /// The lists of objects in an answer, with their paths.
    fn lists(
        self,
        schema: &'a Value,
        path: &str,
        depth: usize,
        found: &mut Vec<(String, &'a Value)>,
    ) {
        for (name, property) in self.properties(schema, 0) {
            let path = format!("{path}.{name}");
            match property.get("items").map(|items| self.resolve(items)) {
                Some(record) if !self.properties(record, 0).is_empty() => {
                    found.push((path, record))
                }
                Some(_) => {}
                None if depth < LIST_DEPTH => self.lists(property, &path, depth + 1, found),
                None => {}
            }
        }
    }

    /// The parameters of a call, also those that all calls of its path have.
    fn parameters(self, call: &'a Value, path: &'a Value) -> Vec<&'a Value> {
        let lists = [&call["parameters"], &path["parameters"]];
        let all = lists
            .into_iter()
            .flat_map(|list| list.as_array().into_iter().flatten());
        all.map(|parameter| self.resolve(parameter)).collect()
    }

    /// Comments about parameters that a call must have, and those whose value the document tells, as settings.
    fn needed(self, parameters: &[&'a Value]) -> (Vec<String>, Vec<String>) {
        let required = parameters.iter().filter(|it| it["required"] == true);
        let (mut notes, mut query) = (Vec::new(), Vec::new());
        for parameter in required {
            let (Some(name), Some(place @ ("query" | "header"))) =
                (parameter["name"].as_str(), parameter["in"].as_str())
            else {
                continue;
            };
            let schema = self.resolve(parameter.get("schema").unwrap_or(parameter));
            let told = ["/default", "/example", "/enum/0", "/items/enum/0"];
            let told = told.into_iter().find_map(|place| schema.pointer(place));
            match told.filter(|_| place == "query") {
                Some(Value::String(text)) => query.push(format!("{} = {}", key(name), quoted(text))),
                Some(value) => query.push(format!("{} = {}", key(name), quoted(&value.to_string()))),
                None => notes.push(format!(
                    "The call needs the {place} parameter {name}: say it in `list = {{ {} = {{ … }} }}`.",
                    if place == "query" { place } else { "headers" }
                )),
            }
        }
        (notes, query)
    }

    /// The properties of an object, also of the schemas that it is put together from.
    pub(super) fn properties(self, schema: &'a Value, depth: usize) -> Properties<'a> {
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
        if found.is_empty() && depth < DEPTH {
            // Of several that it may be, the first that is an object: the others are `null` mostly.
            let choices = ["anyOf", "oneOf"]
                .into_iter()
                .flat_map(|key| schema[key].as_array());
            let mut objects = choices.flatten().map(|it| self.properties(it, depth + 1));
            found = objects.find(|it| !it.is_empty()).unwrap_or_default();
        }
        found
    }

    /// A schema that says of what type a value is, if it is not the schema itself.
    fn typed(self, schema: &'a Value, depth: usize) -> &'a Value {
        let schema = self.resolve(schema);
        if schema.get("type").is_some() || depth == DEPTH {
            return schema;
        }
        let choices = ["allOf", "anyOf", "oneOf"]
            .into_iter()
            .flat_map(|key| schema[key].as_array());
        let typed = choices.flatten().map(|it| self.typed(it, depth + 1));
        let mut typed = typed.filter(|it| it.get("type").is_some_and(|kind| kind != "null"));
        typed.next().unwrap_or(schema)
    }

    /// What a property is, if it is no text. A type may be a list with `null`.
    fn type_of(self, schema: &'a Value) -> Option<&'static str> {
        let schema = self.typed(schema, 0);
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|kind| *kind != "null"),
            Value::Null if schema["properties"].is_object() => Some("object"),
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
    fn example_of(self, schema: &'a Value) -> Value {
        let told = ["/example", "/examples/0", "/default", "/enum/0"];
        let is_told = |place: &str| schema.pointer(place).filter(|told| !told.is_null());
        if let Some(told) = told.into_iter().find_map(is_told) {
            return told.clone();
        }
        match self.type_of(schema) {
            Some("number") => json!(1),
            Some("boolean") => json!(true),
            Some("json") if self.typed(schema, 0)["type"] == "array" => json!([]),
            Some("json") => json!({}),
            Some("date") => json!("2026-01-31"),
            _ => json!("text"),
        }
    }

    /// The value of `authorization` for the first scheme of a call that can be told, and its variables.
    fn authorization(self, source: &str, call: &'a Value) -> Option<(String, Vec<String>)> {
        let components = self.0.pointer("/components/securitySchemes");
        let schemes = components
            .or(self.0.get("securityDefinitions"))?
            .as_object()?;
        let name = |what: &str| format!("{}_{what}", source.to_ascii_lowercase());
        let of = |name: &str| format!("{{ variable = {} }}", quoted(name));
        // Where the document does not say which one the call wants, any.
        let wanted = call.get("security").or(self.0.get("security"));
        let wanted = wanted.and_then(Value::as_array);
        let names: Vec<&String> = match wanted {
            Some(wanted) => wanted
                .iter()
                .filter_map(Value::as_object)
                .flat_map(Map::keys)
                .collect(),
            None => schemes.keys().collect(),
        };
        names
            .into_iter()
            .filter_map(|name| schemes.get(name))
            .find_map(|scheme| {
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

/// The calls of an interface whose paths end with a slash, or that need parameters.
fn calls_with(slash: &str, item_slash: &str, query: &[String]) -> Vec<String> {
    let mut list = Vec::new();
    if !slash.is_empty() {
        list.push("path = \"/\"".to_owned());
    }
    if !query.is_empty() {
        list.push(format!("query = {{ {} }}", query.join(", ")));
    }
    let mut calls = Vec::new();
    if !list.is_empty() {
        calls.push(format!("list = {{ {} }}", list.join(", ")));
    }
    if !slash.is_empty() {
        calls.push("create = { path = \"/\" }".to_owned());
    }
    if !item_slash.is_empty() {
        let paths =
            ["update", "delete"].map(|call| format!("{call} = {{ path = \"/{{{{ id }}}}/\" }}"));
        calls.extend(paths);
    }
    calls
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
