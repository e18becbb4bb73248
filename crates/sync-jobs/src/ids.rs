//! What jobs and their queues are called.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name of a queue, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// A job. Jobs are numbered; the number has leading zeros so that ids sort in its order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(String);

impl JobId {
    /// Reads an id.
    ///
    /// # Errors
    /// Anything but decimal digits.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidJobId> {
        let text = text.into();
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && text.len() <= MAX_NAME_BYTES {
            Ok(Self(text))
        } else {
            Err(InvalidJobId)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as owned text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no job's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job's id has decimal digits only")]
pub struct InvalidJobId;

/// A queue: the name of the component that works on it, and after a `.` what tells it from the component's other queues,
/// `adapter` and `adapter.slow` for instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueueName(Cow<'static, str>);

impl QueueName {
    /// Reads a name.
    ///
    /// # Errors
    /// Anything but lower-case letters, digits, `_`, `-` and `.`, and more than 255 bytes of them.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidQueueName> {
        let text = text.into();
        if is_queue_name(&text) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidQueueName)
        }
    }

    /// A name that stands in the code, for constants.
    ///
    /// # Panics
    /// What [`QueueName::parse`] refuses; in a constant that is an error of the compiler's.
    pub const fn constant(text: &'static str) -> Self {
        assert!(is_queue_name(text), "not a name of a queue");
        Self(Cow::Borrowed(text))
    }

    /// The component that works on the queue.
    pub fn component(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as owned text.
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

const fn is_queue_name(text: &str) -> bool {
    let mut rest = text.as_bytes();
    if rest.is_empty() || rest.len() > MAX_NAME_BYTES {
        return false;
    }
    while let [first, others @ ..] = rest {
        if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.') {
            return false;
        }
        rest = others;
    }
    true
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for QueueName {
    type Error = InvalidQueueName;

    fn try_from(text: String) -> Result<Self, InvalidQueueName> {
        Self::parse(text)
    }
}

impl From<QueueName> for String {
    fn from(name: QueueName) -> Self {
        name.into_string()
    }
}

/// A text is no queue's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a queue's name has between 1 and {MAX_NAME_BYTES} bytes: lower-case letters, digits, `_`, `-` and `.`"
)]
pub struct InvalidQueueName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_belongs_to_the_component_before_the_first_dot() {
        assert_eq!(QueueName::constant("adapter").component(), "adapter");
        assert_eq!(QueueName::constant("adapter.slow.x").component(), "adapter");
    }

    #[test]
    fn what_would_break_a_key_is_no_name() {
        for wrong in ["", "a:b", "{x}", "Adapter", "a b", &"a".repeat(256)] {
            assert_eq!(QueueName::parse(wrong), Err(InvalidQueueName), "{wrong}");
        }
        for wrong in ["", "-1", "1a"] {
            assert_eq!(JobId::parse(wrong), Err(InvalidJobId), "{wrong}");
        }
    }
}
