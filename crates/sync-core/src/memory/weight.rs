//! How much memory a JSON text takes once it is read.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// What the nodes of a tree of values take in bytes, beside their texts.
pub(crate) enum TreeWeight {}

impl TreeWeight {
    /// What a map of texts takes.
    pub(crate) fn of_texts<'a>(
        members: impl ExactSizeIterator<Item = (&'a String, &'a String)>,
    ) -> usize {
        let entries = members.len().saturating_sub(1) * Self::ENTRY;
        let texts = members.map(|(name, value)| name.len() + value.len() + 2 * TEXT_BYTES);
        Self::MAP + entries + texts.sum::<usize>()
    }

    /// An element of a list: its value, and what a growing vector has in excess.
    pub(crate) const ELEMENT: usize = 64;

    /// An entry of a map: name and value, in a tree whose nodes are half full.
    pub(crate) const ENTRY: usize = 112;

    /// The first node of a map, which has room for eleven entries.
    pub(crate) const MAP: usize = 560;
}

/// What the allocator adds to a text.
const TEXT_BYTES: usize = 16;

/// A text takes more memory than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it holds more values than fit into {most} bytes of memory; send less at a time")]
pub struct TooHeavy {
    /// The limit.
    pub most: usize,
}

/// Estimates the bytes that a JSON text takes as a tree of values, from above: seven bytes can become six hundred. Text that
/// cannot be read weighs what comes before the mistake.
///
/// # Errors
/// [`TooHeavy`] as soon as it is more than `most`.
pub(super) fn weight_of_json(json: &[u8], most: usize) -> Result<usize, TooHeavy> {
    let weight = Cell::new(0);
    let scale = Scale {
        weight: &weight,
        most,
    };
    let mut text = serde_json::Deserializer::from_slice(json);
    // Whoever reads it says what is wrong with it.
    let _ = scale.deserialize(&mut text);
    if weight.get() > most {
        return Err(TooHeavy { most });
    }
    Ok(weight.get())
}

#[derive(Clone, Copy)]
struct Scale<'a> {
    weight: &'a Cell<usize>,
    most: usize,
}

impl Scale<'_> {
    fn add<E: serde::de::Error>(self, bytes: usize) -> Result<(), E> {
        self.weight.set(self.weight.get().saturating_add(bytes));
        if self.weight.get() > self.most {
            return Err(E::custom("too heavy"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Scale<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scale<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.add(TEXT_BYTES + text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {
            self.add(TreeWeight::ELEMENT)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut is_first = true;
        while map.next_key_seed(self)?.is_some() {
            self.add(if is_first {
                TreeWeight::MAP
            } else {
                TreeWeight::ENTRY
            })?;
            is_first = false;
            map.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_texts_that_become_large_trees_are_heavy() {
        let weight = |json: &str| weight_of_json(json.as_bytes(), usize::MAX).unwrap();
        assert_eq!(weight("7"), 0);
        assert_eq!(weight(r#""abc""#), 19);
        assert_eq!(weight("[1,2]"), 128);
        assert_eq!(weight(r#"{"a":"b","c":[]}"#), 17 + 560 + 17 + 17 + 112);
        assert!(weight(r#"[{"":0},{"":0}]"#) > 1_200);
        assert!(weight(r#"[{"":0},{"":0},"#) > 1_200, "as far as it goes");
    }

    #[test]
    fn what_is_too_heavy_is_known_before_its_end() {
        let endless = format!("[{}", "0,".repeat(1_000));
        assert_eq!(
            weight_of_json(endless.as_bytes(), 1_000),
            Err(TooHeavy { most: 1_000 })
        );
        assert_eq!(weight_of_json(b"[0,0]", 128), Ok(128));
    }
}
