//! What was done on the device.

use sync_proto::sync::ChangeOp;

use crate::value::{Attributes, Value};

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// It is made.
    Create,
    /// Some of its attributes change.
    Update,
    /// It goes.
    Delete,
}

impl Op {
    /// As the protocol calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// By what the protocol calls it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Create, Self::Update, Self::Delete]
            .into_iter()
            .find(|op| op.as_str() == text)
    }
}

impl From<Op> for ChangeOp {
    fn from(op: Op) -> Self {
        match op {
            Op::Create => Self::Create,
            Op::Update => Self::Update,
            Op::Delete => Self::Delete,
        }
    }
}

/// A change of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What is done.
    pub op: Op,
    /// Attributes that get a value.
    pub set: Attributes,
    /// Attributes that lose theirs.
    pub unset: Vec<String>,
}

impl Change {
    /// One.
    pub fn new(op: Op, set: Attributes, unset: Vec<String>) -> Self {
        Self { op, set, unset }
    }

    /// What it makes of an object's attributes.
    pub fn apply(&self, attributes: &mut Attributes) {
        for name in &self.unset {
            attributes.remove(name);
        }
        let set = self.set.iter();
        attributes.extend(set.map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// What the server makes of its object by a change that it has applied: an attribute that is unset becomes empty there, and a value
/// whose text is the same as before stays what it was.
pub fn take_over(change: &Change, server: &mut Attributes) {
    let unset = change.unset.iter().map(|name| (name, Value::from("")));
    let set = change.set.iter();
    let set = set.map(|(name, value)| (name, value.clone()));
    for (name, value) in unset.chain(set) {
        let before = server.get(name).map(Value::to_text);
        if before.as_deref() != Some(&value.to_text()) {
            server.insert(name.clone(), value);
        }
    }
}

/// What becomes of changes of an object that were never sent, if there is another.
#[derive(Debug, PartialEq)]
pub enum Merged {
    /// The last of them is this now.
    Into(Change),
    /// The other stands beside them.
    Beside,
    /// The other stands in the place of them all.
    Instead,
    /// Nothing is left to be done: the object was made on the device and nobody has heard of it.
    Nothing,
}

/// Merges a change with those of the same object that were never sent, in their order.
///
/// What was sent once is not touched: it may be at the server, which knows it by its id.
pub fn merge(unsent: &[Change], next: &Change) -> Merged {
    let Some(last) = unsent.last() else {
        return Merged::Beside;
    };
    match (last.op, next.op) {
        (Op::Create | Op::Update, Op::Update) => {
            let mut merged = last.clone();
            merged.set.retain(|name, _| !next.unset.contains(name));
            merged.unset.retain(|name| !next.set.contains_key(name));
            if last.op == Op::Update {
                for name in &next.unset {
                    if !merged.unset.contains(name) {
                        merged.unset.push(name.clone());
                    }
                }
            }
            merged.set.extend(next.set.clone());
            Merged::Into(merged)
        }
        (_, Op::Delete) => match unsent.iter().any(|change| change.op == Op::Create) {
            true => Merged::Nothing,
            false => Merged::Instead,
        },
        (Op::Delete, _) | (_, Op::Create) => Merged::Beside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(op: Op, set: &[(&str, i64)], unset: &[&str]) -> Change {
        Change {
            op,
            set: set
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Value::Integer(*value)))
                .collect(),
            unset: unset.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn an_update_goes_into_what_was_not_sent() {
        let update = change(Op::Update, &[("a", 2), ("b", 2)], &["c"]);
        assert_eq!(merge(&[], &update), Merged::Beside);
        assert_eq!(
            merge(&[change(Op::Create, &[("a", 1), ("c", 1)], &[])], &update),
            Merged::Into(change(Op::Create, &[("a", 2), ("b", 2)], &[]))
        );
        assert_eq!(
            merge(&[change(Op::Update, &[("c", 1)], &["b", "d"])], &update),
            Merged::Into(change(Op::Update, &[("a", 2), ("b", 2)], &["d", "c"]))
        );
    }

    #[test]
    fn the_server_keeps_what_is_unset_as_an_empty_text() {
        let mut server = [
            ("a".to_owned(), Value::from("")),
            ("b".to_owned(), Value::from("1")),
        ]
        .into();
        take_over(&change(Op::Update, &[("b", 1)], &["a", "c"]), &mut server);
        let expected = [
            ("a".to_owned(), Value::from("")),
            ("b".to_owned(), Value::from("1")),
            ("c".to_owned(), Value::from("")),
        ];
        assert_eq!(server, expected.into());
    }

    #[test]
    fn a_delete_takes_the_place_of_what_was_not_sent() {
        let delete = change(Op::Delete, &[], &[]);
        let create = change(Op::Create, &[("a", 1)], &[]);
        assert_eq!(merge(&[create], &delete), Merged::Nothing);
        let update = change(Op::Update, &[("a", 1)], &[]);
        assert_eq!(merge(&[update], &delete), Merged::Instead);
    }
}
