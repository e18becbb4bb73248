//! What of a back end's answer could not be kept.

use std::fmt;

/// Objects of an answer that could not be kept: how many, and the first of them.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    count: usize,
    first: String,
}

impl Refusals {
    /// Notes an object, by its id as the back end wrote it.
    pub(crate) fn note(&mut self, id: &str, reason: &str) {
        if self.count == 0 {
            self.first = format!("object {id:?}: {reason}");
        }
        self.count += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first)?;
        match self.count {
            0 | 1 => Ok(()),
            count => write!(f, " (and {} more that cannot be kept)", count - 1),
        }
    }
}
