//! A body as it arrives.

use bytes::Bytes;

use super::{OutOfMemory, Reservation};

/// A body that arrives in pieces, in one block of memory from its first byte to its last. Pieces that are kept until they can
/// be put together are held twice in that moment, and what they leave behind is too small for the next large body.
#[derive(Debug)]
pub struct BodyBuffer {
    bytes: Vec<u8>,
    /// How many times the body is held in the end: here, and as what is made of it.
    copies: usize,
}

impl BodyBuffer {
    /// A buffer for a body that is held so many times in the end.
    pub fn new(copies: usize) -> Self {
        Self {
            bytes: Vec::new(),
            copies,
        }
    }

    /// Makes room for a body that says how long it is. One that brings more is taken in as well.
    ///
    /// # Errors
    /// [`OutOfMemory`]; then it is as it was.
    pub fn expect(&mut self, length: usize, held: &mut Reservation) -> Result<(), OutOfMemory> {
        let capacity = self.bytes.capacity();
        if length > capacity {
            held.grow(self.copies * (length - capacity))?;
            self.bytes.reserve_exact(length - self.bytes.len());
        }
        Ok(())
    }

    /// Takes a piece in.
    ///
    /// # Errors
    /// [`OutOfMemory`]; then it is as it was.
    pub fn push(&mut self, piece: &[u8], held: &mut Reservation) -> Result<(), OutOfMemory> {
        let length = self.bytes.len() + piece.len();
        let capacity = self.bytes.capacity();
        if length > capacity {
            self.expect(length.max(2 * capacity), held)?;
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// How many bytes have arrived.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// What has arrived.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn a_body_takes_what_it_says_or_at_most_twice_what_has_arrived() {
        let memory = Memory::of_instance(1 << 20);
        let mut held = memory.nothing();
        let mut told = BodyBuffer::new(2);
        told.expect(1_000, &mut held).unwrap();
        for _ in 0..100 {
            told.push(b"0123456789", &mut held).unwrap();
        }
        assert_eq!((told.length(), held.bytes()), (1_000, 2_000));
        told.push(b"more", &mut held).unwrap();
        assert_eq!((told.length(), held.bytes()), (1_004, 4_000));

        let mut held = memory.nothing();
        let mut untold = BodyBuffer::new(2);
        for arrived in 1..=1_000 {
            untold.push(b"x", &mut held).unwrap();
            assert!(held.bytes() <= 4 * arrived, "{arrived}: {held:?}");
        }
        assert_eq!(untold.into_bytes().len(), 1_000);
    }

    #[test]
    fn without_memory_nothing_more_is_taken_in() {
        let memory = Memory::of_instance(1_024);
        let mut held = memory.nothing();
        let mut buffer = BodyBuffer::new(2);
        assert_eq!(buffer.expect(400, &mut held), Err(OutOfMemory));
        buffer.push(&[0; 300], &mut held).unwrap();
        assert_eq!(buffer.push(&[0; 200], &mut held), Err(OutOfMemory));
        assert_eq!((buffer.length(), held.bytes()), (300, 600));
    }
}
