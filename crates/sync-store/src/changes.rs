//! The queue as the app sees it: what waits, what failed, and what becomes of that.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sync_device::{Attributes, Change, Op, attributes_of};

use crate::error::StoreError;
use crate::file::Store;
use crate::objects::{change_of, server_copy, show};
use crate::sources;
use crate::write::insert;

/// How far a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[repr(i64)]
#[serde(rename_all = "camelCase")]
pub enum ChangeState {
    /// It was never sent.
    Queued = 0,
    /// It was sent; whether it arrived is not known.
    Sent = 1,
    /// The server has it.
    Accepted = 2,
    /// Nothing of it was done.
    Refused = 3,
    /// All was done but for these attributes, which others have set.
    Partly = 4,
}

/// A change that has no verdict, or failed.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptChange {
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its object, as the app knows it.
    pub object: String,
    /// What is to be done, or was not done.
    pub change: Change,
    /// How far it is.
    pub state: ChangeState,
    /// Why it failed, for programs.
    pub code: Option<String>,
    /// Why it failed, for people.
    pub reason: Option<String>,
    /// The object as the server had it then, if it told.
    pub current: Option<Attributes>,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
}

const SELECT: &str = r#"SELECT id, (SELECT name FROM _source WHERE n = source), object, op, "set", unset, state, code, reason, current, made_at FROM _change"#;

impl Store {
    /// The changes that have no verdict yet, oldest first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open_changes(&self) -> Result<Vec<KeptChange>, StoreError> {
        self.changes_in("state <= 2")
    }

    /// The changes that failed and wait for the app, oldest first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn failed_changes(&self) -> Result<Vec<KeptChange>, StoreError> {
        self.changes_in("state > 2")
    }

    fn changes_in(&self, states: &str) -> Result<Vec<KeptChange>, StoreError> {
        let found = self
            .connection
            .prepare_cached(&format!("{SELECT} WHERE {states} ORDER BY seq"))?
            .query_map([], from_row)?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Sends a change that failed again, with other values if there are some, as a new one with the id `new_id`. A create gets
    /// `new_object` for an id on the wire.
    ///
    /// # Errors
    /// A change that did not fail; SQLite's.
    pub fn retry(
        &mut self,
        change: &str,
        values: Option<&Attributes>,
        now_ms: u64,
        [new_id, new_object]: [&str; 2],
    ) -> Result<(), StoreError> {
        self.write(|write| {
            let tx = &write.tx;
            let failed = take_failed(tx, change)?;
            let mut source = sources::load(tx, &failed.source)?;
            let mut again = failed.change;
            if let Some(values) = values {
                again.unset.retain(|name| !values.contains_key(name));
                again.set.clone_from(values);
            }
            insert(tx, &source, &failed.object, &again, now_ms, new_id)?;
            if again.op == Op::Create {
                // The server remembers that the id of the first attempt was used.
                tx.execute(
                    "INSERT OR REPLACE INTO _alias (source, id, wire, is_known) VALUES (?1, ?2, ?3, 0)",
                    params![source.n, failed.object, new_object],
                )?;
            }
            source.has_open = true;
            let server = server_copy(tx, &source, &failed.object)?;
            show(tx, &mut source, &failed.object, server)?;
            write.touched.insert(source.name);
            Ok(())
        })
    }

    /// Notes that the server has heard which changes were settled here.
    ///
    /// # Errors
    /// SQLite's.
    pub fn told_settled(
        &mut self,
        settled: &BTreeMap<String, Vec<String>>,
    ) -> Result<(), StoreError> {
        if settled.is_empty() {
            return Ok(());
        }
        self.write(|write| {
            let mut statement = write
                .tx
                .prepare_cached("DELETE FROM _settled WHERE id = ?1")?;
            for id in settled.values().flatten() {
                statement.execute([id])?;
            }
            Ok(())
        })
    }

    /// Forgets a change that failed.
    ///
    /// # Errors
    /// A change that did not fail; SQLite's.
    pub fn discard(&mut self, change: &str) -> Result<(), StoreError> {
        self.write(|write| {
            let tx = &write.tx;
            let failed = take_failed(tx, change)?;
            let mut source = sources::load(tx, &failed.source)?;
            if failed.change.op == Op::Create {
                tx.execute(
                    "DELETE FROM _alias WHERE source = ?1 AND id = ?2 AND NOT is_known",
                    params![source.n, failed.object],
                )?;
            }
            let server = server_copy(tx, &source, &failed.object)?;
            show(tx, &mut source, &failed.object, server)?;
            write.touched.insert(source.name);
            Ok(())
        })
    }
}

/// Takes a change that failed away, and notes that the server is to hear of it.
fn take_failed(tx: &Connection, id: &str) -> Result<KeptChange, StoreError> {
    let failed = failed(tx, id)?.ok_or_else(|| StoreError::UnknownChange { id: id.to_owned() })?;
    // One that was never sent the server does not know.
    tx.execute(
        "INSERT OR IGNORE INTO _settled (source, id) SELECT source, id FROM _change WHERE id = ?1 AND wire IS NOT NULL",
        [id],
    )?;
    tx.execute("DELETE FROM _change WHERE id = ?1", [id])?;
    Ok(failed)
}

/// A change that failed.
pub(crate) fn failed(tx: &Connection, id: &str) -> Result<Option<KeptChange>, StoreError> {
    let found = tx
        .prepare_cached(&format!("{SELECT} WHERE id = ?1 AND state > 2"))?
        .query_row([id], from_row)
        .optional()?;
    Ok(found.flatten())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<KeptChange>> {
    let (op, set, unset): (String, String, String) = (row.get(3)?, row.get(4)?, row.get(5)?);
    let state = match row.get::<_, i64>(6)? {
        0 => ChangeState::Queued,
        1 => ChangeState::Sent,
        2 => ChangeState::Accepted,
        3 => ChangeState::Refused,
        _ => ChangeState::Partly,
    };
    let current: Option<String> = row.get(9)?;
    let Some(change) = change_of(&op, &set, &unset) else {
        return Ok(None);
    };
    Ok(Some(KeptChange {
        id: row.get(0)?,
        source: row.get(1)?,
        object: row.get(2)?,
        change,
        state,
        code: row.get(7)?,
        reason: row.get(8)?,
        current: current.as_deref().map(attributes_of),
        made_at_ms: row.get::<_, i64>(10)?.cast_unsigned(),
    }))
}
