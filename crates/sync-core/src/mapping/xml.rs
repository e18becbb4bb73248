//! XML as a tree of values.
//!
//! An element is an object of its children by their local names; one that is there several times is a list, and one with
//! nothing but text is that text. Attributes are members whose names begin with `@`, text beside them is `#text`, and what
//! says `nil` is null. Document types are refused, and entities with them: what they say comes from elsewhere, or grows.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::mapping::Unreadable;
use crate::memory::{NoRoom, TreeWeight};

/// Most elements in each other: they are read, and dropped, by functions that call themselves.
const MAX_DEPTH: usize = 64;

/// An element that has not ended yet.
struct Open {
    name: String,
    members: Map<String, Value>,
    text: String,
    is_nil: bool,
}

/// Reads an XML document; `weigh` is told what each value takes in memory before it is made.
pub(super) fn read_xml(
    text: &str,
    weigh: &mut dyn FnMut(usize) -> Result<(), NoRoom>,
) -> Result<Value, Unreadable> {
    let malformed = |reason: String| Unreadable::Malformed(reason);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open = vec![Open {
        name: String::new(),
        members: Map::new(),
        text: String::new(),
        is_nil: false,
    }];
    loop {
        let event = reader
            .read_event()
            .map_err(|error| malformed(error.to_string()))?;
        let Some(current) = open.last_mut() else {
            return Err(malformed("an element ends that never began".to_owned()));
        };
        match event {
            Event::Start(start) => {
                let element = begin(&start, weigh)?;
                if open.len() > MAX_DEPTH {
                    return Err(malformed(format!(
                        "more than {MAX_DEPTH} elements in each other"
                    )));
                }
                open.push(element);
            }
            Event::Empty(start) => {
                let element = begin(&start, weigh)?;
                add(current, element);
            }
            Event::End(_) => {
                let Some(element) = open.pop() else {
                    continue;
                };
                let Some(parent) = open.last_mut() else {
                    return Err(malformed("an element ends that never began".to_owned()));
                };
                add(parent, element);
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                weigh(text.len())?;
                current.text.push_str(&text);
            }
            Event::CData(text) => {
                let text = text.xml10_content();
                weigh(text.len())?;
                current.text.push_str(&text);
            }
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref();
                match character.map_err(|error| malformed(error.to_string()))? {
                    Some(character) => current.text.push(character),
                    None => current
                        .text
                        .push_str(resolve_xml_entity(&reference).ok_or_else(|| {
                            malformed(format!(
                                "the entity {:?} is not one of XML's own",
                                &*reference
                            ))
                        })?),
                }
            }
            Event::DocType(_) => {
                return Err(malformed("a document type is not accepted".to_owned()));
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match open.pop() {
        Some(root) if open.is_empty() && root.members.len() == 1 => Ok(Value::Object(root.members)),
        Some(root) if open.is_empty() && root.members.is_empty() => {
            Err(malformed("there is no element".to_owned()))
        }
        _ => Err(malformed("the document ends too early".to_owned())),
    }
}

fn begin(
    start: &BytesStart<'_>,
    weigh: &mut dyn FnMut(usize) -> Result<(), NoRoom>,
) -> Result<Open, Unreadable> {
    let malformed = |reason: String| Unreadable::Malformed(reason);
    let name = start.local_name().as_ref().to_owned();
    weigh(TreeWeight::ENTRY + TreeWeight::ELEMENT + name.len())?;
    let mut element = Open {
        name,
        members: Map::new(),
        text: String::new(),
        is_nil: false,
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| malformed(error.to_string()))?;
        let name = attribute.key.into_inner();
        if name == "xmlns" || name.starts_with("xmlns:") {
            continue;
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| malformed(error.to_string()))?;
        let name = attribute.key.local_name().into_inner();
        if name == "nil" && matches!(&*value, "true" | "1") {
            element.is_nil = true;
            continue;
        }
        weigh(TreeWeight::ENTRY + name.len() + value.len())?;
        element
            .members
            .insert(format!("@{name}"), Value::String(value.into_owned()));
    }
    if !element.members.is_empty() {
        weigh(TreeWeight::MAP)?;
    }
    Ok(element)
}

fn add(parent: &mut Open, element: Open) {
    let Open {
        name,
        mut members,
        text,
        is_nil,
    } = element;
    let value = if is_nil {
        Value::Null
    } else if members.is_empty() {
        Value::String(text)
    } else {
        let text = text.trim();
        if !text.is_empty() {
            members.insert("#text".to_owned(), Value::String(text.to_owned()));
        }
        Value::Object(members)
    };
    match parent.members.entry(name) {
        Entry::Vacant(vacant) => {
            vacant.insert(value);
        }
        Entry::Occupied(mut occupied) => match occupied.get_mut() {
            Value::Array(elements) => elements.push(value),
            first => {
                let elements = vec![first.take(), value];
                *first = Value::Array(elements);
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, Unreadable> {
        read_xml(text, &mut |_| Ok(()))
    }

    #[test]
    fn elements_become_members_lists_and_texts() {
        let text = r#"<?xml version="1.0"?><!-- c --><s:list xmlns:s="urn:x" xmlns="urn:y" as-of="1&amp;2">
            <item id="7"><n>a &lt; b&#x21;</n><e/></item><item><n><![CDATA[<x> ]]></n><z xmlns:i="u" i:nil="true"/></item>
            <w unit="kg">5</w></s:list>"#;
        assert_eq!(
            read(text).unwrap(),
            json!({"list": {
                "@as-of": "1&2",
                "item": [{"@id": "7", "n": "a < b!", "e": ""}, {"n": "<x> ", "z": null}],
                "w": {"@unit": "kg", "#text": "5"},
            }})
        );
    }

    #[test]
    fn what_is_broken_or_dangerous_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(1_000), "</a>".repeat(1_000));
        for text in [
            "",
            "busy",
            "<a><b></a>",
            "<a><b>",
            "<a/><b/>",
            "<a>&unknown;</a>",
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
            "<!DOCTYPE a [<!ENTITY x \"xxxx\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>",
            deep.as_str(),
        ] {
            assert!(
                matches!(read(text), Err(Unreadable::Malformed(_))),
                "{}",
                text.get(..20).unwrap_or(text)
            );
        }
    }

    #[test]
    fn what_is_too_much_is_not_read() {
        let mut left = 10_000_usize;
        let read = read_xml(&format!("<a>{}</a>", "<b/>".repeat(1_000)), &mut |bytes| {
            left = left
                .checked_sub(bytes)
                .ok_or(NoRoom::Now(crate::memory::OutOfMemory))?;
            Ok(())
        });
        assert!(matches!(read, Err(Unreadable::NoRoom(_))));
    }
}
