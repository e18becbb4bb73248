//! The SQLite file that a device uses in place of its own.

use std::collections::BTreeMap;

use rusqlite::{Connection, params, params_from_iter};
use sync_core::{Attributes, BulkCopy, BulkObjects, BulkSource, ObjectId};

use crate::pages;
use crate::schema::Schema;

const TABLES: &str = include_str!("device_database.sql");

/// The indexes that the device engine has. They are made when the rows are there, which is several times faster.
const INDEXES: [&str; 3] = [
    r#"CREATE INDEX by_src_id on object_values ("source_id")"#,
    r#"CREATE UNIQUE INDEX by_src_object ON object_values ("object", "attrib", "source_id")"#,
    r#"CREATE INDEX by_src_value ON object_values ("attrib", "source_id", "value")"#,
];

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A source's schema cannot be read.
    #[error("the schema of {source_name}: {reason}")]
    Schema {
        /// Which source's.
        source_name: String,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
    /// The objects of a source cannot be stored as its schema says, or the schema is no good.
    #[error("{source_name}: {reason}")]
    Source {
        /// Which source's.
        source_name: String,
        /// What SQLite says.
        reason: rusqlite::Error,
    },
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// A device's database, in memory.
pub struct DeviceDatabase {
    connection: Connection,
    sources: Vec<Table>,
    has_indexes: bool,
}

/// A source in the database.
struct Table {
    name: String,
    /// The source's number in the database.
    number: i64,
    /// How its objects are stored, if not as attributes.
    fixed: Option<Fixed>,
    /// How many objects have an attribute.
    counts: BTreeMap<String, i64>,
    /// How many objects there are.
    objects: i64,
}

/// A source whose objects are stored as its schema says, in a table of its own.
struct Fixed {
    schema: Schema,
    insert: String,
    delete: String,
}

impl Fixed {
    fn new(schema: Schema, table: &str) -> Self {
        Self {
            insert: schema.insert(table),
            delete: schema.delete(table),
            schema,
        }
    }
}

impl Table {
    fn error(&self, reason: rusqlite::Error) -> DatabaseError {
        DatabaseError::Source {
            source_name: self.name.clone(),
            reason,
        }
    }
}

impl DeviceDatabase {
    /// A database of these sources, in which there are no objects yet.
    ///
    /// # Errors
    /// A schema that is no good, and SQLite's.
    pub fn new(sources: &[BulkSource]) -> Result<Self, DatabaseError> {
        let connection = Connection::open_in_memory()?;
        // Nobody reads it before it is whole, and nobody keeps it when it is not.
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.execute_batch(TABLES)?;
        let mut tables = Vec::with_capacity(sources.len());
        for (source, number) in sources.iter().zip(1..) {
            let schema = source.copy.as_ref().and_then(|copy| copy.schema.as_deref());
            let schema = schema.map(Schema::parse).transpose();
            let schema = schema.map_err(|reason| DatabaseError::Schema {
                source_name: source.name.to_string(),
                reason,
            })?;
            let table = Table {
                name: source.name.as_str().to_owned(),
                number,
                fixed: schema.map(|schema| Fixed::new(schema, source.name.as_str())),
                counts: BTreeMap::new(),
                objects: 0,
            };
            if let Some(fixed) = &table.fixed {
                let create = fixed.schema.create_table(&table.name);
                connection
                    .execute(&create, [])
                    .map_err(|reason| table.error(reason))?;
            }
            tables.push(table);
        }
        // One transaction for all of it: without a journal it costs nothing.
        connection.execute_batch("BEGIN")?;
        Ok(Self {
            connection,
            sources: tables,
            has_indexes: false,
        })
    }

    /// Takes objects of a source (by its place among the sources) in. Once the indexes are made, they take the places of
    /// those of the same id.
    ///
    /// # Errors
    /// SQLite's.
    pub fn put(&mut self, source: usize, objects: &BulkObjects) -> Result<(), DatabaseError> {
        let Self {
            connection,
            sources,
            has_indexes,
        } = self;
        let Some(table) = sources.get_mut(source) else {
            return Ok(());
        };
        for (id, attributes) in objects {
            if *has_indexes {
                remove(connection, table, id).map_err(|reason| table.error(reason))?;
            }
            if let Some(attributes) = attributes {
                insert(connection, table, id, attributes).map_err(|reason| table.error(reason))?;
            }
        }
        Ok(())
    }

    /// The statements that make the indexes, to be [run](Self::index) one after another: each takes its time.
    pub fn index_statements(&self) -> Vec<String> {
        let of_schemas = self.sources.iter().filter_map(|table| {
            let fixed = table.fixed.as_ref()?;
            Some(fixed.schema.create_indexes(&table.name))
        });
        let mut all: Vec<_> = INDEXES.map(str::to_owned).into();
        all.extend(of_schemas.flatten());
        all
    }

    /// Makes an index.
    ///
    /// # Errors
    /// SQLite's: a unique index of a schema that does not hold, for instance.
    pub fn index(&mut self, statement: &str) -> Result<(), DatabaseError> {
        self.connection.execute(statement, [])?;
        self.has_indexes = true;
        Ok(())
    }

    /// Says what the sources are: the last that is to be done.
    ///
    /// # Errors
    /// SQLite's.
    pub fn finish(&mut self, sources: &[BulkSource]) -> Result<(), DatabaseError> {
        let mut insert = self.connection.prepare(
            "INSERT INTO sources (source_id, name, sync_priority, partition, sync_type, source_attribs, metadata, schema,
             blob_attribs, associations, last_inserted_size, backend_refresh_time) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        )?;
        for (source, table) in sources.iter().zip(&self.sources) {
            let BulkSource {
                name,
                partition,
                priority,
                has_many,
                copy,
            } = source;
            let counts = table.counts.iter().filter(|(_, count)| **count > 0);
            let counts: Vec<_> = counts
                .map(|(name, count)| format!("{name},{count}"))
                .collect();
            let has_many: Vec<_> = has_many
                .iter()
                .map(|(source, attribute)| format!("{source},{attribute}"))
                .collect();
            let sync_type = if copy.is_some() {
                "incremental"
            } else {
                "none"
            };
            let (metadata, schema, refreshed_at) = match copy {
                Some(BulkCopy {
                    metadata,
                    schema,
                    refreshed_at,
                    objects: _,
                }) => (metadata.as_deref(), schema.as_deref(), *refreshed_at),
                None => (None, None, None),
            };
            let seconds = refreshed_at.and_then(|at| i64::try_from(at.0 / 1_000).ok());
            let fixed = table.fixed.as_ref();
            let blobs = fixed.map(|fixed| fixed.schema.blob_attributes());
            insert.execute(params![
                table.number,
                name.as_str(),
                priority,
                partition.as_str(),
                sync_type,
                counts.join(","),
                metadata,
                schema,
                blobs.unwrap_or_default(),
                has_many.join(","),
                table.objects,
                seconds.unwrap_or(0),
            ])?;
        }
        drop(insert);
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }

    /// How many pages the file has.
    ///
    /// # Errors
    /// SQLite's.
    pub fn pages(&self) -> Result<u32, DatabaseError> {
        Ok(pages::count(&self.connection)?)
    }

    /// Reads a page of the file, as it would be on a disk; the first is 1.
    ///
    /// # Errors
    /// SQLite's.
    pub fn read_page<T>(
        &self,
        number: u32,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, DatabaseError> {
        Ok(pages::read(&self.connection, number, read)?)
    }
}

fn insert(
    connection: &Connection,
    table: &mut Table,
    id: &ObjectId,
    attributes: &Attributes,
) -> rusqlite::Result<()> {
    table.objects += 1;
    if let Some(Fixed { schema, insert, .. }) = &table.fixed {
        let mut insert = connection.prepare_cached(insert)?;
        let values = schema
            .columns()
            .map(|column| attributes.get(column).map(String::as_str));
        insert.execute(params_from_iter(
            [Some(id.as_str())].into_iter().chain(values),
        ))?;
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO object_values (source_id, attrib, object, value) VALUES (?,?,?,?)",
    )?;
    for (name, value) in attributes {
        insert.execute(params![table.number, name, id.as_str(), value])?;
        match table.counts.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                table.counts.insert(name.clone(), 1);
            }
        }
    }
    Ok(())
}

fn remove(connection: &Connection, table: &mut Table, id: &ObjectId) -> rusqlite::Result<()> {
    if let Some(Fixed { delete, .. }) = &table.fixed {
        let removed = connection.prepare_cached(delete)?.execute([id.as_str()])?;
        table.objects -= i64::try_from(removed).unwrap_or(0);
        return Ok(());
    }
    let mut names = connection
        .prepare_cached("SELECT attrib FROM object_values WHERE object = ? AND source_id = ?")?;
    let names = names.query_map(params![id.as_str(), table.number], |row| {
        row.get::<_, String>(0)
    })?;
    let mut was_there = false;
    for name in names {
        was_there = true;
        if let Some(count) = table.counts.get_mut(&name?) {
            *count -= 1;
        }
    }
    if was_there {
        table.objects -= 1;
        connection
            .prepare_cached("DELETE FROM object_values WHERE object = ? AND source_id = ?")?
            .execute(params![id.as_str(), table.number])?;
    }
    Ok(())
}
