//! Fields of a form that nest, as web frameworks read them: `a[b]=1`, `a[]=1`, `a[][b]=1`.

use serde_json::map::Entry;
use serde_json::{Map, Value};

/// How deep fields may nest: deeper than anything that is asked for.
const MAX_DEPTH: usize = 8;

/// A field stands for a text and for what has fields of its own, or nests deeper than any that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the field {0:?} contradicts another, or nests too deep")]
pub(crate) struct NestingError(String);

/// Puts fields together to an object. Of a text that comes twice the last one counts; in a list of objects, a field that
/// comes again begins the next object.
pub(crate) fn nest(
    fields: impl IntoIterator<Item = (String, String)>,
) -> Result<Map<String, Value>, NestingError> {
    let mut object = Map::new();
    for (name, value) in fields {
        let path = path_of(&name);
        let put = (path.len() <= MAX_DEPTH).then(|| put_field(&mut object, &path, value));
        put.flatten().ok_or(NestingError(name))?;
    }
    Ok(object)
}

/// `a[b][]` is `a`, `b` and an empty step. A name whose brackets do not match is taken as it is.
fn path_of(name: &str) -> Vec<&str> {
    let steps = || {
        let (first, rest) = name.split_once('[')?;
        let rest = rest.strip_suffix(']').filter(|_| !first.is_empty())?;
        let mut path = vec![first];
        path.extend(rest.split("]["));
        let is_step = |step: &&str| !step.contains(['[', ']']);
        path.iter().all(is_step).then_some(path)
    };
    steps().unwrap_or_else(|| vec![name])
}

/// `None` where something else stands in the way.
fn put_field(object: &mut Map<String, Value>, path: &[&str], value: String) -> Option<()> {
    let (name, rest) = path.split_first()?;
    match object.entry((*name).to_owned()) {
        Entry::Vacant(free) => {
            let mut empty = empty_for(rest);
            put(&mut empty, rest, value)?;
            free.insert(empty);
            Some(())
        }
        Entry::Occupied(mut known) => put(known.get_mut(), rest, value),
    }
}

/// What can take a value at the rest of a path.
fn empty_for(rest: &[&str]) -> Value {
    match rest.first() {
        None => Value::String(String::new()),
        Some(&"") => Value::Array(Vec::new()),
        Some(_) => Value::Object(Map::new()),
    }
}

fn put(target: &mut Value, rest: &[&str], value: String) -> Option<()> {
    match (target, rest) {
        (Value::String(text), []) => {
            *text = value;
            Some(())
        }
        (Value::Object(object), [name, ..]) if !name.is_empty() => put_field(object, rest, value),
        (Value::Array(list), ["", rest @ ..]) => {
            let lacks = |last: &Value| match (last, rest) {
                (Value::Object(object), [name, ..]) => !object.contains_key(*name),
                _ => false,
            };
            match list.last_mut().filter(|last| lacks(last)) {
                Some(last) => put(last, rest, value),
                None => {
                    let mut next = empty_for(rest);
                    put(&mut next, rest, value)?;
                    list.push(next);
                    Some(())
                }
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn nested(form: &str) -> Result<Value, NestingError> {
        let fields = form_urlencoded::parse(form.as_bytes()).into_owned();
        nest(fields).map(Value::Object)
    }

    #[test]
    fn fields_nest_by_their_brackets() {
        for (form, object) in [
            ("", json!({})),
            ("a=1&a=2", json!({"a": "2"})),
            (
                "u[login]=x&u[password]=y",
                json!({"u": {"login": "x", "password": "y"}}),
            ),
            (
                "a[b][c]=1&a[b][d]=2",
                json!({"a": {"b": {"c": "1", "d": "2"}}}),
            ),
            ("a[]=1&a[]=2", json!({"a": ["1", "2"]})),
            (
                "s[][name]=A&s[][token]=7&s[][name]=B",
                json!({"s": [{"name": "A", "token": "7"}, {"name": "B"}]}),
            ),
            (
                "a[b=1&c]=2&[d]=3",
                json!({"a[b": "1", "c]": "2", "[d]": "3"}),
            ),
            ("a[b]c[d]=1", json!({"a[b]c[d]": "1"})),
        ] {
            assert_eq!(nested(form).unwrap(), object, "{form}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let deep = format!("a{}=1", "[b]".repeat(MAX_DEPTH));
        for form in [
            "a=1&a[b]=2",
            "a[b]=2&a=1",
            "a[]=1&a[b]=2",
            "a[]=1&a=2",
            &deep,
        ] {
            assert!(nested(form).is_err(), "{form}");
        }
    }

    proptest! {
        #[test]
        fn no_form_is_too_odd_to_be_read(form in "([ab\\[\\]]{0,9}=?[ab]?&?){0,12}") {
            let _ = nested(&form);
        }
    }
}
