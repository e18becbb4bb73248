//! What the app sees.

use rusqlite::{OptionalExtension as _, Row, params};
use sync_device::{Attributes, attributes_of};

use crate::error::StoreError;
use crate::file::Store;
use crate::found::found_copy;
use crate::objects::{app_id, text, wire_id};
use crate::sources::{self, Source, search_table};

/// An object as the app sees it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// The id that the app knows it by, which never changes.
    pub id: String,
    /// The back end's id, once it has given one.
    pub remote_id: Option<String>,
    /// Its attributes.
    pub attributes: Attributes,
    /// Whether changes of it have no verdict yet.
    pub is_pending: bool,
    /// Whether a search at the back end has found it, and the source's copy has it not.
    pub is_found: bool,
}

impl Store {
    /// One object, by the app's id or the back end's.
    ///
    /// # Errors
    /// A source that was not opened; SQLite's.
    pub fn get(&self, source: &str, id: &str) -> Result<Option<Object>, StoreError> {
        let source = sources::load(&self.connection, source)?;
        let id = app_id(&self.connection, &source, id)?;
        let found = self
            .connection
            .prepare_cached(&format!(
                "SELECT id, shown, is_pending FROM {} WHERE id = ?1 AND shown IS NOT NULL",
                source.table()
            ))?
            .query_row([id], from_row)
            .optional()?;
        found.map(|it| self.with_remote(&source, it)).transpose()
    }

    /// Objects in the order of their ids, at most `limit` after the first `offset`.
    ///
    /// # Errors
    /// A source that was not opened; SQLite's.
    pub fn list(&self, source: &str, limit: u32, offset: u32) -> Result<Vec<Object>, StoreError> {
        let source = sources::load(&self.connection, source)?;
        let sql = format!(
            "SELECT id, shown, is_pending FROM {} WHERE shown IS NOT NULL ORDER BY id LIMIT ?1 OFFSET ?2",
            source.table()
        );
        let found = self
            .connection
            .prepare_cached(&sql)?
            .query_map(params![limit, offset], from_row)?
            .collect::<Result<Vec<_>, _>>()?;
        let found = found.into_iter();
        found.map(|it| self.with_remote(&source, it)).collect()
    }

    /// The objects that have all of the words, or words that begin so, in what the source was opened to be searched by; the best
    /// first.
    ///
    /// # Errors
    /// A source that is not searched; SQLite's.
    pub fn search(&self, source: &str, words: &str, limit: u32) -> Result<Vec<Object>, StoreError> {
        let source = sources::load(&self.connection, source)?;
        let search = search_table(source.n);
        if !self.connection.table_exists(None, search.as_str())? {
            return Err(StoreError::NotSearchable {
                source_name: source.name,
            });
        }
        let asked: Vec<String> = words
            .split_whitespace()
            .map(|word| format!("\"{}\"*", word.replace('"', "\"\"")))
            .collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT id, shown, is_pending FROM {search} JOIN {table} ON {table}.row = {search}.rowid WHERE {search} MATCH ?1 ORDER BY rank LIMIT ?2",
            table = source.table()
        );
        let found = self
            .connection
            .prepare_cached(&sql)?
            .query_map(params![asked.join(" "), limit], from_row)?
            .collect::<Result<Vec<_>, _>>()?;
        let found = found.into_iter();
        found.map(|it| self.with_remote(&source, it)).collect()
    }

    fn with_remote(&self, source: &Source, mut object: Object) -> Result<Object, StoreError> {
        let (wire, is_known) = wire_id(&self.connection, source, &object.id)?;
        object.remote_id = is_known.then_some(wire);
        object.is_found = found_copy(&self.connection, source, &object.id)?.is_some();
        Ok(object)
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Object> {
    let shown = text(row, 1)?.unwrap_or_default();
    Ok(Object {
        id: row.get(0)?,
        remote_id: None,
        attributes: attributes_of(&shown),
        is_pending: row.get(2)?,
        is_found: false,
    })
}
