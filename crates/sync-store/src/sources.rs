//! The sources of a file: what is known of each, and the tables, views and indexes that it has.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use sync_device::Sum;

use crate::error::StoreError;
use crate::file::Store;

/// Most columns of a view. The attributes beyond are in `attributes`.
const MOST_COLUMNS: usize = 500;

/// Columns that every view has.
const OWN_COLUMNS: [&str; 3] = ["id", "pending", "attributes"];

/// What the app wants of a source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceSpec {
    /// Its name.
    pub name: String,
    /// Attributes that have a column from the beginning on.
    pub attributes: Vec<String>,
    /// Indexes, each over one attribute or more.
    pub indexes: Vec<Vec<String>>,
    /// Attributes that are searched as text.
    pub search: Vec<String>,
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Objects that the server has, as far as the device knows.
    pub count: u64,
    /// Whether it was synced at least once.
    pub is_begun: bool,
    /// The schema, as JSON.
    pub schema: Option<String>,
    /// What the app is to know of it.
    pub metadata: Option<String>,
    /// What is wrong with it: code and reason.
    pub error: Option<(String, String)>,
}

/// A source as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) n: i64,
    pub(crate) name: String,
    pub(crate) cursor: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) count: u64,
    pub(crate) sum: Sum,
    pub(crate) columns: Vec<String>,
    pub(crate) error: Option<String>,
    /// Whether changes of its objects have no verdict yet.
    pub(crate) has_open: bool,
    /// Whether some of its objects were made on this device.
    pub(crate) has_aliases: bool,
    /// Whether searches at the back end have found objects of it.
    pub(crate) has_found: bool,
    /// Attributes that hold ids of other sources' objects.
    pub(crate) references: Vec<(String, i64)>,
}

impl Source {
    /// Whether the server keeps none of its objects, as it has said.
    pub(crate) fn is_passed_through(&self) -> bool {
        let error = self.error.as_deref();
        let code = error.and_then(|error| serde_json::from_str::<(String, String)>(error).ok());
        code.is_some_and(|(code, _)| code == "not_served")
    }

    /// The table of its objects.
    pub(crate) fn table(&self) -> String {
        table(self.n)
    }

    /// Keeps what has changed of it.
    pub(crate) fn save(&self, tx: &Connection) -> Result<(), StoreError> {
        tx.prepare_cached(
            "UPDATE _source SET cursor = ?2, schema = ?3, metadata = ?4, count = ?5, sum = ?6, error = ?7 WHERE n = ?1",
        )?
        .execute(params![
            self.n,
            self.cursor,
            self.schema,
            self.metadata,
            self.count.cast_signed(),
            self.sum.0.cast_signed(),
            self.error,
        ])?;
        Ok(())
    }

    /// Gives attributes that are new a column in the view.
    pub(crate) fn learn<'a>(
        &mut self,
        tx: &Connection,
        names: impl IntoIterator<Item = &'a String>,
    ) -> Result<(), StoreError> {
        let before = self.columns.len();
        for name in names {
            if self.columns.len() < MOST_COLUMNS
                && !self.columns.contains(name)
                && is_column(name, &self.columns)
            {
                self.columns.push(name.clone());
            }
        }
        if self.columns.len() == before {
            return Ok(());
        }
        let columns = serde_json::to_string(&self.columns).unwrap_or_default();
        tx.execute(
            "UPDATE _source SET columns = ?2 WHERE n = ?1",
            params![self.n, columns],
        )?;
        make_view(tx, self.n, &self.name, &self.columns)
    }
}

fn table(n: i64) -> String {
    format!("_object_{n}")
}

/// The table of a source's full-text search.
pub(crate) fn search_table(n: i64) -> String {
    format!("_search_{n}")
}

/// Whether an attribute can be a column: SQLite knows columns by names without regard to case, and paths have no way to write `"`.
fn is_column(name: &str, others: &[String]) -> bool {
    let is_taken = |other: &str| other.eq_ignore_ascii_case(name);
    !name.is_empty()
        && !name.contains(['"', '\\', '\0'])
        && !OWN_COLUMNS.into_iter().any(is_taken)
        && !others.iter().any(|other| is_taken(other))
}

/// The expression of an attribute's value, the same in views and indexes, so that queries of a view use an index.
fn value_of(attribute: &str, row: &str) -> String {
    let path = attribute.replace('\'', "''");
    format!(r#"json_extract({row}shown, '$."{path}"')"#)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn make_view(tx: &Connection, n: i64, name: &str, columns: &[String]) -> Result<(), StoreError> {
    let is_ours: Option<bool> = tx
        .query_row(
            "SELECT type = 'view' AND name = ?1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE",
            [name],
            |row| row.get(0),
        )
        .optional()?;
    if is_ours == Some(false) || name.starts_with(['_', '\0']) || name.starts_with("sqlite_") {
        // Another source has the name but for its case: this one has its objects by the other calls only.
        return Ok(());
    }
    let columns = columns
        .iter()
        .map(|column| format!(", {} AS {}", value_of(column, ""), quoted(column)));
    let (view, table) = (quoted(name), table(n));
    tx.execute_batch(&format!(
        "DROP VIEW IF EXISTS {view}; CREATE VIEW {view} AS SELECT id{}, is_pending AS pending, shown AS attributes FROM {table} WHERE shown IS NOT NULL",
        columns.collect::<String>(),
    ))?;
    Ok(())
}

/// Makes indexes and full-text search be what the app wants now.
fn make_indexes(tx: &Connection, n: i64, spec: &SourceSpec) -> Result<(), StoreError> {
    let (table, search) = (table(n), search_table(n));
    let old: Vec<String> = tx
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL")?
        .query_map([&table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for index in old {
        tx.execute_batch(&format!("DROP INDEX {}", quoted(&index)))?;
    }
    for (number, attributes) in spec.indexes.iter().enumerate() {
        let values: Vec<String> = attributes
            .iter()
            .filter(|name| is_column(name, &[]))
            .map(|name| value_of(name, ""))
            .collect();
        if !values.is_empty() {
            tx.execute_batch(&format!(
                "CREATE INDEX _index_{n}_{number} ON {table} ({})",
                values.join(", ")
            ))?;
        }
    }
    tx.execute_batch(&format!(
        "DROP TRIGGER IF EXISTS {search}_insert; DROP TRIGGER IF EXISTS {search}_delete; DROP TRIGGER IF EXISTS {search}_update; DROP TABLE IF EXISTS {search};"
    ))?;
    let searched: Vec<&String> = spec
        .search
        .iter()
        .filter(|name| is_column(name, &[]))
        .collect();
    if searched.is_empty() {
        return Ok(());
    }
    // Columns are numbered: a name may be one that full-text search has for itself.
    let columns: Vec<String> = (0..searched.len()).map(|at| format!("c{at}")).collect();
    let columns = columns.join(", ");
    let values = |row: &str| {
        let values: Vec<String> = searched.iter().map(|name| value_of(name, row)).collect();
        values.join(", ")
    };
    tx.execute_batch(&format!(
        "CREATE VIRTUAL TABLE {search} USING fts5({columns}, content='', contentless_delete=1);
         INSERT INTO {search} (rowid, {columns}) SELECT row, {all} FROM {table} WHERE shown IS NOT NULL;
         CREATE TRIGGER {search}_insert AFTER INSERT ON {table} WHEN new.shown IS NOT NULL BEGIN
           INSERT INTO {search} (rowid, {columns}) VALUES (new.row, {new});
         END;
         CREATE TRIGGER {search}_delete AFTER DELETE ON {table} BEGIN
           DELETE FROM {search} WHERE rowid = old.row;
         END;
         CREATE TRIGGER {search}_update AFTER UPDATE OF shown ON {table} BEGIN
           DELETE FROM {search} WHERE rowid = old.row;
           INSERT INTO {search} (rowid, {columns}) SELECT new.row, {new} WHERE new.shown IS NOT NULL;
         END;",
        all = values(""),
        new = values("new."),
    ))?;
    Ok(())
}

/// Makes the sources that the app wants be there, with the indexes that it wants. Others stay, but are not synced.
pub(crate) fn want(tx: &Connection, specs: &[SourceSpec]) -> Result<(), StoreError> {
    tx.execute("UPDATE _source SET is_wanted = 0", [])?;
    for spec in specs {
        let text = serde_json::to_string(spec).unwrap_or_default();
        let known: Option<(i64, String)> = tx
            .query_row(
                "SELECT n, spec FROM _source WHERE name = ?1",
                [&spec.name],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let n = match &known {
            Some((n, _)) => {
                tx.execute(
                    "UPDATE _source SET is_wanted = 1, spec = ?2 WHERE n = ?1",
                    params![n, text],
                )?;
                *n
            }
            None => {
                tx.execute(
                    "INSERT INTO _source (name, is_wanted, spec) VALUES (?1, 1, ?2)",
                    params![spec.name, text],
                )?;
                let n = tx.last_insert_rowid();
                // `is_own`: the app sees something else than the server has, which is in `server` then.
                tx.execute_batch(&format!(
                    "CREATE TABLE {} (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, shown TEXT, server TEXT, is_own INTEGER NOT NULL DEFAULT 0, is_pending INTEGER NOT NULL DEFAULT 0)",
                    table(n)
                ))?;
                make_view(tx, n, &spec.name, &[])?;
                n
            }
        };
        if known.is_none_or(|(_, before)| before != text) {
            let mut source = load(tx, &spec.name)?;
            let indexed = spec.indexes.iter().flatten();
            let named = spec.attributes.iter().chain(indexed).chain(&spec.search);
            source.learn(tx, named)?;
            make_indexes(tx, n, spec)?;
        }
    }
    Ok(())
}

/// Reads a source.
pub(crate) fn load(tx: &Connection, name: &str) -> Result<Source, StoreError> {
    find(tx, name)?.ok_or_else(|| StoreError::UnknownSource {
        source_name: name.to_owned(),
    })
}

pub(crate) fn find(tx: &Connection, name: &str) -> Result<Option<Source>, StoreError> {
    let found = tx
        .prepare_cached(&format!("{SELECT} WHERE name = ?1"))?
        .query_row([name], from_row)
        .optional()?;
    found.map(|source| with_references(tx, source)).transpose()
}

pub(crate) fn by_number(tx: &Connection, n: i64) -> Result<Source, StoreError> {
    let found = tx
        .prepare_cached(&format!("{SELECT} WHERE n = ?1"))?
        .query_row([n], from_row)?;
    with_references(tx, found)
}

/// All that there are, wanted or not.
pub(crate) fn all(tx: &Connection) -> Result<Vec<Source>, StoreError> {
    let found: Vec<Source> = tx
        .prepare_cached(&format!("{SELECT} ORDER BY n"))?
        .query_map([], from_row)?
        .collect::<Result<_, _>>()?;
    let found = found.into_iter();
    found.map(|source| with_references(tx, source)).collect()
}

const SELECT: &str = "SELECT n, name, cursor, schema, metadata, count, sum, columns, error,
    EXISTS (SELECT 1 FROM _change WHERE source = n AND state <= 2),
    EXISTS (SELECT 1 FROM _alias WHERE source = n),
    EXISTS (SELECT 1 FROM _found WHERE source = n) FROM _source";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Source> {
    let columns: String = row.get(7)?;
    Ok(Source {
        n: row.get(0)?,
        name: row.get(1)?,
        cursor: row.get(2)?,
        schema: row.get(3)?,
        metadata: row.get(4)?,
        count: row.get::<_, i64>(5)?.cast_unsigned(),
        sum: Sum(row.get::<_, i64>(6)?.cast_unsigned()),
        columns: serde_json::from_str(&columns).unwrap_or_default(),
        error: row.get(8)?,
        has_open: row.get(9)?,
        has_aliases: row.get(10)?,
        has_found: row.get(11)?,
        references: Vec::new(),
    })
}

fn with_references(tx: &Connection, mut source: Source) -> Result<Source, StoreError> {
    source.references = tx
        .prepare_cached("SELECT attribute, target FROM _reference WHERE source = ?1")?
        .query_map([source.n], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(source)
}

impl Store {
    /// How the sources are that the app wants.
    ///
    /// # Errors
    /// SQLite's.
    pub fn sources(&self) -> Result<Vec<SourceStatus>, StoreError> {
        let wanted: Vec<String> = self
            .connection
            .prepare_cached("SELECT name FROM _source WHERE is_wanted ORDER BY n")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        wanted
            .iter()
            .map(|name| {
                let source = load(&self.connection, name)?;
                let error = source.error.as_deref();
                Ok(SourceStatus {
                    name: source.name,
                    count: source.count,
                    is_begun: source.cursor.is_some(),
                    schema: source.schema,
                    metadata: source.metadata,
                    error: error.and_then(|text| serde_json::from_str(text).ok()),
                })
            })
            .collect()
    }
}

/// The attributes that a schema names.
pub(crate) fn columns_of_schema(schema: &str) -> Vec<String> {
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap_or_default();
    let properties = schema.get("property").and_then(|it| it.as_object());
    properties
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}
