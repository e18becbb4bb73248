//! `/sync/v1`: files come up in parts, before the change that refers to them, and go down to whoever has the object.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sync_core::{
    BlobError, BlobId, BlobPart, BlobProgress, DeviceSession, StorePorts as _, SyncError,
};
use sync_redis::RedisConn as _;
use test_support::{Break, World, local};

use crate::device_sync::{Copy, a_moment, device, sync};
use crate::device_sync_changes::send;

const DAY: Duration = Duration::from_secs(86_400);

/// Bytes of a piece, of which the server keeps whole ones.
const PIECE: usize = 512 * 1024;

/// Settings with a quota a test can reach.
const SMALL: &str = r#"
    [blobs]
    max_bytes = 1200000
    quota_bytes = 1500000

    [sources.Pushed]
    adapter = "push-only"
    partition = "app"

    [sources.Mine]
    adapter = "push-only"
    partition = "user"
"#;

async fn small() -> World {
    let world = World::start().await;
    let engine = world.another(Some(SMALL), 2).await;
    world.with_engine(engine)
}

fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8 ^ seed).collect()
}

fn digest(content: &[u8]) -> BlobId {
    BlobId::of(&Sha256::digest(content).into())
}

/// Brings what comes of a content after its first bytes, as that of `blob`, in pieces of an odd size.
async fn put_as(
    world: &World,
    device: &DeviceSession,
    blob: &BlobId,
    bytes: u64,
    first: u64,
    part: &[u8],
) -> Result<BlobProgress, SyncError> {
    let part_of = BlobPart {
        blob: blob.clone(),
        bytes,
        first,
        content_type: "image/png".to_owned(),
    };
    let mut upload = world.engine.begin_blob_part(device, part_of).await?;
    for some in part.chunks(70_001) {
        upload.write(some).await?;
    }
    Ok(upload.end().await?)
}

async fn put(
    world: &World,
    device: &DeviceSession,
    whole: &[u8],
    part: std::ops::Range<usize>,
) -> Result<u64, SyncError> {
    let (blob, bytes, first) = (digest(whole), whole.len() as u64, part.start as u64);
    let progress = put_as(world, device, &blob, bytes, first, &whole[part]).await?;
    assert_eq!(progress.bytes, bytes);
    Ok(progress.received)
}

/// Brings all of a content, from where the server is.
async fn put_all(world: &World, device: &DeviceSession, whole: &[u8]) -> Result<(), SyncError> {
    let mut received = 0;
    loop {
        let first = usize::try_from(received).unwrap();
        received = put(world, device, whole, first..whole.len()).await?;
        if received == whole.len() as u64 {
            return Ok(());
        }
    }
}

async fn download(world: &World, device: &DeviceSession, blob: &BlobId) -> Option<Vec<u8>> {
    let opened = world.engine.open_device_blob(device, blob).await;
    let opened = match opened {
        Err(SyncError::Blob(BlobError::Unknown)) => return None,
        opened => opened.unwrap(),
    };
    assert_eq!(opened.content_type, "image/png");
    let mut content = Vec::new();
    let mut pieces = opened.read(0..opened.size);
    while let Some(piece) = pieces.next().await {
        content.extend_from_slice(&piece.unwrap());
    }
    Some(content)
}

fn create(id: &str, source: &str, photo: &str) -> Value {
    json!({"id": id, "source": source, "op": "create", "object": format!("made-by-{id}"),
           "set": {"photo": "a b.png", "photo-rhoblob": photo}})
}

fn address(blob: &BlobId) -> String {
    format!("/blobs/{blob}/a%20b.png")
}

async fn keys(world: &World, pattern: &str) -> usize {
    let command = ["KEYS", pattern].map(|part| part.as_bytes().to_vec());
    let redis = world.engine.ports().redis();
    redis.run(command.into()).await.unwrap().len()
}

/// What the store has of files, but for what goes by itself.
async fn left(world: &World) -> usize {
    keys(world, "*blob*").await - keys(world, "*{blobs}:spool*").await
}

/// Lets days pass, and collects.
async fn collect(world: &World) -> usize {
    let mut blobs = 0;
    for _ in 0..4 {
        world.engine.ports().clock().advance(DAY);
        blobs += world.engine.blobs().collect().await.unwrap().blobs;
    }
    blobs
}

#[test]
fn a_file_that_is_up_belongs_to_the_object_whose_change_names_it() {
    local(async {
        let world = World::start().await;
        let (device, other) = (device(&world, "u1").await, device(&world, "u2").await);
        let whole = content(1, 2 * PIECE + 10);
        let blob = digest(&whole);
        let evil = format!("https://evil.example/blobs/{blob}/a%20b.png");
        let early = send(&world, &device, json!([create("c1", "Shared", &evil)])).await;
        assert_eq!(early[0]["code"], "unknown_blob", "{early:?}");
        assert_eq!(world.back_end.objects().len(), 0);

        assert_eq!(
            put(&world, &device, &whole, 0..whole.len()).await.unwrap(),
            whole.len() as u64
        );
        assert_eq!(download(&world, &device, &blob).await, Some(whole.clone()));
        assert_eq!(download(&world, &other, &blob).await, None);
        // The same change again, now that the file is there.
        let told = send(&world, &device, json!([create("c1", "Shared", &evil)])).await;
        assert_eq!(told[0]["status"], "applied", "{told:?}");
        // By another name of the server it is still the same change.
        let again = send(
            &world,
            &device,
            json!([create("c1", "Shared", &address(&blob))]),
        )
        .await;
        assert_eq!(again, told);
        a_moment(&world);
        let mut copy = Copy::of(&["Shared"]);
        sync(&world, &other, &mut copy).await;
        let object = copy.objects["Shared"].values().next().unwrap();
        assert_eq!(
            object["photo-rhoblob"],
            format!("https://sync.example/blobs/{blob}/a%20b.png")
        );
        assert_eq!(download(&world, &other, &blob).await, Some(whole));
    });
}

#[test]
fn the_digest_of_a_file_opens_nothing_and_lets_nobody_refer_to_it() {
    local(async {
        let world = small().await;
        let (device, other) = (device(&world, "u1").await, device(&world, "u2").await);
        let whole = content(2, 1_000);
        let blob = digest(&whole);
        put_all(&world, &device, &whole).await.unwrap();
        send(
            &world,
            &device,
            json!([create("c1", "Mine", &address(&blob))]),
        )
        .await;
        let stolen = send(
            &world,
            &other,
            json!([create("c2", "Mine", &address(&blob))]),
        )
        .await;
        assert_eq!(stolen[0]["code"], "unknown_blob");
        assert_eq!(download(&world, &other, &blob).await, None);
        // Who has the content may: it is kept once, and charged twice.
        put_all(&world, &other, &whole).await.unwrap();
        let own = send(
            &world,
            &other,
            json!([create("c3", "Mine", &address(&blob))]),
        )
        .await;
        assert_eq!(own[0]["status"], "applied");
        assert_eq!(keys(&world, "*blob-content*").await, 1);
        assert_eq!(world.engine.blobs().bytes_of("u2").await.unwrap(), 1_000);
        // Who has an object that refers to it may refer to it in another.
        let shared = send(
            &world,
            &device,
            json!([create("c4", "Pushed", &address(&blob))]),
        )
        .await;
        assert_eq!(shared[0]["status"], "applied");
    });
}

#[test]
fn parts_go_on_where_the_server_is_whatever_comes_twice_late_or_too_early() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let whole = content(3, 3 * PIECE + 7);
        let piece = PIECE as u64;
        let put = async |part| put(&world, &device, &whole, part).await.unwrap();
        // What is no whole piece is to be sent again.
        assert_eq!(put(0..PIECE - 1).await, 0);
        assert_eq!(put(0..PIECE + 100).await, piece);
        assert_eq!(put(0..PIECE + 100).await, piece, "again");
        assert_eq!(put(2 * PIECE..whole.len()).await, piece, "too early");
        assert_eq!(put(100..whole.len()).await, piece, "it overlaps");
        assert_eq!(put(PIECE..3 * PIECE).await, 3 * piece);
        assert_eq!(put(3 * PIECE..whole.len()).await, whole.len() as u64);
        assert_eq!(put(0..PIECE).await, whole.len() as u64, "it is there");
        assert_eq!(
            download(&world, &device, &digest(&whole)).await,
            Some(whole.clone())
        );
        let nothing = digest(&[]);
        assert!(
            put_as(&world, &device, &nothing, 0, 0, &[])
                .await
                .unwrap()
                .is_complete()
        );
        assert_eq!(download(&world, &device, &nothing).await, Some(Vec::new()));
    });
}

#[test]
fn two_requests_at_once_do_not_mix() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let (mut whole, other) = (content(4, 2 * PIECE), content(5, 2 * PIECE));
        whole[PIECE..].copy_from_slice(&content(6, PIECE));
        let (blob, bytes) = (digest(&whole), whole.len() as u64);
        let begin = || {
            let part = BlobPart {
                blob: blob.clone(),
                bytes,
                first: 0,
                content_type: "image/png".to_owned(),
            };
            world.engine.begin_blob_part(&device, part)
        };
        let (mut good, mut bad) = (begin().await.unwrap(), begin().await.unwrap());
        good.write(&whole[..PIECE]).await.unwrap();
        bad.write(&other).await.unwrap();
        assert!(!bad.takes());
        assert_eq!(bad.end().await.unwrap().received, PIECE as u64);
        good.write(&whole[PIECE..]).await.unwrap();
        assert!(good.end().await.unwrap().is_complete());
        assert_eq!(download(&world, &device, &blob).await, Some(whole));
    });
}

#[test]
fn another_content_becomes_nothing() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let (whole, other) = (content(7, PIECE + 1), content(8, PIECE + 1));
        let (blob, bytes) = (digest(&whole), whole.len() as u64);
        let refused = put_as(&world, &device, &blob, bytes, 0, &other).await;
        assert!(
            matches!(refused, Err(SyncError::Blob(BlobError::OtherContent))),
            "{refused:?}"
        );
        assert_eq!(download(&world, &device, &blob).await, None);
        assert_eq!(keys(&world, "*blob-content*").await, 0);
        put_all(&world, &device, &whole).await.unwrap();
        assert_eq!(download(&world, &device, &blob).await, Some(whole));
    });
}

#[test]
fn what_does_not_fit_is_refused_and_what_never_ends_is_swept() {
    local(async {
        let world = small().await;
        let device = device(&world, "u1").await;
        let refused = put(&world, &device, &content(1, 1_200_001), 0..1).await;
        assert!(matches!(
            refused,
            Err(SyncError::Blob(BlobError::TooLarge { .. }))
        ));
        let (first, second) = (content(2, 1_000_000), content(3, 600_000));
        assert_eq!(
            put(&world, &device, &first, 0..PIECE + 5).await.unwrap(),
            PIECE as u64
        );
        let refused = put(&world, &device, &second, 0..second.len()).await;
        assert!(matches!(
            refused,
            Err(SyncError::Blob(BlobError::TooManyUploads))
        ));
        // What goes on stays; what does not is gone after a day.
        world.engine.ports().clock().advance(DAY * 2 / 3);
        assert_eq!(
            put(&world, &device, &first, 0..0).await.unwrap(),
            PIECE as u64
        );
        world.engine.ports().clock().advance(DAY * 2 / 3);
        world.engine.blobs().collect().await.unwrap();
        assert_eq!(keys(&world, "*blob-content*").await, 1);
        collect(&world).await;
        assert_eq!(left(&world).await, 0, "nothing stays");
        put_all(&world, &device, &second).await.unwrap();
        let refused = put_all(&world, &device, &first).await;
        assert!(
            matches!(
                refused,
                Err(SyncError::Blob(BlobError::QuotaExceeded { .. }))
            ),
            "{refused:?}"
        );
        assert_eq!(collect(&world).await, 1, "nobody refers to it");
        assert_eq!(left(&world).await, 0);
    });
}

#[test]
fn a_crash_at_any_command_loses_no_file_and_leaves_none() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let redis = world.engine.ports().redis();
        let mut number = 0;
        for at in [Break::Before, Break::After] {
            for command in 1.. {
                number += 1;
                let whole = content(number, PIECE + 3);
                redis.break_at(command, at);
                let done = put_all(&world, &device, &whole).await;
                let has_broken = redis.mend();
                if !has_broken {
                    done.unwrap();
                    assert!(command > 5, "it takes more than {command} commands");
                    break;
                }
                put_all(&world, &device, &whole).await.unwrap();
                let blob = digest(&whole);
                assert_eq!(
                    download(&world, &device, &blob).await.as_ref(),
                    Some(&whole),
                    "{command}, {at:?}"
                );
            }
        }
        collect(&world).await;
        assert_eq!(left(&world).await, 0);
    });
}
