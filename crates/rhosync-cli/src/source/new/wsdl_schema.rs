//! The schemas (XSD) of a WSDL document, and of the documents that it imports.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use roxmltree::{Document, Node};

use super::origin_of;
use super::wsdl::WSDL;

const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";

/// Most documents that one is made of.
const MOST: usize = 100;

/// How deep types build on others: there may be circles.
const DEPTH: usize = 8;

/// Reads a document, and those that it imports, by their names: files, or addresses of the web.
pub(super) fn with_imports(
    name: &str,
    read: impl Fn(&str) -> Result<String>,
) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    let mut known = BTreeSet::from([name.to_owned()]);
    let mut left = VecDeque::from([name.to_owned()]);
    while let Some(name) = left.pop_front() {
        ensure!(
            texts.len() < MOST,
            "the document imports more than {MOST} others"
        );
        let text = read(&name)?;
        for place in imported(&text).with_context(|| format!("{name} is no XML"))? {
            // A file says nothing of what of the web may be asked for.
            if let Some(place) = beside(&name, &place)
                && known.insert(place.clone())
            {
                left.push_back(place);
            }
        }
        texts.push(text);
    }
    Ok(texts)
}

/// Where a document says that others are.
fn imported(text: &str) -> Result<Vec<String>, roxmltree::Error> {
    let document = Document::parse(text)?;
    let places = document.descendants().filter_map(|node| {
        let is_of_schema = ["import", "include", "redefine"]
            .iter()
            .any(|name| node.has_tag_name((SCHEMA, *name)));
        match node.has_tag_name((WSDL, "import")) {
            true => node.attribute("location"),
            false if is_of_schema => node.attribute("schemaLocation"),
            false => None,
        }
    });
    Ok(places.map(str::to_owned).collect())
}

/// The name of a document that another one calls `place`.
fn beside(name: &str, place: &str) -> Option<String> {
    match (origin_of(name), origin_of(place)) {
        (Some(_), Some(_)) => Some(place.to_owned()),
        (None, Some(_)) => None,
        (Some(origin), None) => {
            let bare = name.split('?').next().unwrap_or(name);
            Some(match place.chars().next()? {
                '/' => format!("{origin}{place}"),
                '?' => format!("{bare}{place}"),
                _ => format!("{}/{place}", bare.rsplit_once('/')?.0),
            })
        }
        (None, None) => {
            let folder = Path::new(name).parent()?;
            let mut path = PathBuf::new();
            // A file has one name here, whatever way leads to it.
            for step in folder.join(place).components() {
                match step {
                    Component::ParentDir if path.file_name().is_some() => drop(path.pop()),
                    Component::CurDir => {}
                    step => path.push(step),
                }
            }
            Some(path.to_str()?.to_owned())
        }
    }
}

/// The roots of all documents.
#[derive(Clone, Copy)]
pub(super) struct Schemas<'a>(pub(super) &'a [Node<'a, 'a>]);

impl<'a> Schemas<'a> {
    /// An element or type that stands in a schema by itself.
    pub(super) fn global(self, kind: &str, name: &str) -> Option<Node<'a, 'a>> {
        let mut nodes = self.0.iter().flat_map(|root| root.descendants());
        nodes.find(|node| {
            is_global(*node)
                && node.has_tag_name((SCHEMA, kind))
                && node.attribute("name") == Some(local(name))
        })
    }
}

fn is_global(node: Node<'_, '_>) -> bool {
    node.parent()
        .is_some_and(|it| it.has_tag_name((SCHEMA, "schema")))
}

/// A name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// The elements in an element.
pub(super) fn elements<'a>(schemas: Schemas<'a>, element: Node<'a, 'a>) -> Vec<Node<'a, 'a>> {
    let named = element.attribute("type");
    let named = named.and_then(|name| schemas.global("complexType", name));
    let inline = || {
        let mut children = element.children();
        children.find(|node| node.has_tag_name((SCHEMA, "complexType")))
    };
    let kind = named.or_else(inline);
    kind.map(|kind| elements_of_type(schemas, kind, 0))
        .unwrap_or_default()
}

/// The elements that a type has, those of the type that it extends first.
fn elements_of_type<'a>(
    schemas: Schemas<'a>,
    kind: Node<'a, 'a>,
    depth: usize,
) -> Vec<Node<'a, 'a>> {
    let mut extensions = kind
        .descendants()
        .filter(|node| node.has_tag_name((SCHEMA, "extension")));
    let base = extensions.next().and_then(|it| it.attribute("base"));
    let base = base.and_then(|name| schemas.global("complexType", name));
    let mut found = match base.filter(|_| depth < DEPTH) {
        Some(base) => elements_of_type(schemas, base, depth + 1),
        None => Vec::new(),
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
    found.extend(own.map(|node| match node.attribute("ref") {
        Some(name) => schemas.global("element", name).unwrap_or(node),
        None => node,
    }));
    found
}

pub(super) fn name_of<'a>(element: Node<'a, 'a>) -> &'a str {
    element.attribute("name").unwrap_or_default()
}

/// The namespace of the schema that has an element.
pub(super) fn namespace_of<'a>(element: Node<'a, 'a>) -> &'a str {
    schema_of(element)
        .and_then(|it| it.attribute("targetNamespace"))
        .unwrap_or_default()
}

/// Whether an element is of its schema's namespace in documents.
pub(super) fn is_qualified(element: Node<'_, '_>) -> bool {
    let form = element.attribute("form");
    let form = form.or_else(|| schema_of(element)?.attribute("elementFormDefault"));
    is_global(element) || form == Some("qualified")
}

fn schema_of<'a, 'b>(element: Node<'a, 'b>) -> Option<Node<'a, 'b>> {
    element
        .ancestors()
        .find(|it| it.has_tag_name((SCHEMA, "schema")))
}
