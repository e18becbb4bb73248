//! Files of objects: what is in them, and the engine's side of them.

use std::sync::LazyLock;

use futures_util::TryStreamExt as _;
use sync_client::{Header, HttpRequest};
use sync_core::{BlobId, BlobPart, SyncError};
use sync_proto::sync::BlobProgress;
use test_support::World;

use crate::server::{Answer, bearer, header};

/// The attribute of objects that have a file.
pub(crate) const FILE: &str = "photo-rhoblob";

/// What the server keeps as one, and devices send as one.
const PIECE: usize = 512 * 1024;

/// The name of a file. It stays in the file's address, wherever that goes.
pub(crate) fn name(number: u64) -> String {
    format!("file-{number}")
}

/// The content of a file, by its number: a stretch of the same random bytes, which are made once.
pub(crate) fn content(number: u64) -> Vec<u8> {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut bytes = vec![0; 4 * PIECE];
        fastrand::Rng::with_seed(1).fill(&mut bytes);
        bytes
    });
    let mut random = fastrand::Rng::with_seed(number);
    let length = match number % 5 {
        0 => 0,
        1 => PIECE,
        2 | 3 => random.usize(PIECE + 1..3 * PIECE),
        _ => random.usize(1..2_000),
    };
    let first = random.usize(..PIECE);
    BYTES[first..first + length].to_vec()
}

/// What has to be in the file at an address.
pub(crate) fn content_at(address: &str) -> Vec<u8> {
    let number = address.rsplit_once("/file-").expect("a file's name").1;
    content(number.parse().expect("a file's number"))
}

/// Answers a request for a file.
pub(crate) async fn serve(
    world: &World,
    request: &HttpRequest,
    blob: &str,
) -> Result<Answer, SyncError> {
    let blob = BlobId::parse(blob).expect("a digest");
    match request.method.as_str() {
        "PUT" => upload(world, request, blob).await,
        "GET" => download(world, request, &blob).await,
        other => panic!("devices do not {other} files"),
    }
}

async fn upload(world: &World, request: &HttpRequest, blob: BlobId) -> Result<Answer, SyncError> {
    let engine = &world.engine;
    let session = engine.accounts().device_session(bearer(request))?;
    // All of a file goes without a range only where it is empty.
    let (first, bytes) = header(request, "Content-Range").map_or((0, 0), |range| {
        let range = range.strip_prefix("bytes ").expect("a range of bytes");
        let (range, bytes) = range.split_once('/').expect("a length");
        let (first, _) = range.split_once('-').expect("a range");
        (
            first.parse().expect("a place"),
            bytes.parse().expect("a length"),
        )
    });
    let part = BlobPart {
        blob,
        bytes,
        first,
        content_type: header(request, "Content-Type")
            .unwrap_or_default()
            .to_owned(),
    };
    let mut upload = engine.begin_blob_part(&session, part).await?;
    upload.write(&request.body).await?;
    let progress = upload.end().await?;
    let progress = BlobProgress {
        received: progress.received,
        bytes: progress.bytes,
    };
    Ok(Answer::new(
        200,
        serde_json::to_vec(&progress).expect("JSON"),
    ))
}

async fn download(
    world: &World,
    request: &HttpRequest,
    blob: &BlobId,
) -> Result<Answer, SyncError> {
    let engine = &world.engine;
    let session = engine.accounts().device_session(bearer(request))?;
    let found = engine.open_device_blob(&session, blob).await?;
    let size = found.size;
    let first = header(request, "Range").map(|range| {
        let first = range
            .strip_prefix("bytes=")
            .and_then(|range| range.strip_suffix('-'));
        first.and_then(|first| first.parse().ok()).expect("a range")
    });
    let etag = ("ETag", format!("\"{blob}\""));
    let (status, range) = match first {
        None => (200, None),
        Some(first) if first >= size => return Ok(Answer::new(416, Vec::new())),
        Some(first) => (
            206,
            Some((
                "Content-Range",
                format!("bytes {first}-{}/{size}", size - 1),
            )),
        ),
    };
    let pieces: Vec<_> = found
        .read(first.unwrap_or_default()..size)
        .try_collect()
        .await
        .expect("the content");
    let headers = std::iter::once(etag)
        .chain(range)
        .map(|(name, value)| Header {
            name: name.to_owned(),
            value,
        });
    Ok(Answer {
        status,
        headers: headers.collect(),
        body: pieces.concat(),
    })
}
