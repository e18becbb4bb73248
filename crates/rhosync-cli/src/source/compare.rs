//! What the back end's answer would change on a server.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use sync_client::rhoconnect::Attributes;
use sync_proto::api::{Listing, ObjectInfo};

use crate::api::{Api, encoded};
use crate::config::Settings;

/// Objects of a part of the server's list.
const PART: usize = 1_000;

/// Ids by what a query would do to them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Changes {
    pub(super) added: Vec<String>,
    pub(super) changed: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// Compares the back end's objects with those of a user's copy on the server.
pub(super) fn changes_on_server(
    settings: &Settings,
    source: &str,
    user: &str,
    objects: &BTreeMap<String, Attributes>,
) -> Result<Changes> {
    let api = Api::new(settings)?;
    let list = format!(
        "/sources/{}/users/{}/objects",
        encoded(source),
        encoded(user)
    );
    let mut there = BTreeMap::new();
    let mut cursor = None;
    loop {
        let from = cursor.map(|it: String| format!("&cursor={}", encoded(&it)));
        let path = format!("{list}?limit={PART}{}", from.unwrap_or_default());
        let Listing { items, next } = api.get::<Listing<ObjectInfo>>(&path)?;
        there.extend(items.into_iter().map(|it| (it.id, it.attributes)));
        if next.is_none() {
            break;
        }
        cursor = next;
    }
    Ok(changes(&there, objects))
}

fn changes(
    there: &BTreeMap<String, Attributes>,
    objects: &BTreeMap<String, Attributes>,
) -> Changes {
    let mut changes = Changes::default();
    for (id, attributes) in objects {
        match there.get(id) {
            None => changes.added.push(id.clone()),
            Some(known) if known != attributes => changes.changed.push(id.clone()),
            Some(_) => {}
        }
    }
    let removed = there.keys().filter(|id| !objects.contains_key(*id));
    changes.removed = removed.cloned().collect();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_would_change_is_told_apart() {
        let objects = |pairs: &[(&str, &str)]| -> BTreeMap<String, Attributes> {
            let object = |value: &str| Attributes::from([("n".to_owned(), value.to_owned())]);
            pairs
                .iter()
                .map(|(id, value)| ((*id).to_owned(), object(value)))
                .collect()
        };
        let there = objects(&[("1", "a"), ("2", "b"), ("3", "c")]);
        let found = changes(&there, &objects(&[("1", "a"), ("2", "x"), ("4", "d")]));
        let ids = |id: &str| vec![id.to_owned()];
        let expected = Changes {
            added: ids("4"),
            changed: ids("2"),
            removed: ids("3"),
        };
        assert_eq!(found, expected);
    }
}
