//! Contents in a bucket of an S3-compatible store.
//!
//! Addresses are in path style, which every such store knows. Written by hand, since it is five small requests:
//! rusty-s3 0.11 would add 580 kB to each component (its addresses are read with tables of Unicode), and it leaves what is
//! sent unsigned.

mod signature;

use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::blob::content::{ContentError, ContentStore, read_spooled};
use crate::memory::{Memory, Reservation};
use crate::ports::{AnswerRoom, Clock as _, HttpClient as _, Ports};
use crate::settings::S3Settings;

/// Bytes of a part of an upload in parts: the least an S3 store takes, and a whole number of spooled pieces. What has no
/// more than this is sent at once.
const PART_BYTES: u64 = 5 * 1024 * 1024;

/// How many times a part is held while it is sent: by us, and on its way out.
const COPIES: usize = 2;

/// Bytes asked for at a time.
const READ_BYTES: u64 = 1024 * 1024;

/// Most bytes of an answer that is no content.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct S3<P> {
    ports: Rc<P>,
    settings: S3Settings,
    memory: Memory,
}

impl<P: Ports> S3<P> {
    pub(super) fn new(ports: Rc<P>, settings: S3Settings, memory: Memory) -> Self {
        Self {
            ports,
            settings,
            memory,
        }
    }

    /// Sends a request about an object. The query is given in canonical form: sorted, encoded, each name with a value.
    async fn send(
        &self,
        method: Method,
        key: &str,
        query: &str,
        range: Option<&Range<u64>>,
        body: Bytes,
    ) -> Result<Response<Bytes>, ContentError> {
        let S3Settings {
            endpoint, bucket, ..
        } = &self.settings;
        let bucket = encoded(bucket);
        let mut url = format!("{endpoint}/{bucket}/rhosync/{key}");
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        let mut request = Request::builder().method(method).uri(url);
        if let Some(range) = range {
            let last = range.end.saturating_sub(1);
            request = request.header(header::RANGE, format!("bytes={}-{last}", range.start));
        }
        let mut request = request.body(body).map_err(failed)?;
        signature::sign(&mut request, &self.settings, self.ports.clock().now()).map_err(failed)?;
        let most = range.map_or(MAX_ANSWER_BYTES, |range| {
            usize::try_from(range.end - range.start)
                .unwrap_or(usize::MAX)
                .max(MAX_ANSWER_BYTES)
        });
        self.ports
            .http()
            .send(request, TIMEOUT, &mut AnswerRoom::of(most))
            .await
            .map_err(failed)
    }

    async fn send_in_parts(&self, key: &str, size: u64) -> Result<(), ContentError> {
        let answer = self
            .send(Method::POST, key, "uploads=", None, Bytes::new())
            .await?;
        let upload = done(&answer).and_then(|()| {
            element(answer.body(), "UploadId")
                .map(|id| encoded(&id))
                .ok_or_else(|| ContentError::S3("its answer names no upload".to_owned()))
        })?;
        let result = self.send_parts(key, size, &upload).await;
        if result.is_err() {
            // What cannot be given up now, the bucket's own rule for unfinished uploads removes.
            let query = format!("uploadId={upload}");
            let _ = self
                .send(Method::DELETE, key, &query, None, Bytes::new())
                .await;
        }
        result
    }

    async fn send_parts(&self, key: &str, size: u64, upload: &str) -> Result<(), ContentError> {
        let mut list = String::from("<CompleteMultipartUpload>");
        for (number, start) in (1_u32..).zip((0..size).step_by(PART_BYTES as usize)) {
            let (part, _room) = self
                .spooled(key, start..size.min(start + PART_BYTES))
                .await?;
            let query = format!("partNumber={number}&uploadId={upload}");
            let answer = self.send(Method::PUT, key, &query, None, part).await?;
            done(&answer)?;
            let etag = answer
                .headers()
                .get(header::ETAG)
                .and_then(|etag| etag.to_str().ok())
                .filter(|etag| !etag.contains(['<', '&']))
                .ok_or_else(|| ContentError::S3("its answer to a part has no tag".to_owned()))?;
            list.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            ));
        }
        list.push_str("</CompleteMultipartUpload>");
        let query = format!("uploadId={upload}");
        let answer = self
            .send(Method::POST, key, &query, None, list.into())
            .await?;
        done(&answer)?;
        // It may fail after it has begun its answer with 200.
        match element(answer.body(), "Code") {
            None => Ok(()),
            Some(code) => Err(ContentError::S3(format!("it refuses the parts: {code}"))),
        }
    }

    /// Reads what was spooled, and says that it is held.
    async fn spooled(
        &self,
        key: &str,
        range: Range<u64>,
    ) -> Result<(Bytes, Reservation), ContentError> {
        let length = usize::try_from(range.end - range.start).map_err(failed)?;
        let room = self.memory.reserve(COPIES * length)?;
        let mut content = BytesMut::with_capacity(length);
        let mut at = range.start;
        while at < range.end {
            let piece = read_spooled(self.ports.as_ref(), key, at..range.end).await?;
            at += piece.len() as u64;
            content.extend_from_slice(&piece);
        }
        Ok((content.freeze(), room))
    }
}

#[async_trait(?Send)]
impl<P: Ports> ContentStore for S3<P> {
    async fn keep(&self, key: &str, size: u64) -> Result<(), ContentError> {
        if size > PART_BYTES {
            return self.send_in_parts(key, size).await;
        }
        let (content, _room) = self.spooled(key, 0..size).await?;
        let answer = self.send(Method::PUT, key, "", None, content).await?;
        done(&answer)
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes, ContentError> {
        let range = range.start..range.end.min(range.start + READ_BYTES);
        let answer = self
            .send(Method::GET, key, "", Some(&range), Bytes::new())
            .await?;
        done(&answer)?;
        let is_what_was_asked = answer.status() == StatusCode::PARTIAL_CONTENT
            && answer.body().len() as u64 == range.end - range.start;
        if is_what_was_asked {
            Ok(answer.into_body())
        } else {
            Err(ContentError::Incomplete { at: range.start })
        }
    }

    async fn delete(&self, key: &str) -> Result<(), ContentError> {
        let answer = self
            .send(Method::DELETE, key, "", None, Bytes::new())
            .await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        done(&answer)
    }
}

fn failed(error: impl std::fmt::Display) -> ContentError {
    ContentError::S3(error.to_string())
}

fn done(answer: &Response<Bytes>) -> Result<(), ContentError> {
    if answer.status().is_success() {
        return Ok(());
    }
    let code = element(answer.body(), "Code").unwrap_or_default();
    Err(ContentError::S3(format!(
        "it answers {} {code}",
        answer.status()
    )))
}

/// The text of the first element of a name that is nothing but text.
fn element(xml: &[u8], name: &str) -> Option<String> {
    let xml = std::str::from_utf8(xml).ok()?;
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    (!text.contains(['<', '&'])).then(|| text.to_owned())
}

/// Encodes as signatures want it: everything but unreserved characters.
fn encoded(text: &str) -> String {
    const RESERVED: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}
