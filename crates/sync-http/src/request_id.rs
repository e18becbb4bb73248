//! The id that a caller gives a request.

use http::{HeaderMap, HeaderValue};
use sync_proto::REQUEST_ID_HEADER;

/// Longest id that is taken over, in bytes.
const MAX_BYTES: usize = 128;

/// The id the caller chose, if it can stand in a line of the log.
pub fn sent_request_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(REQUEST_ID_HEADER).filter(|id| {
        (1..=MAX_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_ids_of_visible_characters_are_taken_over() {
        let taken = |id: &[u8]| {
            let id = HeaderValue::from_bytes(id).unwrap();
            let headers = HeaderMap::from_iter([(REQUEST_ID_HEADER.parse().unwrap(), id)]);
            sent_request_id(&headers).is_some()
        };
        assert!(taken(b"4fede851-b186"));
        assert!(taken(&[b'x'; MAX_BYTES]));
        for wrong in [&b""[..], b"a b", b"a\tb", "ż".as_bytes(), &[b'x'; 129]] {
            assert!(!taken(wrong), "{wrong:?}");
        }
        assert!(sent_request_id(&HeaderMap::new()).is_none());
    }
}
