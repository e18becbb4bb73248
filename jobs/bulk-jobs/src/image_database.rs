//! The SQLite file that is an image: what a device has that has taken in all lines of a sync.

use rusqlite::{Connection, params};
use sync_proto::sync::SourceNews;

use crate::pages;

const TABLES: &str = include_str!("image_database.sql");

/// What tells the file from others: "RhoI".
const APPLICATION_ID: i32 = 0x5268_6f49;

/// Which tables it has. It changes when devices of before could not read the file any more.
const TABLES_VERSION: i32 = 1;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// An object could not be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// An image, in memory.
pub struct ImageDatabase {
    connection: Connection,
}

impl ImageDatabase {
    /// An image in which there is nothing yet.
    ///
    /// # Errors
    /// SQLite's.
    pub fn new() -> Result<Self, ImageError> {
        let connection = Connection::open_in_memory()?;
        // Nobody reads it before it is whole, and nobody keeps it when it is not.
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", TABLES_VERSION)?;
        connection.execute_batch(TABLES)?;
        // One transaction for all of it: without a journal it costs nothing.
        connection.execute_batch("BEGIN")?;
        Ok(Self { connection })
    }

    /// Takes a line in.
    ///
    /// # Errors
    /// SQLite's.
    pub fn take(&self, line: &SourceNews) -> Result<(), ImageError> {
        let SourceNews {
            source,
            schema,
            metadata,
            objects,
            unset: _,
            deleted,
            cursor: _,
            more: _,
            check: _,
            error: _,
        } = line;
        let is_described = "SELECT EXISTS (SELECT 1 FROM source)";
        let is_described: bool = {
            let mut statement = self.connection.prepare_cached(is_described)?;
            statement.query_row([], |row| row.get(0))?
        };
        if !is_described {
            let schema = schema.as_ref().map(|schema| schema.get());
            let insert = "INSERT INTO source (name, metadata, schema) VALUES (?1, ?2, ?3)";
            self.connection
                .execute(insert, params![source, metadata, schema])?;
        }
        let delete = "DELETE FROM object WHERE id = ?1";
        let mut delete = self.connection.prepare_cached(delete)?;
        for id in deleted {
            delete.execute([id])?;
        }
        let insert = "INSERT OR REPLACE INTO object (id, attributes) VALUES (?1, ?2)";
        let mut insert = self.connection.prepare_cached(insert)?;
        for (id, attributes) in objects {
            insert.execute(params![id, serde_json::to_string(attributes)?])?;
        }
        Ok(())
    }

    /// Nothing more comes: the file can be read. Says how many pages it has.
    ///
    /// # Errors
    /// SQLite's.
    pub fn finish(&self) -> Result<u32, ImageError> {
        self.connection.execute_batch("COMMIT")?;
        Ok(pages::count(&self.connection)?)
    }

    /// Reads a page of the file; the first is 1.
    ///
    /// # Errors
    /// SQLite's.
    pub fn read_page<T>(
        &self,
        number: u32,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ImageError> {
        Ok(pages::read(&self.connection, number, read)?)
    }
}
