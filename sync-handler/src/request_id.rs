//! The id of a request: in its answer, and in every line of the log that it leads to.

use http::{HeaderMap, HeaderValue};
use sync_core::Random;
use sync_proto::REQUEST_ID_HEADER;

/// Longest id that is taken over, in bytes.
const MAX_BYTES: usize = 128;

/// The id the caller chose, if it can stand in a line of the log.
pub(crate) fn sent(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(REQUEST_ID_HEADER).filter(|id| {
        (1..=MAX_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    })
}

/// An id of our own.
pub(crate) fn made(random: &impl Random) -> Option<HeaderValue> {
    HeaderValue::from_str(&random.hex::<8>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_ids_of_visible_characters_are_taken_over() {
        let taken = |id: &[u8]| {
            let id = HeaderValue::from_bytes(id).unwrap();
            let headers = HeaderMap::from_iter([(REQUEST_ID_HEADER.parse().unwrap(), id)]);
            sent(&headers).is_some()
        };
        assert!(taken(b"4fede851-b186"));
        assert!(taken(&[b'x'; MAX_BYTES]));
        for wrong in [&b""[..], b"a b", b"a\tb", "ż".as_bytes(), &[b'x'; 129]] {
            assert!(!taken(wrong), "{wrong:?}");
        }
        assert!(sent(&HeaderMap::new()).is_none());
    }
}
