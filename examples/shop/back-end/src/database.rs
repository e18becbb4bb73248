//! The SQLite file: records, their revisions, and the remembered outcomes of writes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::Value as SqlValue;
use rusqlite::{
    Connection, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter,
};

use crate::error::ApiError;
use crate::resource::{Assignment, Resource};
use crate::seed::{self, Amounts};

const SCHEMA: &str = include_str!("schema.sql");
/// What has come to the schema since version 1.
const DELETIONS: &str = include_str!("deletions.sql");
const SCHEMA_VERSION: i64 = 2;

/// Where the records are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In memory: gone when the shop stops.
    Memory,
    /// In a file, which is created when missing.
    File(PathBuf),
}

/// The one connection to the database, shared by all requests.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
}

/// Which rows of a table to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// Only rows whose name contains this text.
    pub(crate) name_contains: Option<String>,
    /// Only rows that have changed then or later.
    pub(crate) changed_since: Option<String>,
    /// Number of rows and where to start; `None` for all of them.
    pub(crate) window: Option<Window>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) limit: u32,
    pub(crate) offset: i64,
}

/// A list as JSON text, and how many rows there are outside the window too.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) json: String,
    pub(crate) total: u32,
}

/// A change to one record, with values that were checked.
#[derive(Debug)]
pub(crate) enum Change {
    Create(Vec<Assignment>),
    Update {
        id: i64,
        assignments: Vec<Assignment>,
    },
    Delete {
        id: i64,
    },
}

/// What makes two requests the same request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OperationKey {
    pub(crate) key: String,
    pub(crate) method: String,
    pub(crate) path: String,
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Option<String>,
}

/// Whether a write was done now or remembered from before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Now(Outcome),
    Before(Outcome),
}

impl Database {
    /// Opens the database; a new one gets its tables and `amounts` of records.
    pub(crate) fn open(location: &Location, amounts: Amounts) -> rusqlite::Result<Self> {
        let mut connection = match location {
            Location::Memory => Connection::open_in_memory()?,
            Location::File(path) => Connection::open(path)?,
        };
        // So that the `sqlite3` shell can read and edit the file while the shop runs.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;

        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version < 1 {
            tx.execute_batch(SCHEMA)?;
            seed::insert(&tx, amounts)?;
        }
        if version < SCHEMA_VERSION {
            tx.execute_batch(DELETIONS)?;
            tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        tx.execute(
            "DELETE FROM outcomes WHERE created_at < datetime('now', '-30 days')",
            [],
        )?;
        tx.commit()?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Runs `work` with the connection on a thread that may block.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ApiError> {
        let connection = Arc::clone(&self.connection);
        let result = tokio::task::spawn_blocking(move || {
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(result.await??)
    }
}

/// The ETag of a table's present content.
pub(crate) fn etag(connection: &Connection, resource: &Resource) -> rusqlite::Result<String> {
    connection
        .prepare_cached("SELECT epoch, revision FROM revisions WHERE resource = ?1")?
        .query_row([resource.name], |row| {
            Ok(format!(
                "\"{}-{}\"",
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?
            ))
        })
}

/// Reads many records, in the order of their ids. SQLite itself writes the JSON.
pub(crate) fn list(
    connection: &Connection,
    resource: &Resource,
    selection: &Selection,
) -> rusqlite::Result<Listing> {
    let table = resource.name;
    let filter = "WHERE (?1 IS NULL OR instr(lower(name), lower(?1)) > 0) AND (?2 IS NULL OR updated_at >= ?2)";
    let Selection {
        name_contains,
        changed_since,
        ..
    } = selection;
    let Window { limit, offset } = selection.window.unwrap_or(Window {
        limit: u32::MAX,
        offset: 0,
    });
    let json = connection
        .prepare_cached(&format!(
            "SELECT json_group_array({}) FROM \
             (SELECT * FROM {table} {filter} ORDER BY id LIMIT ?3 OFFSET ?4)",
            json_object(resource),
        ))?
        .query_row(
            params![name_contains, changed_since, limit, offset],
            |row| row.get(0),
        )?;
    let total = connection
        .prepare_cached(&format!("SELECT count(*) FROM {table} {filter}"))?
        .query_row(params![name_contains, changed_since], |row| row.get(0))?;
    Ok(Listing { json, total })
}

/// The ids of what was deleted then or later.
pub(crate) fn deleted_since(
    connection: &Connection,
    resource: &Resource,
    since: Option<&str>,
) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT id FROM deletions WHERE resource = ?1 AND deleted_at >= ?2")?
        .query_map(params![resource.name, since], |row| row.get(0))?
        .collect()
}

/// What time it is to the database.
pub(crate) fn now(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", [], |row| {
        row.get(0)
    })
}

/// Reads one record as JSON text.
pub(crate) fn read(
    connection: &Connection,
    resource: &Resource,
    id: i64,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(&format!(
            "SELECT {} FROM {} WHERE id = ?1",
            json_object(resource),
            resource.name
        ))?
        .query_row([id], |row| row.get(0))
        .optional()
}

/// Does `change` once: with a key that was seen before, answers what was answered then.
///
/// Only writes that happened are remembered. A refused one changes nothing, so doing it again is harmless. `None`
/// means that there is no record of that id.
pub(crate) fn write(
    connection: &mut Connection,
    resource: &Resource,
    change: &Change,
    key: Option<&OperationKey>,
) -> rusqlite::Result<Option<Written>> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(key) = key
        && let Some(outcome) = recall(&tx, key)?
    {
        return Ok(Some(Written::Before(outcome)));
    }
    let Some(outcome) = apply(&tx, resource, change)? else {
        return Ok(None);
    };
    if let Some(key) = key {
        remember(&tx, key, &outcome)?;
    }
    tx.commit()?;
    Ok(Some(Written::Now(outcome)))
}

/// Makes the database what it was after the first start, except that ETags never repeat.
pub(crate) fn reset(connection: &mut Connection, amounts: Amounts) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "DELETE FROM products; DELETE FROM customers; DELETE FROM outcomes; DELETE FROM deletions; DELETE FROM sqlite_sequence;",
    )?;
    seed::insert(&tx, amounts)?;
    tx.commit()
}

/// How many rows each table has.
pub(crate) fn amounts(connection: &Connection) -> rusqlite::Result<Amounts> {
    connection.query_row(
        "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM customers)",
        [],
        |row| {
            Ok(Amounts {
                products: row.get(0)?,
                customers: row.get(1)?,
            })
        },
    )
}

fn apply(
    tx: &Transaction<'_>,
    resource: &Resource,
    change: &Change,
) -> rusqlite::Result<Option<Outcome>> {
    match change {
        Change::Create(assignments) => create(tx, resource, assignments).map(Some),
        Change::Update { id, assignments } => update(tx, resource, *id, assignments),
        Change::Delete { id } => {
            let deleted = tx
                .prepare_cached(&format!("DELETE FROM {} WHERE id = ?1", resource.name))?
                .execute([id])?;
            Ok((deleted > 0).then_some(Outcome {
                status: 204,
                location: None,
                body: None,
            }))
        }
    }
}

fn create(
    tx: &Transaction<'_>,
    resource: &Resource,
    assignments: &[Assignment],
) -> rusqlite::Result<Outcome> {
    let columns: Vec<_> = assignments.iter().map(|(name, _)| *name).collect();
    let (id, body) = tx
        .prepare_cached(&format!(
            "INSERT INTO {} ({}) VALUES ({}) RETURNING id, {}",
            resource.name,
            columns.join(", "),
            vec!["?"; columns.len()].join(", "),
            json_object(resource),
        ))?
        .query_row(
            params_from_iter(assignments.iter().map(|(_, value)| value)),
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)),
        )?;
    Ok(Outcome {
        status: 201,
        location: Some(format!("/{}/{id}", resource.name)),
        body: Some(body),
    })
}

fn update(
    tx: &Transaction<'_>,
    resource: &Resource,
    id: i64,
    assignments: &[Assignment],
) -> rusqlite::Result<Option<Outcome>> {
    let columns: String = assignments
        .iter()
        .map(|(name, _)| format!("{name} = ?, "))
        .collect();
    let id = SqlValue::from(id);
    let values = assignments.iter().map(|(_, value)| value).chain([&id]);
    let body = tx
        .prepare_cached(&format!(
            "UPDATE {} SET {columns} updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ? \
             RETURNING {}",
            resource.name,
            json_object(resource),
        ))?
        .query_row(params_from_iter(values), |row| row.get(0))
        .optional()?;
    Ok(body.map(|body| Outcome {
        status: 200,
        location: None,
        body: Some(body),
    }))
}

fn recall(tx: &Transaction<'_>, key: &OperationKey) -> rusqlite::Result<Option<Outcome>> {
    tx.prepare_cached(
        "SELECT status, location, body FROM outcomes WHERE key = ?1 AND method = ?2 AND path = ?3",
    )?
    .query_row(params![key.key, key.method, key.path], |row| {
        Ok(Outcome {
            status: row.get(0)?,
            location: row.get(1)?,
            body: row.get(2)?,
        })
    })
    .optional()
}

fn remember(tx: &Transaction<'_>, key: &OperationKey, outcome: &Outcome) -> rusqlite::Result<()> {
    let Outcome {
        status,
        location,
        body,
    } = outcome;
    tx.prepare_cached(
        "INSERT INTO outcomes (key, method, path, status, location, body) VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![key.key, key.method, key.path, status, location, body])?;
    Ok(())
}

/// The SQL expression that makes a row a JSON object.
fn json_object(resource: &Resource) -> String {
    let fields: String = resource
        .fields
        .iter()
        .map(|field| format!("'{0}', {0}, ", field.name))
        .collect();
    format!("json_object('id', id, {fields}'updated_at', updated_at)")
}
