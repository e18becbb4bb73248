//! What a file is encrypted by.

use std::fmt;

use rusqlite::Connection;
use serde::Deserialize;

use crate::error::StoreError;

/// Digits of a key of 256 bits.
const RAW_DIGITS: usize = 64;

/// What a file is encrypted by: 64 hexadecimal digits are a key of 256 bits, which is used as it is; any other text is a passphrase, of which
/// the key is derived each time that the file is opened, in some tenths of a second. It shows itself to nobody.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// A key.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it can be used, before there is a file.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if !cfg!(feature = "encryption") {
            return Err(StoreError::NoEncryption);
        }
        if self.0.is_empty() || self.0.contains('\0') {
            return Err(StoreError::InvalidKey);
        }
        Ok(())
    }

    /// Lets a connection read the file. Whether it is the right one the first read says.
    pub(crate) fn unlock(&self, connection: &Connection) -> Result<(), StoreError> {
        // SQLCipher would write of a wrong key to where the app writes its errors.
        connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
        self.apply(connection, "key")
    }

    /// Encrypts the file anew.
    pub(crate) fn replace(&self, connection: &Connection) -> Result<(), StoreError> {
        self.apply(connection, "rekey")
    }

    fn apply(&self, connection: &Connection, pragma: &str) -> Result<(), StoreError> {
        self.check()?;
        let is_raw =
            self.0.len() == RAW_DIGITS && self.0.bytes().all(|byte| byte.is_ascii_hexdigit());
        let text = match is_raw {
            true => format!("x'{}'", self.0),
            false => self.0.clone(),
        };
        // SQLite's words may have the statement in them, and with it the key.
        let done = connection.pragma_update_and_check(None, pragma, text, |_| Ok(()));
        match done {
            Ok(()) | Err(rusqlite::Error::QueryReturnedNoRows) => Ok(()),
            Err(error) => Err(StoreError::Keying {
                code: error.sqlite_error().map_or(0, |error| error.extended_code),
            }),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}
