//! A copy is compared with the server's, and mended.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use sync_device::{Attributes, BUCKETS, Sum, attributes_of, bucket, object_hash};

use crate::error::StoreError;
use crate::file::Store;
use crate::objects::{app_id, put, text, wire_id};
use crate::sources::{self, Source};

impl Store {
    /// The cursor of a source, and the sums of the 256 parts of its copy, by what really is in the file. `None` for a source that
    /// was never synced.
    ///
    /// # Errors
    /// SQLite's.
    pub fn sums(&self, source: &str) -> Result<Option<(String, Vec<String>)>, StoreError> {
        let source = sources::load(&self.connection, source)?;
        let Some(cursor) = source.cursor.clone() else {
            return Ok(None);
        };
        let mut sums = vec![Sum::default(); BUCKETS];
        each(&self.connection, &source, |wire, _, server| {
            if let Some(sum) = sums.get_mut(usize::from(bucket(wire))) {
                *sum = sum.plus(object_hash(wire, server));
            }
        })?;
        Ok(Some((cursor, sums.iter().map(Sum::to_string).collect())))
    }

    /// Counts a copy anew, by what really is in the file, and says whether that is other than what was kept.
    ///
    /// # Errors
    /// SQLite's.
    pub fn count(&mut self, source: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.write(|write| {
            let mut source = sources::load(&write.tx, source)?;
            let before = (source.count, source.sum);
            recount(&write.tx, &mut source)?;
            source.save(&write.tx)?;
            write.tx.execute(
                "UPDATE _source SET counted_at = ?2 WHERE n = ?1",
                params![source.n, now_ms.cast_signed()],
            )?;
            Ok(before != (source.count, source.sum))
        })
    }

    /// The sources that were not counted since `before_ms`, in milliseconds since 1970.
    ///
    /// # Errors
    /// SQLite's.
    pub fn uncounted_since(&self, before_ms: u64) -> Result<Vec<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT name FROM _source WHERE is_wanted AND cursor IS NOT NULL AND counted_at < ?1",
            )?
            .query_map([before_ms.cast_signed()], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// Makes a part of a copy be what the server has: objects that are not in `hashes` go, and the others are as in `objects`.
    /// Says how many were mended.
    ///
    /// # Errors
    /// SQLite's.
    pub fn mend(
        &mut self,
        source: &str,
        part: u8,
        hashes: &BTreeMap<String, String>,
        objects: &BTreeMap<String, Attributes>,
    ) -> Result<u64, StoreError> {
        self.write(|write| {
            let tx = &write.tx;
            let mut source = sources::load(tx, source)?;
            let mut extra = Vec::new();
            let mut had = BTreeMap::new();
            each(tx, &source, |wire, id, server| {
                if bucket(wire) != part {
                    return;
                }
                match hashes.contains_key(wire) {
                    true => {
                        had.insert(wire.to_owned(), server.clone());
                    }
                    false => extra.push(id.to_owned()),
                }
            })?;
            let mut mended = extra.len() as u64;
            for id in extra {
                put(tx, &mut source, &id, None)?;
            }
            for (wire, object) in objects {
                if had.get(wire) != Some(object) {
                    let id = app_id(tx, &source, wire)?;
                    put(tx, &mut source, &id, Some(object.clone()))?;
                    mended += 1;
                }
            }
            recount(tx, &mut source)?;
            source.save(tx)?;
            write.touched.insert(source.name);
            Ok(mended)
        })
    }
}

fn recount(tx: &Connection, source: &mut Source) -> Result<(), StoreError> {
    let (mut count, mut sum) = (0, Sum::default());
    each(tx, source, |wire, _, server| {
        count += 1;
        sum = sum.plus(object_hash(wire, server));
    })?;
    (source.count, source.sum) = (count, sum);
    Ok(())
}

/// Goes over what the server has of a source: the id on the wire, the app's, and the attributes.
fn each(
    tx: &Connection,
    source: &Source,
    mut take: impl FnMut(&str, &str, &Attributes),
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT id, CASE WHEN is_own THEN server ELSE shown END FROM {} WHERE NOT is_own OR server IS NOT NULL",
        source.table()
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let server = text(row, 1)?;
        let wire = wire_id(tx, source, &id)?.0;
        take(&wire, &id, &attributes_of(&server.unwrap_or_default()));
    }
    Ok(())
}
