//! The rows of objects: what the server has of each, and what the app sees.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sync_device::{Attributes, Change, Op, Value, attributes_of, object_hash, shown};

use crate::error::StoreError;
use crate::found::{drop_one, found_copy};
use crate::sources::Source;

/// What the server has of an object; `None` if nothing.
pub(crate) fn server_copy(
    tx: &Connection,
    source: &Source,
    id: &str,
) -> Result<Option<Attributes>, StoreError> {
    kept(
        tx,
        source,
        id,
        "CASE WHEN is_own THEN server ELSE shown END",
    )
}

/// What the app sees of an object.
pub(crate) fn seen(
    tx: &Connection,
    source: &Source,
    id: &str,
) -> Result<Option<Attributes>, StoreError> {
    kept(tx, source, id, "shown")
}

/// The attributes that an expression over an object's row comes to.
fn kept(
    tx: &Connection,
    source: &Source,
    id: &str,
    expression: &str,
) -> Result<Option<Attributes>, StoreError> {
    let table = source.table();
    let kept: Option<Option<String>> = tx
        .prepare_cached(&format!("SELECT {expression} FROM {table} WHERE id = ?1"))?
        .query_row([id], |row| text(row, 0))
        .optional()?;
    Ok(kept.flatten().as_deref().map(attributes_of))
}

/// Keeps what the server has of an object, and with that what the app sees of it. The source counts along; it is saved by the
/// caller.
pub(crate) fn put(
    tx: &Connection,
    source: &mut Source,
    id: &str,
    server: Option<Attributes>,
) -> Result<(), StoreError> {
    let before = server_copy(tx, source, id)?;
    let wire = wire_id(tx, source, id)?.0;
    if let Some(before) = before {
        source.count = source.count.saturating_sub(1);
        source.sum = source.sum.minus(object_hash(&wire, &before));
    }
    if let Some(server) = &server {
        source.count += 1;
        source.sum = source.sum.plus(object_hash(&wire, server));
        source.learn(tx, server.keys())?;
        drop_one(tx, source, id)?;
    }
    show(tx, source, id, server)
}

/// Makes the app see what it is to see of an object, when its changes are others.
pub(crate) fn show(
    tx: &Connection,
    source: &mut Source,
    id: &str,
    server: Option<Attributes>,
) -> Result<(), StoreError> {
    let open = match source.has_open {
        true => open_changes(tx, source.n, id)?,
        false => Vec::new(),
    };
    let found = match server {
        Some(_) => None,
        None => found_copy(tx, source, id)?,
    };
    let given = server.as_ref().or(found.as_ref());
    let translated = match source.references.is_empty() {
        true => None,
        false => given
            .map(|given| translate(tx, source, given))
            .transpose()?
            .filter(|it| Some(it) != given),
    };
    let table = source.table();
    if open.is_empty() && translated.is_none() && found.is_none() {
        match server {
            None => {
                tx.prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?
                    .execute([id])?;
                tx.prepare_cached("DELETE FROM _alias WHERE source = ?1 AND id = ?2 AND is_known")?
                    .execute(params![source.n, id])?;
            }
            Some(server) => {
                let text = json(&server);
                tx.prepare_cached(&format!(
                    "INSERT INTO {table} (id, shown) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET shown = ?2, server = NULL, is_own = 0, is_pending = 0"
                ))?
                .execute(params![id, text])?;
            }
        }
        return Ok(());
    }
    let below = translated.as_ref().or(given);
    let seen = shown(below, &open);
    if let Some(seen) = &seen {
        source.learn(tx, seen.keys())?;
    }
    tx.prepare_cached(&format!(
        "INSERT INTO {table} (id, shown, server, is_own, is_pending) VALUES (?1, ?2, ?3, 1, ?4)
         ON CONFLICT (id) DO UPDATE SET shown = ?2, server = ?3, is_own = 1, is_pending = ?4"
    ))?
    .execute(params![
        id,
        seen.as_ref().map(json),
        server.as_ref().map(json),
        !open.is_empty()
    ])?;
    Ok(())
}

/// Takes an object that nobody has from the app's sight, unless there are changes of it. Its ids are kept.
pub(crate) fn remove(tx: &Connection, source: &mut Source, id: &str) -> Result<(), StoreError> {
    if !open_changes(tx, source.n, id)?.is_empty() {
        return show(tx, source, id, None);
    }
    tx.prepare_cached(&format!("DELETE FROM {} WHERE id = ?1", source.table()))?
        .execute([id])?;
    Ok(())
}

/// The changes of an object that have no verdict yet, in their order.
fn open_changes(tx: &Connection, source: i64, id: &str) -> Result<Vec<Change>, StoreError> {
    let changes = tx
        .prepare_cached(
            r#"SELECT op, "set", unset FROM _change WHERE source = ?1 AND object = ?2 AND state <= 2 ORDER BY seq"#,
        )?
        .query_map(params![source, id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<Vec<(String, String, String)>, _>>()?;
    Ok(changes
        .iter()
        .filter_map(|(op, set, unset)| change_of(op, set, unset))
        .collect())
}

/// A text of a row, which may be damaged in any way: what is no text has no attributes.
pub(crate) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => Some(String::new()),
    })
}

/// A change as it is kept.
pub(crate) fn change_of(op: &str, set: &str, unset: &str) -> Option<Change> {
    Some(Change::new(
        Op::parse(op)?,
        attributes_of(set),
        serde_json::from_str(unset).unwrap_or_default(),
    ))
}

/// Attributes as they are kept.
pub(crate) fn json(attributes: &Attributes) -> String {
    serde_json::to_string(attributes).unwrap_or_default()
}

/// What the server knows an object by, and whether that is the back end's id.
pub(crate) fn wire_id(
    tx: &Connection,
    source: &Source,
    id: &str,
) -> Result<(String, bool), StoreError> {
    if source.has_aliases {
        let alias = tx
            .prepare_cached("SELECT wire, is_known FROM _alias WHERE source = ?1 AND id = ?2")?
            .query_row(params![source.n, id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some(alias) = alias {
            return Ok(alias);
        }
    }
    Ok((id.to_owned(), true))
}

/// Notes that the back end knows an object of the app's by `wire`.
pub(crate) fn know_as(
    tx: &Connection,
    source: &Source,
    id: &str,
    wire: &str,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO _alias (source, id, wire, is_known) VALUES (?1, ?2, ?3, 1)",
    )?
    .execute(params![source.n, id, wire])?;
    Ok(())
}

/// What the app knows an object by that the back end knows by `wire`.
pub(crate) fn app_id(tx: &Connection, source: &Source, wire: &str) -> Result<String, StoreError> {
    match source.has_aliases {
        true => app_id_in(tx, source.n, wire),
        false => Ok(wire.to_owned()),
    }
}

fn app_id_in(tx: &Connection, source: i64, wire: &str) -> Result<String, StoreError> {
    let id = tx
        .prepare_cached("SELECT id FROM _alias WHERE source = ?1 AND wire = ?2 AND is_known")?
        .query_row(params![source, wire], |row| row.get(0))
        .optional()?;
    Ok(id.unwrap_or_else(|| wire.to_owned()))
}

/// Attributes with the app's ids of the objects that they refer to.
fn translate(
    tx: &Connection,
    source: &Source,
    attributes: &Attributes,
) -> Result<Attributes, StoreError> {
    let mut translated = attributes.clone();
    for (attribute, target) in &source.references {
        let Some(value) = translated.get_mut(attribute) else {
            continue;
        };
        let wire = value.to_text();
        let id = app_id_in(tx, *target, &wire)?;
        if id != wire {
            *value = Value::Text(id);
        }
    }
    Ok(translated)
}
