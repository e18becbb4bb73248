//! The file itself: opened, made, brought up to date.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::error::StoreError;
use crate::key::Key;
use crate::query::Guard;
use crate::sources::{self, SourceSpec};

/// The layout of the file that this version writes.
const VERSION: u32 = 6;

/// How long a write waits for another process.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a file is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The sources that the app wants.
    pub sources: Vec<SourceSpec>,
    /// The virtual file system of SQLite, where it is not the usual one.
    pub vfs: Option<String>,
    /// What the file is encrypted by. A file without a key is not.
    pub key: Option<Key>,
}

/// A device's file.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) path: String,
    pub(crate) vfs: Option<String>,
    pub(crate) guard: Guard,
    touched: BTreeSet<String>,
    has_key: bool,
}

/// A write that is under way.
pub(crate) struct Write<'a> {
    pub(crate) tx: Transaction<'a>,
    /// Sources of which the app may see something else after it.
    pub(crate) touched: BTreeSet<String>,
}

impl Store {
    /// Opens a file, or makes it.
    ///
    /// # Errors
    /// SQLite's, a file that a newer version has written, and one that cannot be read by the key. What cannot be read is left as it is.
    pub fn open(path: &str, options: &OpenOptions) -> Result<Self, StoreError> {
        // SQLite makes a file when it is opened.
        options.key.as_ref().map_or(Ok(()), Key::check)?;
        let mut connection = connect(path, options.vfs.as_deref())?;
        let guard = Guard::default();
        guard.watch(&mut connection)?;
        connection.busy_timeout(PATIENCE)?;
        if let Some(key) = &options.key {
            key.unlock(&connection)?;
        }
        first_read(&connection, options.key.is_some())?;
        // `full` would not sync the folder when a rollback journal is deleted. If the power goes then, the journal may come back, and
        // undoes what was promised. One is there when a file is made, so this comes first.
        connection.pragma_update(None, "synchronous", "extra")?;
        // A system without shared memory has no WAL: SQLite goes on with its own journal, and is as safe.
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.set_prepared_statement_cache_capacity(64);
        let mut store = Self {
            connection,
            path: path.to_owned(),
            vfs: options.vfs.clone(),
            guard,
            touched: BTreeSet::new(),
            has_key: options.key.is_some(),
        };
        store.write(|write| {
            migrate(&write.tx)?;
            sources::want(&write.tx, &options.sources)
        })?;
        store.finish_erasing()?;
        store.touched.clear();
        Ok(store)
    }

    /// Encrypts the file by another key. Nobody else may have it open.
    ///
    /// # Errors
    /// [`StoreError::NotEncrypted`] for a file that was opened without a key, and SQLite's. The old key stands then.
    pub fn change_key(&mut self, key: &Key) -> Result<(), StoreError> {
        if !self.has_key {
            return Err(StoreError::NotEncrypted);
        }
        key.replace(&self.connection)?;
        // What the log has by the old key goes.
        self.empty_log().map(drop)
    }

    /// The sources of which the app may see something else than when this was asked before.
    pub fn take_touched(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.touched)
    }

    /// One transaction: all of it is on disk when this returns, or nothing is.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Write<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut write = Write {
            tx,
            touched: BTreeSet::new(),
        };
        let done = work(&mut write)?;
        let Write { tx, touched } = write;
        tx.commit()?;
        self.touched.extend(touched);
        Ok(done)
    }
}

/// A connection to a file.
pub(crate) fn connect(path: &str, vfs: Option<&str>) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
        None => Connection::open_with_flags(path, flags)?,
    })
}

/// The first read of a file says whether it can be read. Nothing has been written until then.
fn first_read(connection: &Connection, has_key: bool) -> Result<(), StoreError> {
    let read = connection.pragma_query_value(None, "schema_version", |_| Ok(()));
    read.map_err(|error| match (error.sqlite_error_code(), has_key) {
        (Some(ErrorCode::NotADatabase), true) => StoreError::WrongKey,
        (Some(ErrorCode::NotADatabase), false) => StoreError::Unreadable,
        _ => error.into(),
    })
}

fn migrate(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let version: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // What each version has more than the one before.
    const LAYOUTS: [&str; VERSION as usize] = [
        include_str!("layout.sql"),
        include_str!("images.sql"),
        include_str!("files.sql"),
        include_str!("settled.sql"),
        include_str!("parameters.sql"),
        include_str!("found.sql"),
    ];
    if version == VERSION {
        return Ok(());
    }
    let Some(missing) = LAYOUTS.get(version as usize..) else {
        return Err(StoreError::Newer { version });
    };
    for layout in missing {
        tx.execute_batch(layout)?;
    }
    tx.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}
