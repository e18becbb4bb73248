//! Changes that come with files: a form with a part per file, and a part `cud` with the changes as JSON.
//!
//! Files go to the store as they arrive. None of them is held in memory, however large it is.

mod parser;

use std::pin::pin;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use sync_core::{BodyBuffer, Ports, Reservation, Upload, Uploader};

use crate::body::{self, BodyError, MAX_BODY_BYTES, RequestBody};
use crate::error::HttpError;
use parser::{Event, Parser, Part};

/// The part that has the changes.
const CHANGES: &str = "cud";

/// What a file is where its part does not say.
const OCTET_STREAM: &str = "application/octet-stream";

/// Longest media type that is kept.
const MAX_TYPE_BYTES: usize = 100;

/// A form that has arrived.
pub(crate) struct Form {
    /// The changes, as JSON.
    pub(crate) changes: Bytes,
    /// The memory they take.
    pub(crate) held: Reservation,
    /// The files.
    pub(crate) uploads: Vec<Upload>,
}

/// The boundary of a form, if the headers say that the body is one.
pub(crate) fn boundary(headers: &HeaderMap) -> Option<String> {
    parser::boundary(headers)
}

/// Reads a form. Of one that cannot be read nothing stays.
pub(crate) async fn read<P: Ports>(
    mut uploader: Uploader<P>,
    body: impl RequestBody,
    boundary: &str,
    mut held: Reservation,
) -> Result<Form, HttpError> {
    let mut body = pin!(body);
    match read_parts(&mut uploader, body.as_mut(), boundary, &mut held).await {
        Ok(changes) => Ok(Form {
            changes,
            held,
            uploads: uploader.finish(),
        }),
        Err(error) => {
            uploader.discard().await;
            body::discard(body).await;
            Err(error)
        }
    }
}

/// Where the content of a part goes.
enum Target {
    Changes(BodyBuffer),
    File,
}

async fn read_parts<P: Ports>(
    uploader: &mut Uploader<P>,
    body: impl RequestBody,
    boundary: &str,
    held: &mut Reservation,
) -> Result<Bytes, HttpError> {
    let malformed = |reason: String| HttpError::MalformedBody(reason);
    let mut body = pin!(body);
    let mut parser = Parser::new(boundary);
    let mut target = Target::File;
    let mut changes = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| malformed(Into::<BodyError>::into(error).to_string()))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        parser.feed(&bytes);
        drop(bytes);
        while let Some(event) = parser
            .next()
            .map_err(|error| malformed(error.to_string()))?
        {
            match event {
                Event::Part(part) if part.name == CHANGES => {
                    target = Target::Changes(body::buffer());
                }
                Event::Part(part) => {
                    target = Target::File;
                    begin_file(uploader, part).await?;
                }
                Event::Data(data) => match &mut target {
                    Target::File => uploader.write(&data).await?,
                    Target::Changes(json) if json.length() + data.len() > MAX_BODY_BYTES => {
                        return Err(HttpError::BodyTooLarge {
                            max_bytes: MAX_BODY_BYTES,
                        });
                    }
                    Target::Changes(json) => json.push(&data, held)?,
                },
                Event::PartEnd => match std::mem::replace(&mut target, Target::File) {
                    Target::File => uploader.end().await?,
                    Target::Changes(json) => {
                        if changes.replace(json.into_bytes()).is_some() {
                            return Err(malformed(format!("it has two parts {CHANGES:?}")));
                        }
                    }
                },
                Event::End => {
                    return changes.ok_or_else(|| malformed(format!("it has no part {CHANGES:?}")));
                }
            }
        }
    }
    parser
        .finish()
        .map_err(|error| malformed(error.to_string()))?;
    Ok(changes.unwrap_or_default())
}

async fn begin_file<P: Ports>(uploader: &mut Uploader<P>, part: Part) -> Result<(), HttpError> {
    let Part {
        name,
        file_name,
        content_type,
    } = part;
    let file_name = file_name.unwrap_or_default();
    let content_type = content_type.and_then(|kind| HeaderValue::from_str(&kind).ok());
    let content_type = media_type(content_type.as_ref());
    Ok(uploader.begin(name, file_name, content_type).await?)
}

/// The media type that is kept of a file.
pub(crate) fn media_type(sent: Option<&HeaderValue>) -> String {
    let kind = sent.and_then(|kind| kind.to_str().ok());
    kind.filter(|kind| kind.len() <= MAX_TYPE_BYTES && kind.contains('/'))
        .unwrap_or(OCTET_STREAM)
        .to_owned()
}
