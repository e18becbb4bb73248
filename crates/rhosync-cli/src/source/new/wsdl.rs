//! A proposal from a WSDL document (1.1): which operations list, create, update and delete, and their envelopes.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use roxmltree::{Document, Node};

use super::proposal::{Proposal, envelope, quoted};

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const SOAP: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
const SOAP12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";

/// How operations are called that do something.
const LIST: &[&str] = &["List", "GetAll", "Search", "Find", "Query", "Get", "Read"];
const CREATE: &[&str] = &["Create", "Add", "Insert", "New"];
const UPDATE: &[&str] = &["Update", "Edit", "Modify", "Change", "Set"];
const DELETE: &[&str] = &["Delete", "Remove"];

/// How deep elements are looked into: types may have circles.
const DEPTH: usize = 6;

/// Proposes the source that the operations with its name in theirs make, or else all operations.
pub(super) fn proposal(name: &str, text: &str, url: Option<&str>) -> Result<Proposal> {
    let document = Document::parse(text).context("the document is no XML")?;
    let service = Service {
        root: document.root_element(),
    };
    let operations = service.operations();
    let of_source: Vec<_> = operations
        .iter()
        .filter(|it| it.name.to_lowercase().contains(&name.to_lowercase()))
        .collect();
    let chosen = match of_source.is_empty() {
        true => operations.iter().collect(),
        false => of_source,
    };
    let find = |prefixes: &[&str]| {
        prefixes.iter().find_map(|prefix| {
            let named = |it: &&&Operation<'_>| it.name.starts_with(prefix);
            chosen.iter().find(named).copied()
        })
    };
    let Some((list, records)) = find(LIST).and_then(|list| Some((list, list.records()?))) else {
        let names: Vec<_> = operations.iter().map(|it| it.name).collect();
        bail!(
            "no operation of the document lists records of {name}; it has {}",
            names.join(", ")
        );
    };
    let id = records.id();
    let place = service.address();
    let url = url
        .or(place.map(|(url, _)| url))
        .unwrap_or("https://back-end.example.com/service");
    let table = toml_edit::Key::new(name).to_string();
    let mut settings = format!(
        "# {name}: written from a WSDL document. docs/adapters.md has every key.\n[sources.{table}]\nadapter = \"soap\"\npartition = \"app\"\npoll_interval = 60\n\n[sources.{table}.soap]\nurl = {}\n",
        quoted(url)
    );
    if place.is_some_and(|(_, version)| version == SOAP12) {
        settings.push_str("version = \"1.2\"\n");
    }
    let _ = write!(
        settings,
        "# username_token = {{ username = \"rhosync\", password = {{ variable = \"password\" }} }}\nrecords = {}\n# The element that is a record's id.\nid = {}\n",
        quoted(&records.path),
        quoted(id),
    );
    let create = find(CREATE);
    if let Some(path) = create.and_then(|create| create.path_to(id)) {
        let _ = writeln!(settings, "created_id = {}", quoted(&path));
    }
    let calls = [
        ("list", Some(list)),
        ("create", create),
        ("update", find(UPDATE)),
        ("delete", find(DELETE)),
    ];
    for (call, operation) in calls {
        let Some(operation) = operation else {
            let _ = writeln!(settings, "\n# The document has no operation to {call} one.");
            continue;
        };
        let _ = write!(
            settings,
            "\n[sources.{table}.soap.{call}]\naction = {}\nbody = '''\n{}'''\n",
            quoted(operation.action),
            operation.body(id, &records),
        );
    }
    Ok(Proposal {
        settings,
        example: Some(envelope(&records.example())),
        variables: Vec::new(),
        next: vec![
            "look through the bodies of the calls: they are templates, and the document does not say what their elements mean".to_owned(),
            format!("`rhosync source check {name}` asks the back end itself"),
            format!("`rhosync source record {name}` makes its answer the test"),
        ],
    })
}

/// A document.
struct Service<'a> {
    root: Node<'a, 'a>,
}

/// An operation, with the elements of its request and of its answer.
struct Operation<'a> {
    name: &'a str,
    action: &'a str,
    request: Option<Node<'a, 'a>>,
    answer: Option<Node<'a, 'a>>,
}

/// The records of an answer.
struct Records<'a> {
    /// Where they are, from the envelope's body on.
    path: String,
    /// Names of a record's elements.
    elements: Vec<&'a str>,
}

impl<'a> Service<'a> {
    /// Address, and the namespace of its version of SOAP.
    fn address(&self) -> Option<(&'a str, &'static str)> {
        [SOAP, SOAP12].into_iter().find_map(|version| {
            let mut nodes = self.root.descendants();
            let address = nodes.find(|node| node.has_tag_name((version, "address")))?;
            Some((address.attribute("location")?, version))
        })
    }

    fn operations(&self) -> Vec<Operation<'a>> {
        let port = self
            .root
            .descendants()
            .find(|node| node.has_tag_name((WSDL, "portType")));
        let operations = port.into_iter().flat_map(|port| port.children());
        operations
            .filter(|node| node.has_tag_name((WSDL, "operation")))
            .filter_map(|operation| {
                let name = operation.attribute("name")?;
                let element = |direction| {
                    let mut children = operation.children();
                    let it = children.find(|node| node.has_tag_name((WSDL, direction)))?;
                    self.element_of_message(it.attribute("message")?)
                };
                Some(Operation {
                    name,
                    action: self.action(name).unwrap_or_default(),
                    request: element("input"),
                    answer: element("output"),
                })
            })
            .collect()
    }

    fn action(&self, operation: &str) -> Option<&'a str> {
        let mut bindings = self.root.descendants().filter(|node| {
            let parent = node.parent();
            let is_ours = parent.is_some_and(|it| it.attribute("name") == Some(operation));
            is_ours
                && (node.has_tag_name((SOAP, "operation"))
                    || node.has_tag_name((SOAP12, "operation")))
        });
        bindings.next()?.attribute("soapAction")
    }

    fn element_of_message(&self, message: &str) -> Option<Node<'a, 'a>> {
        let mut messages = self.root.descendants();
        let message = messages.find(|node| {
            node.has_tag_name((WSDL, "message")) && node.attribute("name") == Some(local(message))
        })?;
        let mut parts = message.children();
        let part = parts.find(|node| node.has_tag_name((WSDL, "part")))?;
        global(part, "element", part.attribute("element")?)
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// An element or type that stands in a schema by itself.
fn global<'a>(from: Node<'a, 'a>, kind: &str, name: &str) -> Option<Node<'a, 'a>> {
    let mut nodes = from.document().root().descendants();
    nodes.find(|node| {
        let is_global = node
            .parent()
            .is_some_and(|it| it.has_tag_name((SCHEMA, "schema")));
        is_global
            && node.has_tag_name((SCHEMA, kind))
            && node.attribute("name") == Some(local(name))
    })
}

/// The elements in an element.
fn elements<'a>(element: Node<'a, 'a>) -> Vec<Node<'a, 'a>> {
    let named = element
        .attribute("type")
        .and_then(|name| global(element, "complexType", name));
    let inline = || {
        element
            .children()
            .find(|node| node.has_tag_name((SCHEMA, "complexType")))
    };
    let Some(kind) = named.or_else(inline) else {
        return Vec::new();
    };
    let all = kind
        .descendants()
        .filter(|node| node.has_tag_name((SCHEMA, "element")));
    let own = all.filter(|node| {
        let around = node.ancestors().skip(1).find(|it| {
            it.has_tag_name((SCHEMA, "element")) || it.has_tag_name((SCHEMA, "complexType"))
        });
        around == Some(kind)
    });
    own.map(|node| match node.attribute("ref") {
        Some(name) => global(node, "element", name).unwrap_or(node),
        None => node,
    })
    .collect()
}

fn name_of<'a>(element: Node<'a, 'a>) -> &'a str {
    element.attribute("name").unwrap_or_default()
}

/// The name of an element's first ancestor that says where elements are.
fn namespace_of<'a>(element: Node<'a, 'a>) -> &'a str {
    let schema = element
        .ancestors()
        .find(|it| it.has_tag_name((SCHEMA, "schema")));
    schema
        .and_then(|it| it.attribute("targetNamespace"))
        .unwrap_or_default()
}

impl<'a> Operation<'a> {
    /// The elements of its answer that are repeated.
    fn records(&self) -> Option<Records<'a>> {
        let answer = self.answer?;
        find_records(answer, &format!("$.{}", name_of(answer)), 0)
    }

    /// Where its answer has an element.
    fn path_to(&self, name: &str) -> Option<String> {
        let answer = self.answer?;
        find_element(answer, name, &format!("$.{}", name_of(answer)), 0)
    }

    /// The template of its body. What records have too is the object's; the id is the object's id.
    fn body(&self, id: &str, records: &Records<'_>) -> String {
        let Some(request) = self.request else {
            return "<!-- the document does not say what is asked -->\n".to_owned();
        };
        let schema = request
            .ancestors()
            .find(|it| it.has_tag_name((SCHEMA, "schema")));
        let is_qualified =
            schema.is_some_and(|it| it.attribute("elementFormDefault") == Some("qualified"));
        let name = name_of(request);
        let mut text = format!("<x:{name} xmlns:x=\"{}\">\n", namespace_of(request));
        write_elements(
            &mut text,
            request,
            id,
            records,
            if is_qualified { "x:" } else { "" },
            1,
        );
        let _ = writeln!(text, "</x:{name}>");
        text
    }
}

fn write_elements(
    text: &mut String,
    around: Node<'_, '_>,
    id: &str,
    records: &Records<'_>,
    prefix: &str,
    depth: usize,
) {
    let indent = "  ".repeat(depth);
    for element in elements(around) {
        let name = name_of(element);
        let inner = elements(element);
        let _ = if name == id {
            writeln!(
                text,
                "{indent}<{prefix}{name}>{{{{ id }}}}</{prefix}{name}>"
            )
        } else if records.elements.contains(&name) {
            writeln!(
                text,
                "{indent}{{% if object?.{name} %}}<{prefix}{name}>{{{{ object.{name} }}}}</{prefix}{name}>{{% endif %}}"
            )
        } else if inner.is_empty() || depth == DEPTH {
            writeln!(text, "{indent}<!-- <{prefix}{name}></{prefix}{name}> -->")
        } else {
            let _ = writeln!(text, "{indent}<{prefix}{name}>");
            write_elements(text, element, id, records, prefix, depth + 1);
            writeln!(text, "{indent}</{prefix}{name}>")
        };
    }
}

fn find_records<'a>(around: Node<'a, 'a>, path: &str, depth: usize) -> Option<Records<'a>> {
    let inner = elements(around);
    let is_repeated =
        |it: &&Node<'a, 'a>| !matches!(it.attribute("maxOccurs"), None | Some("0" | "1"));
    if let Some(record) = inner.iter().find(is_repeated) {
        return Some(Records {
            path: format!("{path}.{}", name_of(*record)),
            elements: elements(*record).into_iter().map(name_of).collect(),
        });
    }
    let deeper = inner.into_iter().filter(|_| depth < DEPTH);
    deeper
        .into_iter()
        .find_map(|it| find_records(it, &format!("{path}.{}", name_of(it)), depth + 1))
}

fn find_element(around: Node<'_, '_>, name: &str, path: &str, depth: usize) -> Option<String> {
    elements(around)
        .into_iter()
        .filter(|_| depth < DEPTH)
        .find_map(|it| {
            let path = format!("{path}.{}", name_of(it));
            match name_of(it) == name {
                true => Some(path),
                false => find_element(it, name, &path, depth + 1),
            }
        })
}

impl Records<'_> {
    /// The element that most looks like an id.
    fn id(&self) -> &str {
        let looks = |ends: &str| {
            let is = |name: &&&str| name.to_ascii_lowercase().ends_with(ends);
            self.elements.iter().find(is).copied()
        };
        let whole = self
            .elements
            .iter()
            .find(|name| name.eq_ignore_ascii_case("id"))
            .copied();
        let by_end = || {
            ["id", "number", "no", "code", "key"]
                .into_iter()
                .find_map(looks)
        };
        whole.or_else(by_end).unwrap_or("Id")
    }

    /// One record, within what is around it.
    fn example(&self) -> String {
        let id = self.id();
        let mut record: String = self
            .elements
            .iter()
            .filter(|name| **name != id)
            .map(|name| format!("<{name}>text</{name}>"))
            .collect();
        record.insert_str(0, &format!("<{id}>1</{id}>"));
        let steps = self.path.split('.').skip(1);
        steps
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .fold(record, |inner, step| format!("<{step}>{inner}</{step}>"))
    }
}
