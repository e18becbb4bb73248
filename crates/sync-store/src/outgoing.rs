//! What goes up with the next request.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, params};
use sync_device::{Attributes, Change, Limits, Op, Value, files_of, to_map};
use sync_proto::sync::{self, SyncRequest};

use crate::error::StoreError;
use crate::file::Store;
use crate::files::is_queued;
use crate::objects::{change_of, wire_id};
use crate::sources::{self, Source};

const ASKED_AFTER: &str =
    "SELECT name, id FROM _change JOIN _source ON n = source WHERE state = 2 ORDER BY seq LIMIT ?1";

const SETTLED: &str =
    "SELECT name, id FROM _settled JOIN _source ON n = source ORDER BY id LIMIT ?1";

struct Queued {
    seq: i64,
    id: String,
    source: i64,
    object: String,
    change: Change,
    base: Option<String>,
    /// As it was sent before.
    wire: Option<String>,
}

/// What becomes of a change now.
enum Turn {
    Goes(Box<sync::Change>),
    /// It refers to an object whose id of the back end is not known yet, or to a file that is not up.
    Waits,
}

impl Store {
    /// The body of the next request. What it has of changes is written down as sent before this returns: whatever happens to the
    /// request, the same is sent again until there is a verdict.
    ///
    /// # Errors
    /// SQLite's.
    pub fn outgoing(&mut self, limits: Limits, only: &[String]) -> Result<SyncRequest, StoreError> {
        self.go_over_to_parameters()?;
        let mut request = SyncRequest {
            have: self.have(only)?,
            parameters: self.stated_parameters()?,
            pending: self.of_sources(ASKED_AFTER, limits.changes)?,
            settled: self.of_sources(SETTLED, limits.changes)?,
            ..SyncRequest::default()
        };
        if self.has_changes_in("state <= 1")? {
            request.changes = self.write(|write| collect(&write.tx, limits))?;
        }
        Ok(request)
    }

    /// Whether there are changes that were never sent and could be.
    ///
    /// # Errors
    /// SQLite's.
    pub fn has_unsent(&self) -> Result<bool, StoreError> {
        if !self.has_changes_in("state = 0")? {
            return Ok(false);
        }
        let limits = Limits {
            changes: usize::MAX,
            bytes: usize::MAX,
        };
        let goes = going(&self.connection, limits)?;
        Ok(goes.iter().any(|(queued, _)| queued.wire.is_none()))
    }

    fn has_changes_in(&self, states: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached(&format!(
                "SELECT EXISTS (SELECT 1 FROM _change WHERE {states})"
            ))?
            .query_row([], |row| row.get(0))?)
    }

    fn have(&self, only: &[String]) -> Result<BTreeMap<String, Option<String>>, StoreError> {
        let mut have: BTreeMap<String, Option<String>> = self
            .connection
            .prepare_cached(
                "SELECT name, cursor FROM _source WHERE is_wanted AND n NOT IN (SELECT source FROM _image)",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        have.retain(|name, _| only.is_empty() || only.contains(name));
        Ok(have)
    }

    /// Changes that a statement names, by their sources.
    fn of_sources(
        &self,
        sql: &str,
        most: usize,
    ) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        let mut of_sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        for row in rows {
            let (name, id): (String, String) = row?;
            of_sources.entry(name).or_default().push(id);
        }
        Ok(of_sources)
    }
}

fn collect(tx: &Connection, limits: Limits) -> Result<Vec<sync::Change>, StoreError> {
    let going = going(tx, limits)?;
    let mut changes = Vec::with_capacity(going.len());
    for (queued, change) in going {
        if queued.wire.is_none() {
            let wire = serde_json::to_string(&change).unwrap_or_default();
            tx.prepare_cached("UPDATE _change SET state = 1, wire = ?2, sent_at = (SELECT cursor FROM _source WHERE n = source) WHERE seq = ?1")?
                .execute(params![queued.seq, wire])?;
            learn_references(tx, &queued)?;
        }
        changes.push(change);
    }
    Ok(changes)
}

/// The changes that can go up, oldest first, as they go.
fn going(tx: &Connection, limits: Limits) -> Result<Vec<(Queued, sync::Change)>, StoreError> {
    let mut statement = tx.prepare_cached(
        r#"SELECT seq, id, source, object, op, "set", unset, base, wire FROM _change WHERE state <= 1 ORDER BY seq"#,
    )?;
    let mut rows = statement.query([])?;
    let mut sources: BTreeMap<i64, Source> = BTreeMap::new();
    let mut waiting: BTreeSet<(i64, String)> = BTreeSet::new();
    let (mut going, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (op, set, unset): (String, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
        let Some(change) = change_of(&op, &set, &unset) else {
            continue;
        };
        let queued = Queued {
            seq: row.get(0)?,
            id: row.get(1)?,
            source: row.get(2)?,
            object: row.get(3)?,
            change,
            base: row.get(7)?,
            wire: row.get(8)?,
        };
        let object = (queued.source, queued.object.clone());
        if waiting.contains(&object) {
            continue;
        }
        let source = match sources.entry(queued.source) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(sources::by_number(tx, queued.source)?)
            }
        };
        match turn_of(tx, source, &queued)? {
            Turn::Waits => {
                waiting.insert(object);
            }
            Turn::Goes(change) => {
                bytes += set.len() + unset.len() + 300;
                if !going.is_empty() && (going.len() >= limits.changes || bytes > limits.bytes) {
                    break;
                }
                going.push((queued, *change));
            }
        }
    }
    Ok(going)
}

fn turn_of(tx: &Connection, source: &Source, queued: &Queued) -> Result<Turn, StoreError> {
    let sent = queued.wire.as_deref();
    if let Some(change) = sent.and_then(|wire| serde_json::from_str(wire).ok()) {
        return Ok(Turn::Goes(Box::new(change)));
    }
    for file in files_of(&queued.change.set) {
        if is_queued(tx, &file)? {
            return Ok(Turn::Waits);
        }
    }
    let Some(set) = to_wire(tx, queued)? else {
        return Ok(Turn::Waits);
    };
    Ok(Turn::Goes(Box::new(sync::Change {
        id: queued.id.clone(),
        source: source.name.clone(),
        op: queued.change.op.into(),
        object: wire_id(tx, source, &queued.object)?.0,
        set: to_map(&set),
        unset: match queued.change.op {
            Op::Update => queued.change.unset.clone(),
            Op::Create | Op::Delete => Vec::new(),
        },
        base: queued.base.clone(),
    })))
}

/// The values with the back end's ids of objects that were made here; `None` if one of these is still to come.
fn to_wire(tx: &Connection, queued: &Queued) -> Result<Option<Attributes>, StoreError> {
    let mut set = queued.change.set.clone();
    for value in set.values_mut() {
        match referred(tx, queued, value)? {
            Some((_, wire, true)) => *value = Value::Text(wire),
            Some((_, _, false)) => return Ok(None),
            None => {}
        }
    }
    Ok(Some(set))
}

/// The object made on this device that a value names: its source, what the server knows it by, and whether that is the back
/// end's id. One that is made later does not count: two that wait for each other would wait for ever.
fn referred(
    tx: &Connection,
    queued: &Queued,
    value: &Value,
) -> Result<Option<(i64, String, bool)>, StoreError> {
    let Value::Text(text) = value else {
        return Ok(None);
    };
    let found: Option<(i64, String, bool)> = tx
        .prepare_cached(
            "SELECT source, wire, is_known FROM _alias WHERE id = ?1 AND (is_known OR EXISTS
               (SELECT 1 FROM _change WHERE _change.source = _alias.source AND object = ?1 AND op = 'create' AND seq < ?2))",
        )?
        .query_row(params![text, queued.seq], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(found)
}

fn learn_references(tx: &Connection, queued: &Queued) -> Result<(), StoreError> {
    for (attribute, value) in &queued.change.set {
        if let Some((target, _, true)) = referred(tx, queued, value)? {
            tx.prepare_cached("INSERT OR IGNORE INTO _reference VALUES (?1, ?2, ?3)")?
                .execute(params![queued.source, attribute, target])?;
        }
    }
    Ok(())
}
