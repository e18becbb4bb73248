//! Sums by which a device and the server find out whether they have the same objects.
//!
//! The hash of an object is a number of 64 bits; a document's sum is that of its objects' hashes, modulo 2^64. So it does not
//! depend on their order, and a commit needs to know no object but those that it changes.

use sha2::{Digest as _, Sha256};

use crate::model::{Attributes, ObjectId};

/// A number of 64 bits, which is added without a thought of where it overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Checksum(u64);

impl Checksum {
    /// An object's hash: the first eight bytes of the SHA-256 over its id, and its names and values in the order of the names'
    /// bytes, each after its length. Nothing where there are no attributes: that is no object.
    pub(crate) fn of(id: &ObjectId, attributes: &Attributes) -> Self {
        if attributes.is_empty() {
            return Self(0);
        }
        let mut digest = Sha256::new();
        let pairs = attributes.iter();
        let texts = pairs.flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        for text in std::iter::once(id.as_str()).chain(texts) {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        Self::first_of(&digest.finalize())
    }

    /// The bucket an object is in when copies are compared part by part.
    pub(crate) fn bucket(id: &ObjectId) -> u8 {
        let digest = Sha256::digest(id.as_str());
        digest.first().copied().unwrap_or_default()
    }

    /// Reads 16 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digits.then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }

    /// The sum with another.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// What is to be added to `before` to get this.
    #[must_use]
    pub(crate) fn since(self, before: Self) -> Self {
        Self(self.0.wrapping_sub(before.0))
    }

    fn first_of(digest: &[u8]) -> Self {
        let first = digest.first_chunk().copied().unwrap_or_default();
        Self(u64::from_be_bytes(first))
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: &str, attributes: &[(&str, &str)]) -> Checksum {
        let pairs = attributes.iter();
        let attributes = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Checksum::of(&ObjectId::parse(id).unwrap(), &attributes.collect())
    }

    #[test]
    fn an_objects_hash_is_what_the_protocol_says() {
        // printf '\1\0\0\0\0\0\0\0001\1\0\0\0\0\0\0\0a\1\0\0\0\0\0\0\0b' | sha256sum
        let hash = object("1", &[("a", "b")]);
        assert_eq!(hash.to_string(), "71cb39df071970bd");
        assert_eq!(Checksum::parse(&hash.to_string()), Some(hash));
        assert_eq!(object("1", &[]), Checksum::default());
        for other in [
            object("1", &[("a", "c")]),
            object("2", &[("a", "b")]),
            object("1a", &[("", "b")]),
            object("1", &[("a", ""), ("b", "")]),
        ] {
            assert_ne!(other, hash);
        }
    }

    #[test]
    fn what_is_added_can_be_taken_away() {
        let (one, other) = (object("1", &[("a", "b")]), object("2", &[("a", "b")]));
        let sum = one.plus(other);
        assert_eq!(sum.plus(Checksum::default().since(other)), one);
        assert_eq!(other.plus(sum.since(other)), sum);
        for wrong in [
            "",
            "0",
            "zzzzzzzzzzzzzzzz",
            "+000000000000000",
            "00000000000000000",
        ] {
            assert_eq!(Checksum::parse(wrong), None, "{wrong}");
        }
    }
}
