//! What Redis answers.

use std::fmt::Debug;

use crate::{RedisValue, StoreError};

/// The values of a reply, taken one after the other.
#[derive(Debug)]
pub struct Reply {
    what: &'static str,
    values: std::vec::IntoIter<RedisValue>,
}

impl Reply {
    /// The reply to a command or script of this name.
    pub fn new(what: &'static str, values: Vec<RedisValue>) -> Self {
        Self {
            what,
            values: values.into_iter(),
        }
    }

    /// How many values are left.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no values are left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next value; nil is `None`.
    ///
    /// # Errors
    /// The end of the reply.
    pub fn bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.values.next() {
            Some(RedisValue::Bytes(bytes)) => Ok(Some(bytes)),
            Some(RedisValue::Status(text)) => Ok(Some(text.into_bytes())),
            Some(RedisValue::Int(number)) => Ok(Some(number.to_string().into_bytes())),
            Some(RedisValue::Nil) => Ok(None),
            None => Err(self.unexpected("the end of the reply")),
        }
    }

    /// The next value as text; nil is `None`.
    ///
    /// # Errors
    /// The end of the reply, and bytes that are no text.
    pub fn text(&mut self) -> Result<Option<String>, StoreError> {
        self.bytes()?
            .map(|bytes| String::from_utf8(bytes).map_err(|error| self.unexpected(error)))
            .transpose()
    }

    /// The next value as text.
    ///
    /// # Errors
    /// Anything else.
    pub fn required_text(&mut self) -> Result<String, StoreError> {
        self.text()?.ok_or_else(|| self.unexpected("nil"))
    }

    /// The next value as a number.
    ///
    /// # Errors
    /// Anything else.
    pub fn number(&mut self) -> Result<u64, StoreError> {
        match self.values.next() {
            Some(RedisValue::Int(number)) => {
                u64::try_from(number).map_err(|error| self.unexpected(error))
            }
            Some(RedisValue::Bytes(bytes)) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| self.unexpected(String::from_utf8_lossy(&bytes))),
            other => Err(self.unexpected(other)),
        }
    }

    /// Refuses an outcome that no version of the script has.
    pub fn unknown_outcome(&self, outcome: &str) -> StoreError {
        self.unexpected(outcome)
    }

    fn unexpected(&self, found: impl Debug) -> StoreError {
        StoreError::UnexpectedReply {
            command: self.what,
            found: format!("{found:?}"),
        }
    }
}
