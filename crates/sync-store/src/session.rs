//! Who the device is to its server.

use std::fmt;

use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::file::{Store, Write};
use crate::keep::empty;
use crate::sources;

/// A device's session, and what is left of it when it has ended. Tokens are as good as the password: `Debug` does not show them.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionState {
    /// The user, as the server calls him.
    pub user: Option<String>,
    /// The device's id at the server.
    pub client: Option<String>,
    /// The token that goes with each request.
    pub access: Option<String>,
    /// When it came and how long it is good, in milliseconds (since 1970).
    pub access_at_ms: u64,
    /// See `access_at_ms`.
    pub access_for_ms: u64,
    /// The token for the next two; none while signed out.
    pub refresh: Option<String>,
    /// What names the attempt to use it, written down before it is sent.
    pub attempt: Option<String>,
}

impl fmt::Debug for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionState")
            .field("user", &self.user)
            .field("client", &self.client)
            .field("is_signed_in", &self.refresh.is_some())
            .finish_non_exhaustive()
    }
}

const SESSION: &str = "session";

/// Stands there until nothing of a former user is in the file any more.
const ERASING: &str = "erasing";

impl Store {
    /// The session.
    ///
    /// # Errors
    /// SQLite's.
    pub fn session(&self) -> Result<SessionState, StoreError> {
        let kept = self.meta(SESSION)?;
        Ok(kept
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    /// Keeps the session.
    ///
    /// # Errors
    /// SQLite's.
    pub fn set_session(&mut self, session: &SessionState) -> Result<(), StoreError> {
        self.write(|write| write.set_meta(SESSION, &text(session)))
    }

    /// Keeps the session of another user or device, and throws away all that is there: nothing of it can be read from the file
    /// afterwards.
    ///
    /// # Errors
    /// SQLite's.
    pub fn erase_for(&mut self, session: &SessionState) -> Result<(), StoreError> {
        self.write(|write| {
            write.set_meta(SESSION, &text(session))?;
            write.set_meta(ERASING, "")?;
            write
                .tx
                .execute_batch("DELETE FROM _change; DELETE FROM _alias; DELETE FROM _reference; DELETE FROM _settled; DELETE FROM _parameters; DELETE FROM _found; DELETE FROM _file; DELETE FROM _file_part")?;
            for mut source in sources::all(&write.tx)? {
                (source.has_open, source.has_found) = (false, false);
                empty(&write.tx, &mut source)?;
                (source.cursor, source.schema, source.metadata) = (None, None, None);
                source.error = None;
                source.save(&write.tx)?;
                write.touched.insert(source.name);
            }
            Ok(())
        })?;
        self.finish_erasing()
    }

    /// Keeps the session of the same user at a server that does not know the device any more: the copies begin anew. What was
    /// never sent is sent; of what was sent nobody knows what became of it, which is for the app to decide.
    ///
    /// # Errors
    /// SQLite's.
    pub fn begin_anew_as(&mut self, session: &SessionState) -> Result<(), StoreError> {
        self.write(|write| {
            write.set_meta(SESSION, &text(session))?;
            write.tx.execute_batch(
                "UPDATE _change SET state = 3, code = 'unknown_client', reason = 'the server does not know this device any more, and whether this was done' WHERE state IN (1, 2);
                 UPDATE _change SET base = NULL;
                 DELETE FROM _settled",
            )?;
            for mut source in sources::all(&write.tx)? {
                empty(&write.tx, &mut source)?;
                source.cursor = None;
                source.save(&write.tx)?;
                write.touched.insert(source.name);
            }
            Ok(())
        })
    }

    /// Deleted rows stay in a file until it is written anew, and in the log until that is emptied. What other processes read now is
    /// emptied when the file is opened next.
    pub(crate) fn finish_erasing(&mut self) -> Result<(), StoreError> {
        if self.meta(ERASING)?.is_none() {
            return Ok(());
        }
        self.rebuild_search()?;
        self.connection.execute_batch("VACUUM")?;
        if !self.empty_log()? {
            return Ok(());
        }
        // Only now: the log had the rows until it was emptied.
        self.write(|write| {
            write
                .tx
                .execute("DELETE FROM _meta WHERE key = ?1", [ERASING])?;
            Ok(())
        })
    }

    /// Empties SQLite's log. `false` if others read it.
    pub(crate) fn empty_log(&self) -> Result<bool, StoreError> {
        // A SQLite that was built without a log has nothing to say.
        let is_read_by_others: Option<bool> = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .optional()?;
        Ok(is_read_by_others != Some(true))
    }

    /// Full-text search keeps what was deleted until its parts are merged.
    fn rebuild_search(&mut self) -> Result<(), StoreError> {
        self.write(|write| {
            for source in sources::all(&write.tx)? {
                let search = sources::search_table(source.n);
                if write.tx.table_exists(None, search.as_str())? {
                    write.tx.execute_batch(&format!(
                        "INSERT INTO {search} ({search}) VALUES ('delete-all')"
                    ))?;
                }
            }
            Ok(())
        })
    }

    /// Something there is one of.
    ///
    /// # Errors
    /// SQLite's.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT value FROM _meta WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?)
    }
}

impl Write<'_> {
    fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO _meta (key, value) VALUES (?1, ?2)")?
            .execute(params![key, value])?;
        Ok(())
    }
}

fn text(session: &SessionState) -> String {
    serde_json::to_string(session).unwrap_or_default()
}
