//! Answers that are worth it go compressed to whoever can read that.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Response, header};

/// Smaller answers fit into a few packets as they are.
const WORTH_IT: usize = 4 * 1024;

/// Compresses an answer, if it is large and whoever asks understands that.
pub(crate) fn compress(asked: &HeaderMap, answer: &mut Response<Bytes>) {
    if answer.body().len() <= WORTH_IT {
        return;
    }
    let vary = HeaderValue::from_static("accept-encoding");
    answer.headers_mut().append(header::VARY, vary);
    if !takes_gzip(asked) {
        return;
    }
    let packed = Vec::with_capacity(answer.body().len() / 4);
    // The quickest: it makes a quarter of JSON already.
    let mut packer = GzEncoder::new(packed, Compression::fast());
    let packed = packer
        .write_all(answer.body())
        .and_then(|()| packer.finish());
    // Memory takes everything that is written.
    if let Ok(packed) = packed {
        *answer.body_mut() = Bytes::from(packed);
        let gzip = HeaderValue::from_static("gzip");
        answer.headers_mut().insert(header::CONTENT_ENCODING, gzip);
    }
}

/// Whether gzip is among what is taken (RFC 9110, section 12.5.3). `*` is not meant by those who name nothing else.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| {
            name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip")
        });
        let is_refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0))
        });
        is_gzip && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn asked(accepted: &str) -> HeaderMap {
        let value = HeaderValue::from_str(accepted).unwrap();
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)])
    }

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_refused() {
        for yes in ["gzip", "br, GZIP;q=0.5", "deflate,x-gzip"] {
            assert!(takes_gzip(&asked(yes)), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0.000", "*", "gzipped"] {
            assert!(!takes_gzip(&asked(no)), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_large_is_packed_and_comes_out_as_it_was() {
        let text = "{\"a\":\"lamp\"}\n".repeat(1_000);
        let mut answer = Response::new(Bytes::from(text.clone()));
        compress(&asked("gzip"), &mut answer);
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(answer.body().len() < text.len() / 4);
        let mut read = String::new();
        let mut unpacked = flate2::read::GzDecoder::new(&answer.body()[..]);
        unpacked.read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        for (accepted, text) in [("br", text.as_str()), ("gzip", &text[..WORTH_IT])] {
            let mut answer = Response::new(Bytes::from(text.to_owned()));
            compress(&asked(accepted), &mut answer);
            assert_eq!(answer.body(), text);
            assert!(!answer.headers().contains_key(header::CONTENT_ENCODING));
        }
    }
}
