//! Where something is in an answer: a JSONPath, a JSON pointer, or the bare name of a member.

use std::borrow::Cow;

use serde_json::{Map, Value};
use serde_json_path::JsonPath;

/// A place in a tree of values, or several.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    text: String,
    /// Names and numbers that lead to one value. Most paths have nothing else, and are followed without a search.
    steps: Vec<String>,
    rest: Rest,
}

/// What of a path comes after the steps.
#[derive(Debug, Clone)]
enum Rest {
    Nothing,
    /// `[*]`: the elements of a list.
    Elements,
    /// A search, from the root.
    Query(Box<JsonPath>),
}

/// What a lone object means where records are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoneObject {
    /// Records by their ids.
    ById,
    /// One record: formats without lists repeat an element.
    Record,
}

/// A record, with its id where it stands under that.
pub(super) type Found = (Option<String>, Value);

impl Path {
    /// Reads a path: `$.data.items[*]`, `/data/items`, or `items`. Empty: the answer itself.
    ///
    /// # Errors
    /// What is wrong with a JSONPath.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let path = |steps, rest| Self {
            text: text.to_owned(),
            steps,
            rest,
        };
        if let Some(pointer) = text.strip_prefix('/') {
            let unescaped = |step: &str| step.replace("~1", "/").replace("~0", "~");
            return Ok(path(
                pointer.split('/').map(unescaped).collect(),
                Rest::Nothing,
            ));
        }
        let Some(mut rest) = text.strip_prefix('$') else {
            let steps = Some(text.to_owned()).filter(|name| !name.is_empty());
            return Ok(path(steps.into_iter().collect(), Rest::Nothing));
        };
        let query = JsonPath::parse(text).map_err(|error| error.to_string())?;
        let mut steps = Vec::new();
        while let Some((step, behind)) = first_step(rest) {
            steps.push(step);
            rest = behind;
        }
        Ok(path(
            steps,
            match rest {
                "" => Rest::Nothing,
                "[*]" => Rest::Elements,
                _ => Rest::Query(Box::new(query)),
            },
        ))
    }

    /// The path as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The member of a record that the path names, if it names one.
    pub(crate) fn member(&self) -> Option<&str> {
        match self.steps()? {
            [name] => Some(name),
            _ => None,
        }
    }

    /// The names that lead to the value, if nothing is searched.
    pub(super) fn steps(&self) -> Option<&[String]> {
        matches!(self.rest, Rest::Nothing).then_some(&self.steps[..])
    }

    /// The names that lead to a list of records, if nothing is searched.
    pub(super) fn steps_to_list(&self) -> Option<&[String]> {
        (!matches!(self.rest, Rest::Query(_))).then_some(&self.steps[..])
    }

    /// Whether the path stands for the elements of a list.
    pub(crate) fn names_elements(&self) -> bool {
        matches!(self.rest, Rest::Elements)
    }

    /// What is there; of several values, a list.
    pub(crate) fn read<'a>(&self, root: &'a Value) -> Option<Cow<'a, Value>> {
        let nodes = match &self.rest {
            Rest::Nothing | Rest::Elements => return self.walk(root).map(Cow::Borrowed),
            Rest::Query(query) => query.query(root).all(),
        };
        match nodes[..] {
            [] => None,
            [node] => Some(Cow::Borrowed(node)),
            _ => Some(Cow::Owned(nodes.into_iter().cloned().collect())),
        }
    }

    /// Takes the records out of an answer.
    ///
    /// An answer that only lacks them must not look like one that says that there are none: where nothing was found, the place
    /// to search must be there.
    ///
    /// # Errors
    /// What the answer has instead.
    pub(super) fn take_records(
        &self,
        mut root: Value,
        lone: LoneObject,
    ) -> Result<Vec<Found>, String> {
        if let Rest::Query(query) = &self.rest {
            let found = take_all(query, &mut root);
            if found.is_empty() && !matches!(self.walk(&root), Some(Value::Array(_))) {
                return Err(format!("the answer has no list for {:?}", self.text));
            }
            return Ok(found.into_iter().map(|record| (None, record)).collect());
        }
        let missing = || format!("the answer has nothing at {:?}", self.text);
        let mut node = &mut root;
        for (number, step) in self.steps.iter().enumerate() {
            let is_last = number + 1 == self.steps.len();
            // An element is repeated as often as there are records, which may be never.
            // The root is not repeated: with another, the answer is another.
            if is_last && number > 0 && lone == LoneObject::Record && is_empty_parent(node, step) {
                return Ok(Vec::new());
            }
            node = step_into_mut(node, step).ok_or_else(missing)?;
        }
        match (node.take(), lone) {
            (Value::Array(records), _) => {
                Ok(records.into_iter().map(|record| (None, record)).collect())
            }
            (Value::Object(records), LoneObject::ById)
                if self.steps.is_empty() && says_error(&records) =>
            {
                Err(format!(
                    "the answer is no list of records, but says {}",
                    Value::Object(records)
                ))
            }
            (Value::Object(records), LoneObject::ById) if !self.names_elements() => Ok(records
                .into_iter()
                .map(|(id, record)| (Some(id), record))
                .collect()),
            (record @ Value::Object(_), LoneObject::Record) => Ok(vec![(None, record)]),
            _ => Err(format!(
                "what the answer has at {:?} is neither a list nor an object",
                self.text
            )),
        }
    }

    /// Takes what is there; of several values, a list.
    pub(super) fn take(&self, root: &mut Value) -> Option<Value> {
        if let Rest::Query(query) = &self.rest {
            return Some(Value::Array(take_all(query, root)));
        }
        let mut steps = self.steps.iter();
        let node = steps.try_fold(root, |node, step| step_into_mut(node, step))?;
        Some(node.take())
    }

    fn walk<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(root, |node, step| match node {
            Value::Object(members) => members.get(step),
            Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// Takes what a search finds, without a copy of it.
fn take_all(query: &JsonPath, root: &mut Value) -> Vec<Value> {
    let found = query.query_located(root);
    let places: Vec<String> = found
        .locations()
        .map(|place| place.to_json_pointer())
        .collect();
    let places = places.iter();
    places
        .filter_map(|place| Some(root.pointer_mut(place)?.take()))
        .collect()
}

/// Whether an element stands where records would be, without any.
fn is_empty_parent(node: &Value, name: &str) -> bool {
    match node {
        Value::Object(members) => !members.contains_key(name),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Whether this is what some back ends answer with a status of success all the same. By their ids, it would be a record.
fn says_error(answer: &Map<String, Value>) -> bool {
    answer.len() == 1
        && answer
            .keys()
            .all(|key| matches!(key.as_str(), "error" | "errors"))
}

fn step_into_mut<'a>(node: &'a mut Value, step: &str) -> Option<&'a mut Value> {
    match node {
        Value::Object(members) => members.get_mut(step),
        Value::Array(elements) => elements.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Splits the first name or number off the rest of a valid JSONPath, if it begins with one that is written plainly.
fn first_step(rest: &str) -> Option<(String, &str)> {
    if let Some(name) = rest.strip_prefix('.') {
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || !c.is_ascii();
        let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
        let (name, behind) = name.split_at(end);
        return Some((name.to_owned(), behind)).filter(|(name, _)| !name.is_empty());
    }
    let (inside, behind) = rest.strip_prefix('[')?.split_once(']')?;
    let quoted = |quote| inside.strip_prefix(quote)?.strip_suffix(quote);
    let name = quoted('\'').or_else(|| quoted('"'));
    let is_plain = |name: &&str| !name.contains(['\\', '\'', '"']);
    let is_number = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
    let step = name.filter(is_plain).or(is_number.then_some(inside))?;
    Some((step.to_owned(), behind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(path: &str, root: &Value) -> Option<Value> {
        Path::parse(path).unwrap().read(root).map(Cow::into_owned)
    }

    #[test]
    fn values_are_found_by_jsonpath_pointer_and_name() {
        let root = json!({"a": {"b c": [{"n": 1}, {"n": 2}]}, "x.y": 3, "": 4});
        for path in ["$.a['b c'][1].n", "$['a'][\"b c\"][1].n", "/a/b c/1/n"] {
            assert_eq!(read(path, &root), Some(json!(2)), "{path}");
        }
        assert_eq!(read("x.y", &root), Some(json!(3)));
        assert_eq!(read("$.a['b c'][*].n", &root), Some(json!([1, 2])));
        assert_eq!(read("$..[?@.n == 2].n", &root), Some(json!(2)));
        assert_eq!(read("$.a.nothing", &root), None);
        assert_eq!(read("", &root), Some(root.clone()));
        assert!(Path::parse("$.a[").is_err());
    }

    #[test]
    fn only_what_is_searched_costs_a_search() {
        let is_plain = |path: &str| Path::parse(path).unwrap().steps().is_some();
        assert!(is_plain("$.a[0]['b']") && is_plain("$") && is_plain("/a/b"));
        assert!(!is_plain("$.a[-1]") && !is_plain("$..a") && !is_plain("$.a[0,1]"));
    }

    fn records(path: &str, root: Value, lone: LoneObject) -> Result<usize, String> {
        let path = Path::parse(path).unwrap();
        path.take_records(root, lone).map(|records| records.len())
    }

    #[test]
    fn an_answer_that_lacks_its_records_does_not_look_like_an_empty_one() {
        use LoneObject::{ById, Record};
        let two = json!({"items": [{"on": true}, {"on": false}]});
        for (path, count) in [
            ("$.items", 2),
            ("$.items[*]", 2),
            ("$.items[?@.on == true]", 1),
        ] {
            assert_eq!(records(path, two.clone(), ById), Ok(count), "{path}");
            assert_eq!(records(path, json!({"items": []}), ById), Ok(0), "{path}");
            for wrong in [
                json!({}),
                json!({"error": "busy"}),
                json!({"items": null}),
                json!([]),
            ] {
                assert!(
                    records(path, wrong.clone(), ById).is_err(),
                    "{path}: {wrong}"
                );
            }
        }
        assert!(records("$..name", json!({"error": "busy"}), ById).is_err());
        let by_id = json!({"items": {"1": {}, "2": {}}});
        assert_eq!(records("$.items", by_id.clone(), ById), Ok(2));
        assert_eq!(records("$.items", by_id, Record), Ok(1));
        assert_eq!(records("$.items.item", json!({"items": ""}), Record), Ok(0));
        assert!(records("$.items.item", json!({"html": ""}), Record).is_err());
        assert!(records("$.item", json!({"items": {}}), Record).is_err());
        assert_eq!(records("$.item", json!({"item": {}}), Record), Ok(1));
        for error in [
            json!({"error": {"code": 7}}),
            json!({"errors": [{"code": 7}]}),
        ] {
            let read = records("", error.clone(), ById);
            assert!(read.is_err(), "{error}");
        }
        assert_eq!(records("", json!({"error": {}, "1": {}}), ById), Ok(2));
    }
}
