//! One sync at a time for a file, over processes too.

use rusqlite::{Connection, ErrorCode};

use crate::error::StoreError;
use crate::file::{Store, connect};

/// The right to sync a file. It ends when this is dropped, or its process ends.
///
/// It is SQLite's own lock of a file beside the database that never has anything in it: the system gives it back whatever happens
/// to the process, and it works wherever SQLite does.
#[derive(Debug)]
pub struct SyncLock {
    #[expect(dead_code, reason = "its open transaction is the lock")]
    connection: Option<Connection>,
}

impl Store {
    /// Takes the right to sync; `None` if somebody else has it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn lock_sync(&self) -> Result<Option<SyncLock>, StoreError> {
        if self.path.is_empty() || self.path == ":memory:" {
            return Ok(Some(SyncLock { connection: None }));
        }
        let connection = connect(&format!("{}-sync", self.path), self.vfs.as_deref())?;
        connection.busy_timeout(std::time::Duration::ZERO)?;
        match connection.execute_batch("BEGIN EXCLUSIVE") {
            Ok(()) => Ok(Some(SyncLock {
                connection: Some(connection),
            })),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
