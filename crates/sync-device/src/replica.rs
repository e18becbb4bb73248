//! What the app sees of an object, and what news and verdicts make of it.
//!
//! Two layers make up what is seen: the server's copy, and on top the changes that have no verdict yet. So news can come at any
//! time: they touch the lower layer only, and nothing that is still to be sent is overwritten.

use std::collections::BTreeSet;

use crate::change::{Change, Op};
use crate::line::{Verdict, VerdictStatus};
use crate::value::Attributes;

/// What the app sees: the server's copy with changes on top, in their order.
pub fn shown<'a>(
    server: Option<&Attributes>,
    changes: impl IntoIterator<Item = &'a Change>,
) -> Option<Attributes> {
    let mut seen = server.cloned();
    for change in changes {
        match (change.op, &mut seen) {
            (Op::Delete, _) => seen = None,
            (Op::Create, None) => seen = Some(change.set.clone()),
            (Op::Create | Op::Update, Some(seen)) => change.apply(seen),
            // Somebody else has deleted it: the server says what becomes of the change.
            (Op::Update, None) => {}
        }
    }
    seen
}

/// The server's copy of an object after news of it.
pub fn with_news(
    server: Option<Attributes>,
    set: Option<Attributes>,
    unset: &[String],
) -> Option<Attributes> {
    let mut object = match (server, &set) {
        (None, None) => return None,
        (server, _) => server.unwrap_or_default(),
    };
    for name in unset {
        object.remove(name);
    }
    object.extend(set.unwrap_or_default());
    Some(object)
}

/// What a verdict means for a change.
#[derive(Debug, PartialEq)]
pub enum Settled {
    /// It is on its way: ask after it.
    Accepted,
    /// The server does not know it: send it again, as it was.
    Unknown,
    /// The server's copy has it; nothing more is to be done.
    Applied,
    /// Nothing of it was done: it waits for the app to say what becomes of it.
    Refused,
    /// All of it was done but for attributes which others have set: the first is in the server's copy, the second waits for the
    /// app.
    Partly {
        /// What was done.
        done: Change,
        /// What was not.
        left: Change,
    },
}

/// What a verdict means for a change as it was sent.
pub fn settle(change: &Change, verdict: &Verdict) -> Settled {
    match (verdict.status, verdict.code.as_deref()) {
        (VerdictStatus::Accepted, _) => Settled::Accepted,
        (VerdictStatus::Applied, _) => Settled::Applied,
        (VerdictStatus::Refused, Some("unknown_change")) => Settled::Unknown,
        (VerdictStatus::Refused, _) | (VerdictStatus::Conflict, Some(_)) => Settled::Refused,
        (VerdictStatus::Conflict, None) => {
            let kept: BTreeSet<&String> = verdict.kept.iter().collect();
            let (mut done, mut left) = (change.clone(), change.clone());
            done.set.retain(|name, _| !kept.contains(name));
            done.unset.retain(|name| !kept.contains(name));
            left.set.retain(|name, _| kept.contains(name));
            left.unset.retain(|name| kept.contains(name));
            Settled::Partly { done, left }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn attributes(of: &[(&str, &str)]) -> Attributes {
        of.iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect()
    }

    fn update(of: &[(&str, &str)]) -> Change {
        Change::new(Op::Update, attributes(of), vec![])
    }

    fn verdict(status: VerdictStatus, code: Option<&str>, kept: &[&str]) -> Verdict {
        Verdict {
            id: "c".to_owned(),
            status,
            object: None,
            code: code.map(str::to_owned),
            message: None,
            kept: kept.iter().map(|name| (*name).to_owned()).collect(),
            current: None,
        }
    }

    #[test]
    fn changes_lie_on_top_of_what_the_server_has() {
        let server = attributes(&[("a", "1"), ("b", "1")]);
        let create = Change::new(Op::Create, attributes(&[("a", "2")]), vec![]);
        let delete = Change::new(Op::Delete, Attributes::new(), vec![]);
        let seen = |server, changes: &[&Change]| shown(server, changes.iter().copied());
        assert_eq!(seen(Some(&server), &[]), Some(server.clone()));
        assert_eq!(
            seen(Some(&server), &[&update(&[("a", "2")])]),
            Some(attributes(&[("a", "2"), ("b", "1")]))
        );
        assert_eq!(seen(Some(&server), &[&delete]), None);
        assert_eq!(
            seen(None, &[&create, &update(&[("c", "3")])]),
            Some(attributes(&[("a", "2"), ("c", "3")]))
        );
        assert_eq!(seen(None, &[&update(&[("a", "2")])]), None);
    }

    #[test]
    fn news_set_and_remove_attributes() {
        let server = attributes(&[("a", "1"), ("b", "1")]);
        assert_eq!(
            with_news(
                Some(server.clone()),
                Some(attributes(&[("c", "2")])),
                &["a".to_owned()]
            ),
            Some(attributes(&[("b", "1"), ("c", "2")]))
        );
        assert_eq!(with_news(None, None, &["a".to_owned()]), None);
    }

    #[test]
    fn verdicts_decide_what_becomes_of_a_change() {
        let change = update(&[("a", "2"), ("b", "2")]);
        let settled = |status, code, kept: &[&str]| settle(&change, &verdict(status, code, kept));
        use VerdictStatus::{Accepted, Applied, Conflict, Refused};
        assert_eq!(settled(Accepted, None, &[]), Settled::Accepted);
        assert_eq!(settled(Applied, None, &[]), Settled::Applied);
        assert_eq!(settled(Refused, Some("refused"), &[]), Settled::Refused);
        assert_eq!(
            settled(Refused, Some("unknown_change"), &[]),
            Settled::Unknown
        );
        assert_eq!(settled(Conflict, Some("conflict"), &[]), Settled::Refused);
        assert_eq!(
            settled(Conflict, None, &["a"]),
            Settled::Partly {
                done: update(&[("b", "2")]),
                left: update(&[("a", "2")])
            }
        );
    }
}
