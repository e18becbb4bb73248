//! A device brings a file, in as many parts as it takes, and downloads one.

use std::ops::Range;
use std::pin::pin;

use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use sync_core::{BlobError, BlobId, BlobPart, BlobProgress, Engine, PartUpload, Ports};
use sync_proto::sync;

use crate::body::{self, Body, RequestBody};
use crate::download::{Download, as_attachment};
use crate::error::HttpError;
use crate::form::media_type;
use crate::request::Request;
use crate::respond;

/// `PUT /sync/v1/blobs/{blob}`. The body goes to the store as it arrives; what has become whole pieces stays, however it ends.
pub(crate) async fn upload<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
    body: impl RequestBody,
) -> Result<Response<Body>, HttpError> {
    let mut body = pin!(body);
    let taken = async {
        let session = request.device_session(engine)?;
        let (part, length) = part_of(request)?;
        let mut upload = engine.begin_blob_part(session, part).await?;
        take(&mut upload, length, body.as_mut()).await?;
        Ok::<_, HttpError>(upload.end().await?)
    };
    let taken = taken.await;
    body::discard(body).await;
    let progress = taken?;
    let BlobProgress { received, bytes } = progress;
    let mut answer = respond::json(&sync::BlobProgress { received, bytes });
    if progress.is_complete() {
        *answer.status_mut() = StatusCode::CREATED;
    }
    Ok(answer.map(Body::from))
}

/// Takes a part in. One that breaks off is as good as a shorter one.
async fn take<P: Ports>(
    upload: &mut PartUpload<'_, P>,
    length: u64,
    body: impl RequestBody,
) -> Result<(), HttpError> {
    let mut body = pin!(body);
    let mut left = length;
    while upload.takes()
        && let Some(Ok(frame)) = body.frame().await
    {
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            HttpError::InvalidValue(format!(
                "the body is longer than the {length} bytes that the headers say"
            ))
        })?;
        upload.write(&bytes).await?;
    }
    Ok(())
}

/// What the headers say of the part, and how long it is.
fn part_of(request: &Request) -> Result<(BlobPart, u64), HttpError> {
    let blob = BlobId::parse(request.parameter("blob"))
        .map_err(|error| HttpError::InvalidValue(error.to_string()))?;
    let headers = request.headers();
    let (range, bytes) = match headers.get(header::CONTENT_RANGE) {
        Some(range) => range.to_str().ok().and_then(parse_range).ok_or_else(|| {
            HttpError::InvalidValue(
                "`Content-Range` has to be like `bytes 0-524287/5200312`".to_owned(),
            )
        })?,
        None => {
            let bytes = content_length(headers).ok_or_else(|| {
                HttpError::InvalidValue(
                    "send `Content-Length`, or `Content-Range` for a part".to_owned(),
                )
            })?;
            (0..bytes, bytes)
        }
    };
    let part = BlobPart {
        blob,
        bytes,
        first: range.start,
        content_type: media_type(headers.get(header::CONTENT_TYPE)),
    };
    Ok((part, range.end - range.start))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Reads `bytes <first>-<last>/<all>` (RFC 9110, 14.4): the range, and the length of the whole.
fn parse_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, all) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| is_number)
    };
    let (first, last, all) = (number(first)?, number(last)?, number(all)?);
    (first <= last && last < all).then(|| (first..last + 1, all))
}

/// `GET` and `HEAD /sync/v1/blobs/{blob}`.
pub(crate) async fn download<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Body>, HttpError> {
    let session = request.device_session(engine)?;
    // An address that is no blob's is like one that is nobody's.
    let id = BlobId::parse(request.parameter("blob")).map_err(|_| BlobError::Unknown)?;
    let blob = engine.open_device_blob(session, &id).await?;
    let download = Download {
        size: blob.size,
        tag: blob.id.to_string(),
        content_type: &blob.content_type,
        read: |range| blob.read(range),
    };
    let mut answer = download.answer(request.method(), request.headers());
    as_attachment(&mut answer, "");
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_parts_are_read_as_the_standard_says() {
        assert_eq!(parse_range("bytes 0-0/1"), Some((0..1, 1)));
        assert_eq!(parse_range("bytes 512-1023/4096"), Some((512..1024, 4096)));
        for wrong in [
            "",
            "bytes",
            "bytes 0-1",
            "bytes 0-1/*",
            "bytes */7",
            "bytes 1-0/7",
            "bytes 0-7/7",
            "bytes +0-1/7",
            "bytes 0--1/7",
            "bytes 0-18446744073709551615/18446744073709551615",
            "bytes 0-18446744073709551616/18446744073709551617",
            "lines 0-1/7",
        ] {
            assert_eq!(parse_range(wrong), None, "{wrong}");
        }
    }
}
