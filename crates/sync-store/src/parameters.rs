//! What the app narrows sources down by.
//!
//! What became of a change, the server knows in the copy that the device followed when it sent the change. So a source goes over to
//! other parameters when each of its changes that were sent has its verdict, and not before.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, params};
use sync_proto::sync::SourceParameters;

use crate::error::StoreError;
use crate::file::Store;
use crate::sources;

/// Most parameters of a source, and most bytes of their names and values, as the server takes them.
const MOST: (usize, usize) = (100, 8 * 1024);

const WHOLE: &str = "{}";

/// Sources that can go over to what the app wants now.
const READY: &str =
    "wanted <> stated AND source NOT IN (SELECT source FROM _change WHERE state IN (1, 2))";

impl Store {
    /// Narrows a source down, by parameters for its back end; none for the whole source. The next sync brings that part. Says
    /// whether they are others than before.
    ///
    /// # Errors
    /// A source that was not opened, more than servers take, and SQLite's.
    pub fn set_parameters(
        &mut self,
        source: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<bool, StoreError> {
        let (most, most_bytes) = MOST;
        let lengths = parameters
            .iter()
            .map(|(name, value)| name.len() + value.len());
        if parameters.len() > most || lengths.sum::<usize>() > most_bytes {
            return Err(StoreError::TooManyParameters { most, most_bytes });
        }
        let wanted = serde_json::to_string(parameters).unwrap_or_default();
        self.write(|write| {
            let n = sources::load(&write.tx, source)?.n;
            let before: Option<String> = write
                .tx
                .query_row(
                    "SELECT wanted FROM _parameters WHERE source = ?1",
                    [n],
                    |row| row.get(0),
                )
                .optional()?;
            write.tx.execute(
                "INSERT INTO _parameters VALUES (?1, ?2, ?3) ON CONFLICT (source) DO UPDATE SET wanted = ?2",
                params![n, wanted, WHOLE],
            )?;
            Ok(before.as_deref().unwrap_or(WHOLE) != wanted)
        })
    }

    /// What the server was told last that sources are narrowed down by. It stands for what the device has.
    ///
    /// # Errors
    /// SQLite's.
    pub fn stated_parameters(&self) -> Result<SourceParameters, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, stated FROM _parameters JOIN _source ON n = source WHERE stated <> ?1",
        )?;
        let rows = statement.query_map([WHOLE], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let stated = rows.map(|row| {
            let (name, stated): (String, String) = row?;
            Ok((name, serde_json::from_str(&stated).unwrap_or_default()))
        });
        stated.collect()
    }

    /// Goes over to what the app wants, where that can be.
    pub(crate) fn go_over_to_parameters(&mut self) -> Result<(), StoreError> {
        let is_ready: bool = self
            .connection
            .prepare_cached(&format!(
                "SELECT EXISTS (SELECT 1 FROM _parameters WHERE {READY})"
            ))?
            .query_row([], |row| row.get(0))?;
        if !is_ready {
            return Ok(());
        }
        self.write(|write| {
            let go_over = format!("UPDATE _parameters SET stated = wanted WHERE {READY}");
            write.tx.execute(&go_over, [])?;
            Ok(())
        })
    }
}
