//! The files objects refer to.

use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sync_core::{Blob, BlobId, BlobReader, Engine, Ports, SyncError};

use crate::body::{Body, BodyError};
use crate::error::HttpError;
use crate::request::Request;
use crate::router::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Get,
    Head,
}

pub(crate) const ROUTES: &[Row<Route>] = &[
    (Method::GET, "/blobs/{blob}", Route::Get),
    (Method::HEAD, "/blobs/{blob}", Route::Head),
    (Method::GET, "/blobs/{blob}/{name}", Route::Get),
    (Method::HEAD, "/blobs/{blob}/{name}", Route::Head),
];

/// What a request gets of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Portion {
    Whole,
    Part(Range<u64>),
    /// It has the blob already.
    Nothing,
    /// It asks for what lies behind the end.
    Unsatisfiable,
}

/// `GET` and `HEAD /blobs/{blob}`, with or without a name to save it under.
pub(crate) async fn answer<P: Ports>(
    route: Route,
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Body>, HttpError> {
    // An address that is no blob's is like one that is nobody's.
    let id = BlobId::parse(request.parameter("blob")).map_err(|_| SyncError::UnknownBlob);
    let blob = if request.has_api_token() {
        request.require_api_token(engine).await?;
        engine.open_blob(BlobReader::Administrator, &id?).await?
    } else {
        let session = request.session(engine).await?;
        engine.open_blob(BlobReader::User(&session), &id?).await?
    };
    let portion = portion(request.headers(), &blob);
    let mut response = Response::new(content(&blob, &portion, route));
    describe(&mut response, &blob, &portion);
    let headers = response.headers_mut();
    let disposition = disposition(request.parameter("name"));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

/// The bytes of the answer. That of a `HEAD` has none, but says how many a `GET` would bring.
fn content(blob: &Blob, portion: &Portion, route: Route) -> Body {
    let range = match portion {
        Portion::Whole => 0..blob.size,
        Portion::Part(range) => range.clone(),
        Portion::Nothing | Portion::Unsatisfiable => return Body::from(Bytes::new()),
    };
    let length = range.end - range.start;
    let pieces = match route {
        Route::Head => futures_util::stream::empty().boxed_local(),
        Route::Get => blob
            .read(range)
            .map(|piece| {
                piece.map_err(|error| {
                    tracing::error!(%error, "a file could not be sent to its end");
                    BodyError::from(error)
                })
            })
            .boxed_local(),
    };
    Body::Stream { pieces, length }
}

fn describe(response: &mut Response<Body>, blob: &Blob, portion: &Portion) {
    let size = blob.size;
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
        (header::ETAG, Some(etag(&blob.id))),
        (header::CONTENT_TYPE, Some(blob.content_type.clone())),
        (header::CONTENT_RANGE, range),
    ];
    for (name, value) in values {
        if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
}

/// Files are saved, never shown: they are what devices sent, and could be pages with scripts.
fn disposition(name: &str) -> HeaderValue {
    let plain = HeaderValue::from_static("attachment");
    if name.is_empty() {
        return plain;
    }
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}")).unwrap_or(plain)
}

fn etag(blob: &BlobId) -> String {
    format!("\"{blob}\"")
}

/// Reads the conditions of a request (RFC 9110, 13.2.2).
fn portion(headers: &HeaderMap, blob: &Blob) -> Portion {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let etag = etag(&blob.id);
    if let Some(known) = text(header::IF_NONE_MATCH) {
        let is_this = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
        if known.split(',').map(str::trim).any(is_this) {
            return Portion::Nothing;
        }
    }
    let is_other = text(header::IF_RANGE).is_some_and(|condition| condition != etag);
    match text(header::RANGE) {
        Some(range) if !is_other => parse_range(range, blob.size),
        _ => Portion::Whole,
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
