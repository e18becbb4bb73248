//! What a device's copy and the server's are compared by.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::value::{Attributes, Value};

/// How many parts a copy has.
pub const BUCKETS: usize = 256;

/// The hash of an object.
pub fn object_hash(id: &str, attributes: &Attributes) -> u64 {
    let mut hasher = Sha256::new();
    let mut text = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    text(id);
    for (name, value) in attributes {
        text(name);
        match value {
            Value::Text(value) => text(value),
            value => text(&value.to_text()),
        }
    }
    first_eight(&hasher.finalize())
}

/// The part of a copy that an object is in.
pub fn bucket(id: &str) -> u8 {
    Sha256::digest(id.as_bytes())
        .first()
        .copied()
        .unwrap_or_default()
}

fn first_eight(digest: &[u8]) -> u64 {
    let bytes = digest.first_chunk::<8>().copied().unwrap_or_default();
    u64::from_be_bytes(bytes)
}

/// The sum of objects' hashes: it does not depend on their order, and can be kept with each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum(pub u64);

impl Sum {
    /// With one object more.
    #[must_use]
    pub fn plus(self, hash: u64) -> Self {
        Self(self.0.wrapping_add(hash))
    }

    /// With one object less.
    #[must_use]
    pub fn minus(self, hash: u64) -> Self {
        Self(self.0.wrapping_sub(hash))
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_the_protocol_gives_as_an_example() {
        let attributes = [("a".to_owned(), Value::from("b"))].into();
        let sum = Sum::default().plus(object_hash("1", &attributes));
        assert_eq!(sum.to_string(), "71cb39df071970bd");
        assert_eq!(sum.minus(object_hash("1", &attributes)), Sum(0));
    }

    #[test]
    fn a_number_is_hashed_as_its_text() {
        let number = [("a".to_owned(), Value::Float(12.5))].into();
        let text = [("a".to_owned(), Value::from("12.5"))].into();
        assert_eq!(object_hash("1", &number), object_hash("1", &text));
    }
}
