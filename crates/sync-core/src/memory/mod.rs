//! What the requests of an instance may hold in memory together.
//!
//! An instance that runs out of memory traps, and every request in it is lost. So whatever may be large says first how
//! much it needs, and is refused, or gets less, where others hold too much already.

mod body_buffer;
mod weight;

use std::cell::Cell;
use std::rc::Rc;

pub use body_buffer::BodyBuffer;
pub use weight::TooHeavy;
pub(crate) use weight::TreeWeight;
use weight::weight_of_json;

/// What an instance holds beside the requests: code, settings, connections, what is left over between allocations.
const RESERVED_SHARE: usize = 4;

/// Which part of the memory for requests one JSON text may take once it is read.
const LARGEST_JSON: usize = 2;

/// A JSON text up to this length is read without a thought of what it becomes.
const MAX_LIGHT_BYTES: usize = 16 * 1024;

/// What one request gets at most of what is free, where it can do with less.
const LARGEST_SHARE: usize = 8;

/// The memory of an instance that is left for requests.
#[derive(Debug, Clone)]
pub struct Memory {
    total: usize,
    free: Rc<Cell<usize>>,
}

/// There is not enough memory for a request now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is working on too much at once; try again in a moment")]
pub struct OutOfMemory;

/// Why a JSON text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// It would never fit.
    #[error(transparent)]
    Ever(#[from] TooHeavy),
    /// Others hold too much.
    #[error(transparent)]
    Now(#[from] OutOfMemory),
}

impl Memory {
    /// The memory of an instance that may use `bytes` in all.
    pub fn of_instance(bytes: usize) -> Self {
        let total = bytes - bytes / RESERVED_SHARE;
        Self {
            total,
            free: Rc::new(Cell::new(total)),
        }
    }

    /// Memory for what is so small that nobody counts it.
    pub(crate) fn unlimited() -> Self {
        Self::of_instance(usize::MAX)
    }

    /// All of it, taken or not.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Takes so much.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there is not so much left.
    pub fn reserve(&self, bytes: usize) -> Result<Reservation, OutOfMemory> {
        let mut reservation = self.nothing();
        reservation.grow(bytes)?;
        Ok(reservation)
    }

    /// Takes what a request can work with, which is less the more others have taken.
    pub fn share(&self, most: usize) -> Reservation {
        self.hold(most.min(self.free.get() / LARGEST_SHARE))
    }

    /// Counts what is held already.
    pub fn hold(&self, bytes: usize) -> Reservation {
        let bytes = bytes.min(self.free.get());
        self.free.set(self.free.get() - bytes);
        Reservation {
            memory: self.clone(),
            bytes,
        }
    }

    /// A reservation that may grow.
    pub fn nothing(&self) -> Reservation {
        self.hold(0)
    }
}

/// Memory that is taken until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    memory: Memory,
    bytes: usize,
}

impl Reservation {
    /// How much is taken.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Another of the same memory, which may grow.
    pub(crate) fn another(&self) -> Self {
        self.memory.nothing()
    }

    /// Takes more.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there is not so much left; what was taken stays taken.
    pub fn grow(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        let free = &self.memory.free;
        free.set(free.get().checked_sub(bytes).ok_or(OutOfMemory)?);
        self.bytes += bytes;
        Ok(())
    }
}

impl Reservation {
    /// Takes what a JSON text becomes when it is read.
    ///
    /// # Errors
    /// [`NoRoom`]; what was taken stays taken.
    pub fn grow_by_json(&mut self, json: &[u8]) -> Result<(), NoRoom> {
        if json.len() <= MAX_LIGHT_BYTES {
            return Ok(());
        }
        let weight = weight_of_json(json, self.memory.total / LARGEST_JSON)?;
        Ok(self.grow(weight)?)
    }
}

impl Reservation {
    /// Takes what is about to be added to a tree of values.
    ///
    /// # Errors
    /// [`NoRoom`]; what was taken stays taken.
    pub(crate) fn grow_by_tree(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let most = self.memory.total / LARGEST_JSON;
        if self.bytes.saturating_add(bytes) > most {
            return Err(TooHeavy { most }.into());
        }
        Ok(self.grow(bytes)?)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let free = &self.memory.free;
        free.set(free.get() + self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let memory = Memory::of_instance(1_024);
        let mut half = memory.reserve(384).unwrap();
        assert_eq!(memory.reserve(385).unwrap_err(), OutOfMemory);
        half.grow(384).unwrap();
        assert_eq!(half.grow(1), Err(OutOfMemory));
        assert_eq!((half.bytes(), memory.hold(5).bytes()), (768, 0));
        drop(half);
        assert_eq!(memory.reserve(768).unwrap().bytes(), 768);
    }

    #[test]
    fn shares_become_smaller_and_never_use_up_everything() {
        let memory = Memory::of_instance(1 << 20);
        let shares: Vec<_> = (0..16).map(|_| memory.share(100_000)).collect();
        assert!(shares.is_sorted_by(|before, after| before.bytes() >= after.bytes()));
        assert!(shares.iter().all(|share| share.bytes() > 10_000));
        drop(shares);
        assert_eq!(memory.share(100).bytes(), 100);
    }
}
