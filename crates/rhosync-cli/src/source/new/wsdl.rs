//! A proposal from a WSDL document (1.1): which operations list, create, update and delete, and their envelopes.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use roxmltree::{Document, Node};

use super::proposal::{Proposal, envelope, quoted};
use super::wsdl_schema::{Schemas, elements, is_qualified, local, name_of, namespace_of};

pub(super) const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const SOAP: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
const SOAP12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";

/// How operations are called that do something.
const LIST: &[&str] = &["List", "GetAll", "Search", "Find", "Query", "Get", "Read"];
const CREATE: &[&str] = &["Create", "Add", "Insert", "New"];
const UPDATE: &[&str] = &["Update", "Edit", "Modify", "Change", "Set"];
const DELETE: &[&str] = &["Delete", "Remove"];

/// How deep elements are looked into: types may have circles.
const DEPTH: usize = 6;

/// Proposes the source that the operations with its name in theirs make, or else all operations. `texts` are the document, and those
/// that it imports.
pub(super) fn proposal(name: &str, texts: &[String], url: Option<&str>) -> Result<Proposal> {
    let documents = texts.iter().map(|text| Document::parse(text));
    let documents: Vec<_> = documents
        .collect::<Result<_, _>>()
        .context("the document is no XML")?;
    let roots: Vec<_> = documents.iter().map(Document::root_element).collect();
    if !roots
        .iter()
        .any(|root| root.has_tag_name((WSDL, "definitions")))
    {
        let root = roots
            .first()
            .map_or("nothing", |root| root.tag_name().name());
        bail!(
            "the document is a {root:?} and no WSDL document of version 1.1, which is often at the service's address with `?wsdl` behind it"
        );
    }
    let service = Service {
        schemas: Schemas(&roots),
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
    let listed = LIST.iter().find_map(|prefix| {
        let mut named = chosen
            .iter()
            .copied()
            .filter(|it| it.name.starts_with(prefix));
        named.find_map(|it| Some((it, service.records(it)?)))
    });
    let Some((list, records)) = listed else {
        let names: Vec<_> = operations.iter().map(|it| it.name).collect();
        let why = match operations.iter().all(|it| it.answer.is_none()) {
            true => {
                ", whose messages have no elements (RPC style, or the schema is in a document that is not here)"
            }
            false => "",
        };
        bail!(
            "no operation of the document lists records of {name}; it has {}{why}",
            names.join(", ")
        );
    };
    let id = records.id();
    let place = service.address(list.port_type);
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
    if let Some(path) = create.and_then(|create| service.path_to(create, id)) {
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
            service.body(operation, id, &records),
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

/// A document with those that it imports.
struct Service<'a> {
    schemas: Schemas<'a>,
}

/// An operation, with the elements of its request and of its answer.
struct Operation<'a> {
    name: &'a str,
    /// What it belongs to.
    port_type: &'a str,
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
    fn nodes(
        &self,
        namespace: &'static str,
        name: &'static str,
    ) -> impl Iterator<Item = Node<'a, 'a>> {
        let nodes = self.schemas.0.iter().flat_map(|root| root.descendants());
        nodes.filter(move |node| node.has_tag_name((namespace, name)))
    }

    /// The names of the bindings of a port type.
    fn bindings(&self, port_type: &str) -> Vec<Node<'a, 'a>> {
        let is_of = |node: &Node<'a, 'a>| node.attribute("type").map(local) == Some(port_type);
        self.nodes(WSDL, "binding").filter(is_of).collect()
    }

    /// Address of a port type, and the namespace of its version of SOAP.
    fn address(&self, port_type: &str) -> Option<(&'a str, &'static str)> {
        let bindings = self.bindings(port_type);
        let names: Vec<_> = bindings
            .iter()
            .filter_map(|it| it.attribute("name"))
            .collect();
        let is_bound = |port: &Node<'a, 'a>| {
            let binding = port.attribute("binding").map(local);
            binding.is_some_and(|binding| names.contains(&binding))
        };
        [SOAP, SOAP12].into_iter().find_map(|version| {
            let mut ports = self.nodes(WSDL, "port").filter(is_bound);
            ports.find_map(|port| {
                let mut children = port.children();
                let address = children.find(|node| node.has_tag_name((version, "address")))?;
                Some((address.attribute("location")?, version))
            })
        })
    }

    /// The operations of all port types that speak SOAP.
    fn operations(&self) -> Vec<Operation<'a>> {
        let mut found: Vec<Operation<'a>> = Vec::new();
        for port in self.nodes(WSDL, "portType") {
            let port_type = port.attribute("name").unwrap_or_default();
            // What is for forms of browsers has the same operations once more.
            let bindings = self.bindings(port_type);
            let speaks = |node: &Node<'_, '_>| {
                let mut children = node.children();
                children.any(|it| {
                    [SOAP, SOAP12]
                        .iter()
                        .any(|version| it.has_tag_name((*version, "binding")))
                })
            };
            if !bindings.is_empty() && !bindings.iter().any(speaks) {
                continue;
            }
            let operations = port.children();
            for operation in operations.filter(|node| node.has_tag_name((WSDL, "operation"))) {
                let Some(name) = operation.attribute("name") else {
                    continue;
                };
                let element = |direction| {
                    let mut children = operation.children();
                    let it = children.find(|node| node.has_tag_name((WSDL, direction)))?;
                    self.element_of_message(it.attribute("message")?)
                };
                found.push(Operation {
                    name,
                    port_type,
                    action: self.action(&bindings, name).unwrap_or_default(),
                    request: element("input"),
                    answer: element("output"),
                });
            }
        }
        found
    }

    fn action(&self, bindings: &[Node<'a, 'a>], operation: &str) -> Option<&'a str> {
        let mut operations = bindings.iter().flat_map(|binding| binding.descendants());
        let ours = operations.find(|node| {
            let parent = node.parent();
            let is_ours = parent.is_some_and(|it| it.attribute("name") == Some(operation));
            is_ours
                && (node.has_tag_name((SOAP, "operation"))
                    || node.has_tag_name((SOAP12, "operation")))
        });
        ours?.attribute("soapAction")
    }

    fn element_of_message(&self, message: &str) -> Option<Node<'a, 'a>> {
        let mut messages = self.nodes(WSDL, "message");
        let message = messages.find(|node| node.attribute("name") == Some(local(message)))?;
        let mut parts = message.children();
        let part = parts.find(|node| node.has_tag_name((WSDL, "part")))?;
        self.schemas.global("element", part.attribute("element")?)
    }

    /// The elements of an operation's answer that are repeated.
    fn records(&self, operation: &Operation<'a>) -> Option<Records<'a>> {
        let answer = operation.answer?;
        self.find_records(answer, &format!("$.{}", name_of(answer)), 0)
    }

    fn find_records(&self, around: Node<'a, 'a>, path: &str, depth: usize) -> Option<Records<'a>> {
        let inner = elements(self.schemas, around);
        let is_repeated = |it: &&Node<'a, 'a>| {
            let is_one = matches!(it.attribute("maxOccurs"), None | Some("0" | "1"));
            !is_one && !elements(self.schemas, **it).is_empty()
        };
        if let Some(record) = inner.iter().find(is_repeated) {
            let elements = elements(self.schemas, *record);
            return Some(Records {
                path: format!("{path}.{}", name_of(*record)),
                elements: elements.into_iter().map(name_of).collect(),
            });
        }
        let mut deeper = inner.into_iter().filter(|_| depth < DEPTH);
        deeper.find_map(|it| self.find_records(it, &format!("{path}.{}", name_of(it)), depth + 1))
    }

    /// Where an operation's answer has an element.
    fn path_to(&self, operation: &Operation<'a>, name: &str) -> Option<String> {
        let answer = operation.answer?;
        self.find_element(answer, name, &format!("$.{}", name_of(answer)), 0)
    }

    fn find_element(
        &self,
        around: Node<'a, 'a>,
        name: &str,
        path: &str,
        depth: usize,
    ) -> Option<String> {
        let inner = elements(self.schemas, around);
        inner.into_iter().filter(|_| depth < DEPTH).find_map(|it| {
            let path = format!("{path}.{}", name_of(it));
            match name_of(it) == name {
                true => Some(path),
                false => self.find_element(it, name, &path, depth + 1),
            }
        })
    }

    /// The template of an operation's body. What records have too is the object's; the id is the object's id.
    fn body(&self, operation: &Operation<'a>, id: &str, records: &Records<'_>) -> String {
        let Some(request) = operation.request else {
            return "<!-- the document does not say what is asked -->\n".to_owned();
        };
        let name = name_of(request);
        let mut text = format!("<x:{name} xmlns:x=\"{}\">\n", namespace_of(request));
        self.write_elements(&mut text, request, id, records, namespace_of(request), 1);
        let _ = writeln!(text, "</x:{name}>");
        text
    }

    fn write_elements(
        &self,
        text: &mut String,
        around: Node<'a, 'a>,
        id: &str,
        records: &Records<'_>,
        x: &str,
        depth: usize,
    ) {
        let indent = "  ".repeat(depth);
        for element in elements(self.schemas, around) {
            let name = name_of(element);
            // Of another schema's elements, each says whose it is.
            let (tag, begin) = match (is_qualified(element), namespace_of(element)) {
                (false, _) => (name.to_owned(), name.to_owned()),
                (true, namespace) if namespace == x => (format!("x:{name}"), format!("x:{name}")),
                (true, namespace) => (
                    format!("y:{name}"),
                    format!("y:{name} xmlns:y=\"{namespace}\""),
                ),
            };
            let inner = elements(self.schemas, element);
            let _ = if name == id {
                writeln!(text, "{indent}<{begin}>{{{{ id }}}}</{tag}>")
            } else if records.elements.contains(&name) {
                writeln!(
                    text,
                    "{indent}{{% if object?.{name} %}}<{begin}>{{{{ object.{name} }}}}</{tag}>{{% endif %}}"
                )
            } else if inner.is_empty() || depth == DEPTH {
                writeln!(text, "{indent}<!-- <{begin}></{tag}> -->")
            } else {
                let _ = writeln!(text, "{indent}<{begin}>");
                self.write_elements(text, element, id, records, x, depth + 1);
                writeln!(text, "{indent}</{tag}>")
            };
        }
    }
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
