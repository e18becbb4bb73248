//! Downloads: whole, in part, or not at all if the caller has the content already.

use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::LocalBoxStream;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use sync_core::ContentError;

use crate::body::{Body, BodyError};

/// Something that can be downloaded.
pub(crate) struct Download<'a, R> {
    /// How long it is, in bytes.
    pub(crate) size: u64,
    /// What tells it from everything else, without quotes.
    pub(crate) tag: String,
    pub(crate) content_type: &'a str,
    /// Reads a range of it.
    pub(crate) read: R,
}

/// What a request gets of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Portion {
    Whole,
    Part(Range<u64>),
    /// It has it already.
    Nothing,
    /// It asks for what lies behind the end.
    Unsatisfiable,
}

impl<R> Download<'_, R>
where
    R: FnOnce(Range<u64>) -> LocalBoxStream<'static, Result<Bytes, ContentError>>,
{
    /// The answer to a `GET` or a `HEAD` with these headers.
    pub(crate) fn answer(self, method: &Method, headers: &HeaderMap) -> Response<Body> {
        let portion = self.portion(headers);
        let mut response = Response::new(Body::from(Bytes::new()));
        self.describe(&mut response, &portion);
        *response.body_mut() = self.content(portion, method);
        response
    }

    /// The bytes of the answer. That of a `HEAD` has none, but says how many a `GET` would bring.
    fn content(self, portion: Portion, method: &Method) -> Body {
        let range = match portion {
            Portion::Whole => 0..self.size,
            Portion::Part(range) => range,
            Portion::Nothing | Portion::Unsatisfiable => return Body::from(Bytes::new()),
        };
        let length = range.end - range.start;
        let pieces = if method == Method::HEAD {
            futures_util::stream::empty().boxed_local()
        } else {
            (self.read)(range)
                .map(|piece| {
                    piece.map_err(|error| {
                        tracing::error!(%error, "a file could not be sent to its end");
                        BodyError::from(error)
                    })
                })
                .boxed_local()
        };
        Body::Stream { pieces, length }
    }

    fn describe(&self, response: &mut Response<Body>, portion: &Portion) {
        let size = self.size;
        let (status, range) = match portion {
            Portion::Whole => (StatusCode::OK, None),
            Portion::Part(Range { start, end }) => (
                StatusCode::PARTIAL_CONTENT,
                Some(format!("bytes {start}-{}/{size}", end.saturating_sub(1))),
            ),
            Portion::Nothing => (StatusCode::NOT_MODIFIED, None),
            Portion::Unsatisfiable => (
                StatusCode::RANGE_NOT_SATISFIABLE,
                Some(format!("bytes */{size}")),
            ),
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let values = [
            (header::ETAG, Some(self.etag())),
            (header::CONTENT_TYPE, Some(self.content_type.to_owned())),
            (header::CONTENT_RANGE, range),
        ];
        for (name, value) in values {
            if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
                headers.insert(name, value);
            }
        }
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.tag)
    }

    /// Reads the conditions of a request (RFC 9110, 13.2.2).
    fn portion(&self, headers: &HeaderMap) -> Portion {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let etag = self.etag();
        if let Some(known) = text(header::IF_NONE_MATCH) {
            let is_this = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
            if known.split(',').map(str::trim).any(is_this) {
                return Portion::Nothing;
            }
        }
        let is_other = text(header::IF_RANGE).is_some_and(|condition| condition != etag);
        match text(header::RANGE) {
            Some(range) if !is_other => parse_range(range, self.size),
            _ => Portion::Whole,
        }
    }
}

/// Reads `bytes=first-last`, `bytes=first-` and `bytes=-length`. What is no such range is passed over, as it has to be;
/// so are several ranges at once, which nobody here needs.
fn parse_range(text: &str, size: u64) -> Portion {
    let range = || {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // Longer than any number is beyond every end.
            is_number.then(|| text.parse().unwrap_or(u64::MAX))
        };
        if first.is_empty() {
            return Some(size.saturating_sub(number(last)?)..size);
        }
        let first = number(first)?;
        let end = match last {
            "" => size,
            last => number(last)?.saturating_add(1).min(size),
        };
        // Upside down it is no range; behind the end it is one without anything.
        (end > first || first >= size).then_some(first..end)
    };
    match range() {
        None => Portion::Whole,
        Some(range) if range.is_empty() => Portion::Unsatisfiable,
        Some(range) => Portion::Part(range),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (text, size, expected) in [
            ("bytes=0-9", 100, Portion::Part(0..10)),
            ("bytes=90-", 100, Portion::Part(90..100)),
            ("bytes=90-1000", 100, Portion::Part(90..100)),
            ("bytes=-10", 100, Portion::Part(90..100)),
            ("bytes=-1000", 100, Portion::Part(0..100)),
            ("bytes=99-99", 100, Portion::Part(99..100)),
            ("bytes=100-", 100, Portion::Unsatisfiable),
            ("bytes=100-200", 100, Portion::Unsatisfiable),
            (
                "bytes=99999999999999999999999-",
                100,
                Portion::Unsatisfiable,
            ),
            ("bytes=-0", 100, Portion::Unsatisfiable),
            ("bytes=0-", 0, Portion::Unsatisfiable),
            ("bytes=9-0", 100, Portion::Whole),
            ("bytes=0-1,5-6", 100, Portion::Whole),
            ("bytes=a-", 100, Portion::Whole),
            ("bytes=-", 100, Portion::Whole),
            ("bytes=+1-2", 100, Portion::Whole),
            ("lines=0-9", 100, Portion::Whole),
            ("", 100, Portion::Whole),
        ] {
            assert_eq!(parse_range(text, size), expected, "{text}");
        }
    }

    proptest! {
        /// Whatever is asked for, what is answered lies within the blob.
        #[test]
        fn a_range_never_reaches_beyond_the_blob(
            text in "bytes=[0-9]{0,22}-[0-9]{0,22}|[ -~]{0,40}",
            size in prop_oneof![0_u64..100, any::<u64>()],
        ) {
            if let Portion::Part(range) = parse_range(&text, size) {
                prop_assert!(range.start < range.end && range.end <= size, "{range:?} of {size}");
            }
        }
    }
}
