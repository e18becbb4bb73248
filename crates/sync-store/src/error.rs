//! What can go wrong with a file.

/// Why a call came to nothing. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite says no: the disk is full, the file is damaged, somebody else holds it.
    #[error("the database file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A newer version of the library has written the file.
    #[error("the database file was written by a newer version of the library ({version})")]
    Newer {
        /// The version of the file's layout.
        version: u32,
    },
    /// The file was made with another key, or without one. It was left as it is.
    #[error(
        "the database file cannot be read by this key: it was made with another one, or without"
    )]
    WrongKey,
    /// The file cannot be read without a key, if it is a database at all. It was left as it is.
    #[error("the database file cannot be read: it is encrypted by a key, or no database")]
    Unreadable,
    /// The text is no key.
    #[error("a key is a text that is not empty, and has no character 0")]
    InvalidKey,
    /// The library was built without encryption.
    #[error("the library was built without encryption: build it with the feature `encryption`")]
    NoEncryption,
    /// The file has no key that could be changed.
    #[error("the database file is not encrypted: make another one with a key, and sync it")]
    NotEncrypted,
    /// The key could not be set.
    #[error("the key of the database file could not be set (SQLite's code {code})")]
    Keying {
        /// SQLite's extended code.
        code: i32,
    },
    /// The source is none of those that the database was opened with.
    #[error("the database has no source {source_name:?}")]
    UnknownSource {
        /// It.
        source_name: String,
    },
    /// There is no such object.
    #[error("{source_name} has no object {id:?}")]
    UnknownObject {
        /// Its source.
        source_name: String,
        /// It.
        id: String,
    },
    /// There is an object by this id already.
    #[error("{source_name} has an object {id:?}")]
    ObjectExists {
        /// Its source.
        source_name: String,
        /// It.
        id: String,
    },
    /// There is no such change, or none that waits for the app.
    #[error("there is no change {id:?} that waits to be retried or discarded")]
    UnknownChange {
        /// It.
        id: String,
    },
    /// There is no room for a file: those that wait to go up have to stay.
    #[error(
        "a file of {bytes} bytes does not fit: files may have {quota} bytes together, and those that wait to go up stay"
    )]
    NoRoom {
        /// The file's.
        bytes: u64,
        /// What all may have together.
        quota: u64,
    },
    /// The query may not be asked.
    #[error("the query: {reason}")]
    Query {
        /// Why.
        reason: String,
    },
    /// A source is to be narrowed down by more than servers take.
    #[error(
        "a source may be narrowed down by at most {most} parameters, of {most_bytes} bytes in all"
    )]
    TooManyParameters {
        /// The most it may have.
        most: usize,
        /// The most bytes their names and values may have.
        most_bytes: usize,
    },
    /// The source has no full-text search.
    #[error("{source_name} was opened without full-text search")]
    NotSearchable {
        /// It.
        source_name: String,
    },
}
