//! What the app does.

use rusqlite::{Connection, params};
use sync_device::{Change, Merged, Op, merge};

use crate::error::StoreError;
use crate::file::{Store, Write};
use crate::objects::{app_id, change_of, json, seen, server_copy, show};
use crate::sources::{self, Source};

/// One change that the app makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The source.
    pub source: String,
    /// The object. For a create an id that was never used.
    pub object: String,
    /// What is done.
    pub change: Change,
}

impl Store {
    /// Makes changes, all of them or none. They are on disk when this returns, and go up with the next sync. `new_id` makes ids
    /// of changes: UUIDs of version 7.
    ///
    /// # Errors
    /// An object that is not there, or is there already; SQLite's.
    pub fn change(
        &mut self,
        operations: &[Operation],
        now_ms: u64,
        mut new_id: impl FnMut() -> String,
    ) -> Result<(), StoreError> {
        self.write(|write| {
            for operation in operations {
                write.apply(operation, now_ms, &mut new_id)?;
            }
            Ok(())
        })
    }
}

impl Write<'_> {
    fn apply(
        &mut self,
        operation: &Operation,
        now_ms: u64,
        new_id: &mut dyn FnMut() -> String,
    ) -> Result<(), StoreError> {
        let Operation {
            source,
            object,
            change,
        } = operation;
        let mut source = sources::load(&self.tx, source)?;
        let id = app_id(&self.tx, &source, object)?;
        let is_there = seen(&self.tx, &source, &id)?.is_some();
        match (change.op, is_there) {
            (Op::Create, true) => {
                return Err(StoreError::ObjectExists {
                    source_name: source.name,
                    id: object.clone(),
                });
            }
            (Op::Update | Op::Delete, false) => {
                return Err(StoreError::UnknownObject {
                    source_name: source.name,
                    id: object.clone(),
                });
            }
            _ => {}
        }
        if change.op == Op::Create {
            self.tx.execute(
                "INSERT OR REPLACE INTO _alias (source, id, wire, is_known) VALUES (?1, ?2, ?2, 0)",
                params![source.n, id],
            )?;
            source.has_aliases = true;
        }
        let unsent = unsent_changes(&self.tx, &source, &id)?;
        let changes: Vec<Change> = unsent.iter().map(|(_, change)| change.clone()).collect();
        let merged = merge(&changes, change);
        match (merged, unsent.last()) {
            (Merged::Into(merged), Some((seq, _))) => {
                self.tx
                    .prepare_cached(r#"UPDATE _change SET "set" = ?2, unset = ?3 WHERE seq = ?1"#)?
                    .execute(params![seq, json(&merged.set), list(&merged.unset)])?;
            }
            (Merged::Nothing, _) => {
                drop_unsent(&self.tx, &source, &id)?;
                self.tx.execute(
                    "DELETE FROM _alias WHERE source = ?1 AND id = ?2 AND NOT is_known",
                    params![source.n, id],
                )?;
            }
            (Merged::Instead, _) => {
                drop_unsent(&self.tx, &source, &id)?;
                insert(&self.tx, &source, &id, change, now_ms, &new_id())?;
            }
            (Merged::Into(_) | Merged::Beside, _) => {
                insert(&self.tx, &source, &id, change, now_ms, &new_id())?;
            }
        }
        source.has_open = true;
        let server = server_copy(&self.tx, &source, &id)?;
        show(&self.tx, &mut source, &id, server)?;
        self.touched.insert(source.name);
        Ok(())
    }
}

fn unsent_changes(
    tx: &Connection,
    source: &Source,
    id: &str,
) -> Result<Vec<(i64, Change)>, StoreError> {
    let found = tx
        .prepare_cached(
            r#"SELECT seq, op, "set", unset FROM _change WHERE source = ?1 AND object = ?2 AND state = 0 ORDER BY seq"#,
        )?
        .query_map(params![source.n, id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<Vec<(i64, String, String, String)>, _>>()?;
    Ok(found
        .iter()
        .filter_map(|(seq, op, set, unset)| Some((*seq, change_of(op, set, unset)?)))
        .collect())
}

fn drop_unsent(tx: &Connection, source: &Source, id: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM _change WHERE source = ?1 AND object = ?2 AND state = 0",
        params![source.n, id],
    )?;
    Ok(())
}

/// Queues a change at the end.
pub(crate) fn insert(
    tx: &Connection,
    source: &Source,
    object: &str,
    change: &Change,
    now_ms: u64,
    id: &str,
) -> Result<(), StoreError> {
    let Change { op, set, unset } = change;
    tx.prepare_cached(
        r#"INSERT INTO _change (id, source, object, op, "set", unset, base, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"#,
    )?
    .execute(params![
        id,
        source.n,
        object,
        op.as_str(),
        json(set),
        list(unset),
        source.cursor,
        now_ms.cast_signed(),
    ])?;
    Ok(())
}

pub(crate) fn list(names: &[String]) -> String {
    serde_json::to_string(names).unwrap_or_default()
}
