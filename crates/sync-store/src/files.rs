//! Files that objects refer to: those that wait to go up, and those that are kept here.
//!
//! What was made here is kept until the server has it, whatever there is room for. All else can be had again: it makes room, what was not
//! used for longest first.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use sync_device::{Verdict, VerdictStatus, attributes_of, files_of};

use crate::error::StoreError;
use crate::file::{Store, Write};
use crate::settle::Told;

/// Bytes of a part of a file that was made here.
const FILE_PART: usize = 256 * 1024;

/// How long a file is kept that no change refers to and that never went up, in milliseconds: its change may be about to be made.
const ORPHAN_MS: u64 = 24 * 60 * 60 * 1_000;

/// How exactly it is known when a file was used last, in milliseconds: each note is a write.
const USED_WITHIN_MS: u64 = 60 * 60 * 1_000;

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[repr(i64)]
#[serde(rename_all = "camelCase")]
pub enum FileState {
    /// It is here, and goes up before the change that refers to it.
    Queued = 0,
    /// It is here, and the server has it.
    Here = 1,
    /// It comes with the next sync.
    Wanted = 2,
    /// The server has none, or none for this user.
    Missing = 3,
    /// There is no room for it.
    NoRoom = 4,
}

/// A file that is known here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStatus {
    /// How far it is.
    pub state: FileState,
    /// Its media type, once it is known.
    pub content_type: String,
    /// Bytes that are here.
    pub bytes: u64,
    /// Of one that goes up, bytes that the server has.
    pub sent: u64,
}

impl Store {
    /// Keeps a file that was made here, so that changes may refer to it. Answers its digest. Others make room for it, so that all
    /// together have at most `quota` bytes.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`]; SQLite's.
    pub fn add_file(
        &mut self,
        content: &[u8],
        content_type: &str,
        quota: u64,
        now_ms: u64,
    ) -> Result<String, StoreError> {
        let sha256 = base16ct::lower::encode_string(&Sha256::digest(content));
        self.write(|write| {
            let tx = &write.tx;
            let is_here = status(tx, &sha256)?.is_some_and(|known| is_here(known.state));
            if is_here {
                touch(tx, &sha256, now_ms)?;
                return Ok(());
            }
            remove(tx, &sha256)?;
            let bytes = content.len() as u64;
            if !make_room(tx, bytes, quota)? {
                return Err(StoreError::NoRoom { bytes, quota });
            }
            tx.execute(
                "INSERT INTO _file (sha256, type, bytes, state, used_at) VALUES (?1, ?2, ?3, 0, ?4)",
                params![sha256, content_type, bytes.cast_signed(), now_ms.cast_signed()],
            )?;
            for (number, part) in content.chunks(FILE_PART).enumerate() {
                insert_part(tx, &sha256, (number * FILE_PART) as u64, part)?;
            }
            Ok(())
        })?;
        Ok(sha256)
    }

    /// How far a file is; `None` if it is not known here.
    ///
    /// # Errors
    /// SQLite's.
    pub fn file(&self, sha256: &str) -> Result<Option<FileStatus>, StoreError> {
        status(&self.connection, sha256)
    }

    /// A file's content; `None` if it is not here.
    ///
    /// # Errors
    /// SQLite's.
    pub fn read_file(&mut self, sha256: &str, now_ms: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let known = self.file(sha256)?;
        let Some(known) = known.filter(|known| is_here(known.state)) else {
            return Ok(None);
        };
        let length = usize::try_from(known.bytes).unwrap_or(usize::MAX);
        let content = self.read_file_from(sha256, 0, length)?;
        let used_at: i64 = self.connection.query_row(
            "SELECT used_at FROM _file WHERE sha256 = ?1",
            [sha256],
            |row| row.get(0),
        )?;
        if now_ms.abs_diff(used_at.cast_unsigned()) >= USED_WITHIN_MS {
            self.write(|write| touch(&write.tx, sha256, now_ms))?;
        }
        Ok(Some(content))
    }

    /// Up to so many bytes of what is here of a file, from a place on.
    ///
    /// # Errors
    /// SQLite's.
    pub fn read_file_from(
        &self,
        sha256: &str,
        from: u64,
        length: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT at, content FROM _file_part WHERE sha256 = ?1 AND at >=
               (SELECT max(at) FROM _file_part WHERE sha256 = ?1 AND at <= ?2) ORDER BY at",
        )?;
        let mut rows = statement.query(params![sha256, from.cast_signed()])?;
        let mut content = Vec::new();
        while content.len() < length
            && let Some(row) = rows.next()?
        {
            let at: i64 = row.get(0)?;
            let part: Vec<u8> = row.get(1)?;
            let skip = from.saturating_sub(at.cast_unsigned());
            let skip = usize::try_from(skip).unwrap_or(usize::MAX);
            let part = part.get(skip..).unwrap_or_default();
            let wanted = part.len().min(length - content.len());
            content.extend_from_slice(part.get(..wanted).unwrap_or_default());
        }
        Ok(content)
    }

    /// Has a file come with the next sync, unless it is here.
    ///
    /// # Errors
    /// SQLite's.
    pub fn want_file(&mut self, sha256: &str, now_ms: u64) -> Result<(), StoreError> {
        self.write(|write| {
            write.tx.execute(
                "INSERT INTO _file (sha256, type, bytes, state, used_at) VALUES (?1, '', 0, 2, ?2)
                 ON CONFLICT (sha256) DO UPDATE SET state = 2 WHERE state > 2",
                params![sha256, now_ms.cast_signed()],
            )?;
            Ok(())
        })
    }

    /// How many files there are in each state, and their bytes here: for people.
    ///
    /// # Errors
    /// SQLite's.
    pub fn file_counts(&self) -> Result<Vec<(i64, u64, u64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT state, count(*), sum(bytes) FROM _file GROUP BY state ORDER BY state",
        )?;
        let rows = statement.query_map([], |row| {
            let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            Ok((row.get(0)?, number(1)?, number(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The files that wait to come down.
    ///
    /// # Errors
    /// SQLite's.
    pub fn wanted_files(&self) -> Result<Vec<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT sha256 FROM _file WHERE state = 2 ORDER BY used_at")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// The files that have to go up before changes that were never sent.
    ///
    /// # Errors
    /// SQLite's.
    pub fn files_to_send(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut files = referred(&self.connection, "state = 0")?;
        let mut result = BTreeSet::new();
        while let Some(file) = files.pop_first() {
            if is_queued(&self.connection, &file)? {
                result.insert(file);
            }
        }
        Ok(result)
    }

    /// Notes how many bytes of a file the server has. When it has all, changes may go that refer to it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn note_sent(&mut self, sha256: &str, sent: u64) -> Result<(), StoreError> {
        self.write(|write| {
            write.tx.execute(
                "UPDATE _file SET sent = ?2, state = (?2 < bytes) = 0 WHERE sha256 = ?1 AND state = 0",
                params![sha256, sent.cast_signed()],
            )?;
            Ok(())
        })
    }

    /// The server does not take a file: the changes that refer to it fail.
    ///
    /// # Errors
    /// SQLite's.
    pub fn refuse_file(
        &mut self,
        sha256: &str,
        code: &str,
        reason: &str,
    ) -> Result<Vec<Told>, StoreError> {
        self.write(|write| {
            write
                .tx
                .execute("UPDATE _file SET sent = 0 WHERE sha256 = ?1", [sha256])?;
            let mut told = Vec::new();
            for id in changes_with(&write.tx, sha256)? {
                write
                    .tx
                    .execute("UPDATE _change SET state = 1 WHERE id = ?1", [&id])?;
                let verdict = Verdict {
                    id,
                    status: VerdictStatus::Refused,
                    object: None,
                    code: Some(code.to_owned()),
                    message: Some(reason.to_owned()),
                    kept: Vec::new(),
                    current: None,
                };
                told.extend(write.settle(&verdict)?);
            }
            Ok(told)
        })
    }

    /// Keeps a part of a file that comes down. One at the begin takes the place of what is there; any other follows what is there, or is
    /// none. Says whether there was room.
    ///
    /// # Errors
    /// SQLite's.
    pub fn keep_file_part(
        &mut self,
        sha256: &str,
        at: u64,
        content: &[u8],
        quota: u64,
    ) -> Result<bool, StoreError> {
        self.write(|write| {
            let tx = &write.tx;
            let known = status(tx, sha256)?;
            let Some(known) = known.filter(|known| known.state == FileState::Wanted) else {
                return Ok(true);
            };
            if at > 0 && at != known.bytes {
                return Ok(true);
            }
            if at == 0 {
                tx.execute("DELETE FROM _file_part WHERE sha256 = ?1", [sha256])?;
                tx.execute("UPDATE _file SET bytes = 0 WHERE sha256 = ?1", [sha256])?;
            }
            let bytes = content.len() as u64;
            if !make_room(tx, bytes, quota)? {
                give_up(tx, sha256, FileState::NoRoom)?;
                return Ok(false);
            }
            insert_part(tx, sha256, at, content)?;
            tx.execute(
                "UPDATE _file SET bytes = ?2 WHERE sha256 = ?1",
                params![sha256, (at + bytes).cast_signed()],
            )?;
            Ok(true)
        })
    }

    /// Whether what has come of a file is all of it, and right. If it is, the file is here.
    ///
    /// # Errors
    /// SQLite's.
    pub fn end_file(&mut self, sha256: &str, now_ms: u64) -> Result<bool, StoreError> {
        let mut digest = Sha256::new();
        let mut at = 0;
        loop {
            let part = self.read_file_from(sha256, at, FILE_PART)?;
            if part.is_empty() {
                break;
            }
            at += part.len() as u64;
            digest.update(&part);
        }
        if base16ct::lower::encode_string(&digest.finalize()) != sha256 {
            return Ok(false);
        }
        self.write(|write| {
            write.tx.execute(
                "UPDATE _file SET state = 1, used_at = ?2 WHERE sha256 = ?1 AND state = 2",
                params![sha256, now_ms.cast_signed()],
            )?;
            Ok(true)
        })
    }

    /// A file that is wanted cannot be had.
    ///
    /// # Errors
    /// SQLite's.
    pub fn miss_file(&mut self, sha256: &str) -> Result<(), StoreError> {
        self.write(|write| give_up(&write.tx, sha256, FileState::Missing))
    }

    /// Removes files that were made here for changes which are not there any more.
    ///
    /// # Errors
    /// SQLite's.
    pub fn drop_orphans(&mut self, now_ms: u64) -> Result<(), StoreError> {
        let old: Vec<String> = self
            .connection
            .prepare_cached("SELECT sha256 FROM _file WHERE state = 0 AND used_at < ?1")?
            .query_map([now_ms.saturating_sub(ORPHAN_MS).cast_signed()], |row| {
                row.get(0)
            })?
            .collect::<Result<_, _>>()?;
        if old.is_empty() {
            return Ok(());
        }
        self.write(|write| {
            let referred = referred(&write.tx, "TRUE")?;
            for file in old.iter().filter(|file| !referred.contains(*file)) {
                remove(&write.tx, file)?;
            }
            Ok(())
        })
    }
}

impl Write<'_> {
    /// The server does not have the files that a change refers to: those that are here go up again, and the change goes after them.
    /// `false` if none is here.
    pub(crate) fn send_files_again(
        &self,
        seq: i64,
        files: &BTreeSet<String>,
    ) -> Result<bool, StoreError> {
        let mut found = 0;
        for file in files {
            found += self.tx.execute(
                "UPDATE _file SET state = 0, sent = 0 WHERE sha256 = ?1 AND state <= 1",
                [file],
            )?;
        }
        if found > 0 {
            self.tx.execute(
                "UPDATE _change SET state = 0, wire = NULL WHERE seq = ?1",
                [seq],
            )?;
        }
        Ok(found > 0)
    }
}

fn is_here(state: FileState) -> bool {
    matches!(state, FileState::Queued | FileState::Here)
}

/// Whether a file has to go up.
pub(crate) fn is_queued(tx: &Connection, sha256: &str) -> Result<bool, StoreError> {
    Ok(status(tx, sha256)?.is_some_and(|known| known.state == FileState::Queued))
}

fn status(tx: &Connection, sha256: &str) -> Result<Option<FileStatus>, StoreError> {
    Ok(tx
        .prepare_cached("SELECT state, type, bytes, sent FROM _file WHERE sha256 = ?1")?
        .query_row([sha256], |row| {
            Ok(FileStatus {
                state: match row.get::<_, i64>(0)? {
                    0 => FileState::Queued,
                    1 => FileState::Here,
                    2 => FileState::Wanted,
                    3 => FileState::Missing,
                    _ => FileState::NoRoom,
                },
                content_type: row.get(1)?,
                bytes: row.get::<_, i64>(2)?.cast_unsigned(),
                sent: row.get::<_, i64>(3)?.cast_unsigned(),
            })
        })
        .optional()?)
}

/// The files that some changes refer to.
fn referred(tx: &Connection, which: &str) -> Result<BTreeSet<String>, StoreError> {
    let mut files = BTreeSet::new();
    let mut statement = tx.prepare_cached(&format!(
        r#"SELECT "set" FROM _change WHERE {which} AND instr("set", '/blobs/') > 0"#
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let set: String = row.get(0)?;
        files.extend(files_of(&attributes_of(&set)));
    }
    Ok(files)
}

/// The changes that were never sent and refer to a file, oldest first.
fn changes_with(tx: &Connection, sha256: &str) -> Result<Vec<String>, StoreError> {
    let mut ids = Vec::new();
    let mut statement = tx.prepare_cached(
        r#"SELECT id, "set" FROM _change WHERE state = 0 AND instr("set", ?1) > 0 ORDER BY seq"#,
    )?;
    let mut rows = statement.query([sha256])?;
    while let Some(row) = rows.next()? {
        let set: String = row.get(1)?;
        if files_of(&attributes_of(&set)).contains(sha256) {
            ids.push(row.get(0)?);
        }
    }
    Ok(ids)
}

/// Makes room for so many bytes, if what has to stay leaves as much.
fn make_room(tx: &Connection, bytes: u64, quota: u64) -> Result<bool, StoreError> {
    let sum = |which: &str| -> Result<u64, StoreError> {
        let sql = format!("SELECT coalesce(sum(bytes), 0) FROM _file WHERE {which}");
        let sum: i64 = tx.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
        Ok(sum.cast_unsigned())
    };
    if sum("state <> 1")?.saturating_add(bytes) > quota {
        return Ok(false);
    }
    while sum("TRUE")?.saturating_add(bytes) > quota {
        let oldest: Option<String> = tx
            .prepare_cached("SELECT sha256 FROM _file WHERE state = 1 ORDER BY used_at LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        match oldest {
            Some(oldest) => remove(tx, &oldest)?,
            None => return Ok(false),
        }
    }
    Ok(true)
}

fn insert_part(tx: &Connection, sha256: &str, at: u64, content: &[u8]) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO _file_part VALUES (?1, ?2, ?3)")?
        .execute(params![sha256, at.cast_signed(), content])?;
    Ok(())
}

fn touch(tx: &Connection, sha256: &str, now_ms: u64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE _file SET used_at = ?2 WHERE sha256 = ?1",
        params![sha256, now_ms.cast_signed()],
    )?;
    Ok(())
}

fn give_up(tx: &Connection, sha256: &str, state: FileState) -> Result<(), StoreError> {
    tx.execute("DELETE FROM _file_part WHERE sha256 = ?1", [sha256])?;
    tx.execute(
        "UPDATE _file SET state = ?2, bytes = 0 WHERE sha256 = ?1 AND state = 2",
        params![sha256, state as i64],
    )?;
    Ok(())
}

fn remove(tx: &Connection, sha256: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM _file_part WHERE sha256 = ?1", [sha256])?;
    tx.execute("DELETE FROM _file WHERE sha256 = ?1", [sha256])?;
    Ok(())
}
