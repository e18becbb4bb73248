//! Connections that wait for their next statement, for as long as the instance lives.

use std::cell::RefCell;

use sync_core::SqlError;

/// Most connections that wait: what more requests at once have opened is closed.
const MOST: usize = 4;

/// Connections of one kind, and where they lead.
pub(super) struct Idle<C>(RefCell<Vec<(String, C)>>);

impl<C> Idle<C> {
    pub(super) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Takes one that leads there. It is the caller's alone, and comes back only if nothing went wrong.
    pub(super) fn take(&self, address: &str) -> Option<C> {
        let mut idle = self.0.borrow_mut();
        let at = idle.iter().rposition(|(other, _)| other == address)?;
        Some(idle.remove(at).1)
    }

    /// Takes one back, unless something has gone wrong with it. A statement that was refused leaves it as it was.
    pub(super) fn keep<T>(&self, address: &str, connection: C, answer: &Result<T, SqlError>) {
        let mut idle = self.0.borrow_mut();
        if matches!(answer, Ok(_) | Err(SqlError::Refused { .. })) && idle.len() < MOST {
            idle.push((address.to_owned(), connection));
        }
    }
}
