//! Downloads: whole, in part, or not at all if the caller has the content already.

use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::LocalBoxStream;
use headers::{AcceptRanges, ContentRange, ETag, HeaderMapExt as _, IfNoneMatch, IfRange};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
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
        Body::Stream {
            pieces,
            length: Some(length),
        }
    }

    fn describe(&self, response: &mut Response<Body>, portion: &Portion) {
        let (status, range) = match portion {
            Portion::Whole => (StatusCode::OK, None),
            Portion::Part(range) => (
                StatusCode::PARTIAL_CONTENT,
                ContentRange::bytes(range.clone(), self.size).ok(),
            ),
            Portion::Nothing => (StatusCode::NOT_MODIFIED, None),
            Portion::Unsatisfiable => (
                StatusCode::RANGE_NOT_SATISFIABLE,
                Some(ContentRange::unsatisfied_bytes(self.size)),
            ),
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.typed_insert(AcceptRanges::bytes());
        if let Some(tag) = self.etag() {
            headers.typed_insert(tag);
        }
        if let Ok(content_type) = HeaderValue::from_str(self.content_type) {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        if let Some(range) = range {
            headers.typed_insert(range);
        }
    }

    fn etag(&self) -> Option<ETag> {
        format!("\"{}\"", self.tag).parse().ok()
    }

    /// Reads the conditions of a request (RFC 9110, 13.2.2).
    fn portion(&self, headers: &HeaderMap) -> Portion {
        let Some(tag) = self.etag() else {
            return Portion::Whole;
        };
        let known = headers.typed_get::<IfNoneMatch>();
        if known.is_some_and(|known| !known.precondition_passes(&tag)) {
            return Portion::Nothing;
        }
        // A condition that cannot be read is not met.
        let is_other = headers.contains_key(header::IF_RANGE)
            && headers
                .typed_get::<IfRange>()
                .is_none_or(|condition| condition.is_modified(Some(&tag), None));
        let range = headers.get(header::RANGE);
        match range.and_then(|range| range.to_str().ok()) {
            Some(range) if !is_other => parse_range(range, self.size),
            _ => Portion::Whole,
        }
    }
}

/// Has a file saved under a name, where it has one, and never shown: it is what a device has sent, and could be a page with scripts.
pub(crate) fn as_attachment(response: &mut Response<Body>, name: &str) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, disposition(name));
}

fn disposition(name: &str) -> HeaderValue {
    let plain = HeaderValue::from_static("attachment");
    if name.is_empty() {
        return plain;
    }
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}")).unwrap_or(plain)
}

/// Reads a range of bytes. What is no such range is passed over, as it has to be; so are several ranges at once, which
/// nobody here needs.
fn parse_range(text: &str, size: u64) -> Portion {
    let ranges = parse_range_header(text).and_then(|ranges| ranges.validate(size));
    match ranges.as_deref() {
        Ok([range]) => Portion::Part(*range.start()..range.end().saturating_add(1)),
        Err(RangeUnsatisfiableError::Unsatisfiable) => Portion::Unsatisfiable,
        _ => Portion::Whole,
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
            ("bytes=-1", 0, Portion::Whole),
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

    #[test]
    fn names_cannot_leave_their_header() {
        let hostile = disposition("a\"\r\nx: ż.png");
        assert_eq!(
            hostile,
            "attachment; filename*=UTF-8''a%22%0D%0Ax%3A%20%C5%BC%2Epng"
        );
        assert_eq!(disposition(""), "attachment");
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
