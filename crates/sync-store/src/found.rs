//! What searches at the back end have found, beside the copies of the sources.
//!
//! It is the device's own, and none of what the server counts: a copy is compared without it. Where the copy has an object, that stands, and
//! what was found of it goes.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use sync_device::{Attributes, attributes_of};

use crate::error::StoreError;
use crate::file::Store;
use crate::objects::{app_id, json, server_copy, show};
use crate::read::Object;
use crate::sources::{self, Source};

impl Store {
    /// Keeps what was found in a source, beside what was found before; in its place, if it is the `whole` that the back end has. Returns
    /// the objects as the app sees them: those that it has deleted are not among them.
    ///
    /// # Errors
    /// A source that was not opened; SQLite's.
    pub fn keep_found(
        &mut self,
        source: &str,
        found: &BTreeMap<String, Attributes>,
        whole: bool,
    ) -> Result<Vec<Object>, StoreError> {
        self.write(|write| {
            let tx = &write.tx;
            let mut source = sources::load(tx, source)?;
            let mut before = Vec::new();
            if whole {
                before = ids(tx, &source)?;
                drop_all(tx, &source)?;
            }
            source.has_found = true;
            for (wire, attributes) in found {
                let id = app_id(tx, &source, wire)?;
                let server = server_copy(tx, &source, &id)?;
                if server.is_none() {
                    keep(tx, &source, &id, attributes)?;
                    source.learn(tx, attributes.keys())?;
                    show(tx, &mut source, &id, None)?;
                }
            }
            for id in before {
                let server = server_copy(tx, &source, &id)?;
                show(tx, &mut source, &id, server)?;
            }
            write.touched.insert(source.name);
            Ok(())
        })?;
        let objects = found.keys().map(|wire| self.get(source, wire));
        objects.filter_map(Result::transpose).collect()
    }

    /// Whether there is such a source.
    ///
    /// # Errors
    /// [`StoreError::UnknownSource`]; SQLite's.
    pub fn check_source(&self, source: &str) -> Result<(), StoreError> {
        sources::load(&self.connection, source).map(drop)
    }

    /// Forgets what was found in a source. Changes of it go up all the same.
    ///
    /// # Errors
    /// A source that was not opened; SQLite's.
    pub fn forget_found(&mut self, source: &str) -> Result<(), StoreError> {
        self.write(|write| {
            let mut source = sources::load(&write.tx, source)?;
            forget(&write.tx, &mut source)?;
            write.touched.insert(source.name);
            Ok(())
        })
    }
}

/// Forgets what was found in a source, and takes it from the app's sight.
pub(crate) fn forget(tx: &Connection, source: &mut Source) -> Result<(), StoreError> {
    let before = ids(tx, source)?;
    drop_all(tx, source)?;
    for id in before {
        show(tx, source, &id, None)?;
    }
    source.has_found = false;
    Ok(())
}

/// What was found of an object that the copy has not.
pub(crate) fn found_copy(
    tx: &Connection,
    source: &Source,
    id: &str,
) -> Result<Option<Attributes>, StoreError> {
    if !source.has_found {
        return Ok(None);
    }
    let found: Option<String> = tx
        .prepare_cached("SELECT attributes FROM _found WHERE source = ?1 AND id = ?2")?
        .query_row(params![source.n, id], |row| row.get(0))
        .optional()?;
    Ok(found.as_deref().map(attributes_of))
}

/// Keeps what was found of an object.
pub(crate) fn keep(
    tx: &Connection,
    source: &Source,
    id: &str,
    attributes: &Attributes,
) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR REPLACE INTO _found VALUES (?1, ?2, ?3)")?
        .execute(params![source.n, id, json(attributes)])?;
    Ok(())
}

/// Forgets what was found of an object: the copy knows better.
pub(crate) fn drop_one(tx: &Connection, source: &Source, id: &str) -> Result<(), StoreError> {
    if source.has_found {
        tx.prepare_cached("DELETE FROM _found WHERE source = ?1 AND id = ?2")?
            .execute(params![source.n, id])?;
    }
    Ok(())
}

/// The app's ids of what was found.
pub(crate) fn ids(tx: &Connection, source: &Source) -> Result<Vec<String>, StoreError> {
    if !source.has_found {
        return Ok(Vec::new());
    }
    Ok(tx
        .prepare_cached("SELECT id FROM _found WHERE source = ?1")?
        .query_map([source.n], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

fn drop_all(tx: &Connection, source: &Source) -> Result<(), StoreError> {
    tx.execute("DELETE FROM _found WHERE source = ?1", [source.n])?;
    Ok(())
}
