//! Files of devices: kept once, charged, handed to those who may read them, and gone when nobody refers to them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sync_core::{
    AccountError, BlobError, BlobId, BlobReader, ClientId, ContentError, Session, StorePorts as _,
    SyncError,
};
use test_support::{Fault, World, local};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// Settings with a quota a test can reach.
const SMALL: &str = r#"
    [blobs]
    max_bytes = 1000000
    quota_bytes = 1500000
    public_url = "https://files.example/"

    [sources.Pushed]
    adapter = "push-only"
    partition = "app"

    [sources.Mine]
    adapter = "push-only"
    partition = "user"
"#;

/// Contents that differ by their seed.
pub(crate) fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8 ^ seed).collect()
}

/// The blob an attribute's address leads to.
pub(crate) fn blob_in(address: &Value) -> BlobId {
    let address = address.as_str().unwrap();
    let (_, rest) = address.split_once("/blobs/").unwrap();
    BlobId::parse(&rest[..64]).unwrap()
}

/// Creates an object with a file and answers the file's blob, as the others see it.
pub(crate) async fn create(
    world: &World,
    session: &Session,
    client: &ClientId,
    id: &str,
    bytes: &[u8],
) -> BlobId {
    let other = world.client(session).await;
    world.sync(session, &other, "Pushed").await;
    world.sync(session, client, "Pushed").await;
    let changes =
        json!({"create": {id: {"name": "n", "photo": "p.png"}}, "blob_fields": ["photo"]});
    world
        .push_with_files(
            session,
            client,
            "Pushed",
            changes,
            &[(&format!("photo-{id}"), bytes)],
        )
        .await
        .unwrap();
    let news = world.sync(session, &other, "Pushed").await;
    let object = news[0]["insert"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap()
        .clone();
    assert_eq!(
        object["photo"], "p.png",
        "the attribute stays as it was sent"
    );
    blob_in(&object["photo-rhoblob"])
}

/// Lets a day pass and collects, as often as it takes for a blob to go that nobody refers to.
pub(crate) async fn collect(world: &World) -> usize {
    let mut blobs = 0;
    for _ in 0..3 {
        world.engine.ports().clock().advance(DAY);
        blobs += world.engine.blobs().collect().await.unwrap().blobs;
    }
    blobs
}

#[test]
fn a_file_comes_with_its_object_and_can_be_read_by_those_who_see_it() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let sent = content(1, 1_300_000);
        let blob = create(&world, &session, &client, "t-1", &sent).await;
        assert_eq!(world.download(&session, &blob).await.unwrap(), sent);
        let other = world.session("u2").await;
        assert_eq!(world.download(&other, &blob).await.unwrap(), sent);

        let opened = world
            .engine
            .open_blob(BlobReader::Administrator, &blob)
            .await
            .unwrap();
        assert_eq!(
            (opened.size, opened.content_type.as_str()),
            (1_300_000, "image/png")
        );
        for range in [0..1, 524_287..524_289, 1_299_999..1_300_000, 5..900_000] {
            let mut read = Vec::new();
            let mut pieces = opened.read(range.clone());
            while let Some(piece) = pieces.next().await {
                let piece = piece.unwrap();
                assert!(!piece.is_empty() && piece.len() <= 1 << 20);
                read.extend_from_slice(&piece);
            }
            assert_eq!(
                read,
                sent[range.start as usize..range.end as usize],
                "{range:?}"
            );
        }
    });
}

#[test]
fn the_adapter_gets_the_address_and_can_read_the_file() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        let changes = json!({"create": {"t": {"photo": "a b.png"}}, "blob_fields": ["photo"]});
        world
            .push_with_files(
                &session,
                &client,
                "Shared",
                changes,
                &[("photo-t", b"picture")],
            )
            .await
            .unwrap();
        let objects = world.back_end.objects();
        let object = objects.values().next().unwrap();
        assert!(
            object["photo-rhoblob"].starts_with("https://sync.example/blobs/"),
            "{object:?}"
        );
        assert_eq!(world.back_end.files(), [b"picture".to_vec()]);
    });
}

#[test]
fn a_user_who_sees_no_such_object_does_not_get_the_file_by_its_digest() {
    local(async {
        let world = World::start().await;
        let engine = world.another(Some(SMALL), 2).await;
        let world = world.with_engine(engine);
        let (mine, other) = (world.session("u1").await, world.session("u2").await);
        let client = world.client(&mine).await;
        world.sync(&mine, &client, "Mine").await;
        let changes = json!({"create": {"t": {"photo": "p"}}, "blob_fields": ["photo"]});
        world
            .push_with_files(&mine, &client, "Mine", changes, &[("photo-t", b"secret")])
            .await
            .unwrap();
        let upload = world
            .upload(&other, &[("photo-t", b"secret")])
            .await
            .unwrap();
        let blob = upload[0].blob.clone();
        assert_eq!(world.download(&mine, &blob).await.unwrap(), b"secret");
        assert_eq!(
            world.download(&other, &blob).await,
            Err(SyncError::Blob(BlobError::Unknown))
        );

        // Nor by naming the address in an object of the user's own.
        let thief = world.client(&other).await;
        world.sync(&other, &thief, "Mine").await;
        let address = format!("https://files.example/blobs/{blob}");
        let changes = json!({"create": {"t": {"name": "x", "photo-rhoblob": address}}});
        world.push(&other, &thief, "Mine", changes).await.unwrap();
        assert_eq!(
            world.download(&other, &blob).await,
            Err(SyncError::Blob(BlobError::Unknown))
        );
    });
}

#[test]
fn the_same_content_is_kept_once_and_charged_to_everybody_who_sent_it() {
    local(async {
        let world = World::start().await;
        let (one, two) = (world.session("u1").await, world.session("u2").await);
        let sent = content(2, 600_000);
        let client = world.client(&one).await;
        let first = create(&world, &one, &client, "t-1", &sent).await;
        let second = {
            let client = world.client(&two).await;
            create(&world, &two, &client, "t-1", &sent).await
        };
        assert_eq!(first, second);
        assert_eq!(world.blob_contents().await, 1);
        for user in ["u1", "u2"] {
            assert_eq!(world.engine.blobs().bytes_of(user).await.unwrap(), 600_000);
        }
        // Sent again it is not charged again.
        create(&world, &one, &client, "t-2", &sent).await;
        assert_eq!(world.engine.blobs().bytes_of("u1").await.unwrap(), 600_000);
        assert_eq!(world.blob_contents().await, 1);
    });
}

#[test]
fn what_does_not_fit_into_the_quota_is_refused_with_all_that_came_with_it() {
    local(async {
        let world = World::start().await;
        let engine = world.another(Some(SMALL), 2).await;
        let world = world.with_engine(engine);
        let session = world.session("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Pushed").await;
        let push = async |id: &str, sizes: &[usize], seed: u8| {
            let parts: Vec<_> = (0..sizes.len())
                .map(|file| format!("f{file}-{id}"))
                .collect();
            let contents: Vec<_> = sizes
                .iter()
                .zip(seed..)
                .map(|(size, seed)| content(seed, *size))
                .collect();
            let files: Vec<_> = parts
                .iter()
                .zip(&contents)
                .map(|(part, content)| (part.as_str(), content.as_slice()))
                .collect();
            let fields: Vec<_> = (0..sizes.len()).map(|file| format!("f{file}")).collect();
            let changes = json!({"create": {id: {"name": "n"}}, "blob_fields": fields});
            world
                .push_with_files(&session, &client, "Pushed", changes, &files)
                .await
        };
        let full = Err(SyncError::Blob(BlobError::QuotaExceeded {
            quota_bytes: 1_500_000,
        }));
        push("a", &[1_000_000], 1).await.unwrap();
        assert_eq!(push("b", &[400_000, 200_000], 10).await, full);
        assert_eq!(
            world.engine.blobs().bytes_of("u1").await.unwrap(),
            1_000_000
        );
        assert_eq!(world.blob_contents().await, 1, "nothing of it stays");
        assert_eq!(
            push("b", &[1_000_001], 10).await,
            Err(SyncError::Blob(BlobError::TooLarge {
                max_bytes: 1_000_000
            }))
        );
        assert_eq!(push("b", &[900_000, 900_000], 10).await, full);
        push("b", &[400_000], 10).await.unwrap();
        // An answer that was lost: the same again takes no more room.
        push("b", &[400_000], 10).await.unwrap();
    });
}

#[test]
fn a_file_that_fits_nowhere_refuses_the_request() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Pushed").await;
        let push = async |changes: Value, part: &str| {
            world
                .push_with_files(&session, &client, "Pushed", changes, &[(part, b"x")])
                .await
        };
        let misplaced = |part: &str| {
            Err(SyncError::Blob(BlobError::MisplacedFile {
                part: part.to_owned(),
            }))
        };
        let created = json!({"create": {"1-2": {"photo": "p"}}});
        for part in ["photo", "photo-", "photo-2", "scan-1-2", "1-2", "-1-2", ""] {
            assert_eq!(push(created.clone(), part).await, misplaced(part), "{part}");
        }
        let deleted = json!({"delete": {"1-2": {"photo": "p"}}});
        assert_eq!(push(deleted, "photo-1-2").await, misplaced("photo-1-2"));
        let doubtful = json!({"create": {"2": {"a-1": ""}, "1-2": {"a": ""}}});
        assert_eq!(push(doubtful, "a-1-2").await, misplaced("a-1-2"));
        assert_eq!(world.blob_contents().await, 0);

        push(created, "photo-1-2").await.unwrap();
        let both = json!({"create": {"x": {"photo": "p"}}, "update": {"x": {"photo": "p"}}});
        push(both, "photo-x").await.unwrap();
    });
}

#[test]
fn an_unknown_client_or_session_leaves_nothing() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let stranger: ClientId = "0123456789abcdef".parse().unwrap();
        let changes = json!({"create": {"1": {"photo": "p"}}});
        let refused = world
            .push_with_files(&session, &stranger, "Pushed", changes, &[("photo-1", b"x")])
            .await;
        assert_eq!(refused, Err(SyncError::UnknownClient));
        assert_eq!(world.blob_contents().await, 0);
        assert_eq!(world.engine.blobs().bytes_of("u1").await.unwrap(), 0);
        world.flush().await;
        assert_eq!(
            world.upload(&session, &[("photo-1", b"x")]).await,
            Err(SyncError::Account(AccountError::NotAuthenticated))
        );
    });
}

#[test]
fn a_blob_goes_with_the_last_object_that_refers_to_it_and_its_room_is_free_again() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let client = world.client(&session).await;
        let sent = content(3, 700_000);
        let blob = create(&world, &session, &client, "t-1", &sent).await;
        assert_eq!(
            create(&world, &session, &client, "t-2", &sent).await,
            blob,
            "a second object"
        );
        assert_eq!(collect(&world).await, 0);

        let objects: Vec<String> = {
            let fresh = world.client(&session).await;
            let news = world.sync(&session, &fresh, "Pushed").await;
            news[0]["insert"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect()
        };
        for (id, gone) in objects.iter().zip([0, 1]) {
            world
                .engine
                .feed_deletes("Pushed", "u1", vec![id.clone()])
                .await
                .unwrap();
            assert_eq!(collect(&world).await, gone);
        }
        assert_eq!(
            world.download(&session, &blob).await,
            Err(SyncError::Blob(BlobError::Unknown))
        );
        assert_eq!(world.blob_contents().await, 0);
        assert_eq!(world.engine.blobs().bytes_of("u1").await.unwrap(), 0);
    });
}

#[test]
fn a_blob_that_was_replaced_goes_and_its_successor_stays() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let client = world.client(&session).await;
        let old = create(&world, &session, &client, "t-1", b"old").await;
        let links = world.sync(&session, &client, "Pushed").await;
        let id = links[0]["links"]["t-1"]["l"].as_str().unwrap().to_owned();
        let changes = json!({"update": {id.as_str(): {"photo": "p2"}}, "blob_fields": ["photo"]});
        let part = format!("photo-{id}");
        world
            .push_with_files(&session, &client, "Pushed", changes, &[(&part, b"new")])
            .await
            .unwrap();
        assert_eq!(collect(&world).await, 1);
        assert_eq!(
            world.download(&session, &old).await,
            Err(SyncError::Blob(BlobError::Unknown))
        );
        assert_eq!(world.blob_contents().await, 1);
    });
}

#[test]
fn a_blob_of_a_change_that_waits_for_the_back_end_is_kept_however_long_it_waits() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.fail([Fault::Unreachable; 3]);
        let changes = json!({"create": {"t": {"photo": "p"}}, "blob_fields": ["photo"]});
        world
            .push_with_files(
                &session,
                &client,
                "Shared",
                changes,
                &[("photo-t", b"patient")],
            )
            .await
            .unwrap();
        assert_eq!(world.back_end.objects().len(), 0);
        assert_eq!(collect(&world).await, 0);
        world.sync(&session, &client, "Shared").await;
        assert_eq!(world.back_end.files().last().unwrap(), b"patient");
        assert_eq!(collect(&world).await, 0, "the object has it now");
    });
}

#[test]
fn a_blob_is_not_collected_from_under_a_reference_that_came_late() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let client = world.client(&session).await;
        let blob = create(&world, &session, &client, "t-1", b"content").await;
        let links = world.sync(&session, &client, "Pushed").await;
        let id = links[0]["links"]["t-1"]["l"].as_str().unwrap().to_owned();
        let opened = world
            .engine
            .open_blob(BlobReader::Administrator, &blob)
            .await
            .unwrap();
        world
            .engine
            .feed_deletes("Pushed", "u1", vec![id])
            .await
            .unwrap();
        world.engine.ports().clock().advance(DAY);
        assert_eq!(
            world.engine.blobs().collect().await.unwrap().blobs,
            0,
            "marked"
        );
        // The back end brings the address into another object.
        let address = format!("https://sync.example/blobs/{}", opened.id);
        let object = json!({"back": {"photo-rhoblob": address}});
        world
            .engine
            .feed_objects("Pushed", "u1", serde_json::from_value(object).unwrap())
            .await
            .unwrap();
        assert_eq!(collect(&world).await, 0);
        assert_eq!(world.download(&session, &blob).await.unwrap(), b"content");
    });
}

#[test]
fn an_upload_that_was_cut_off_leaves_nothing() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let mut uploader = world.engine.blobs().uploader(session.user());
        uploader
            .begin("p-1".into(), "p".into(), "image/png".into())
            .await
            .unwrap();
        uploader.write(&content(4, 600_000)).await.unwrap();
        // Nobody says that it is over: the server was killed.
        drop(uploader);
        assert_eq!(world.blob_contents().await, 1);
        assert_eq!(
            world.engine.blobs().collect().await.unwrap().contents,
            0,
            "it might go on"
        );
        world
            .engine
            .ports()
            .clock()
            .advance(Duration::from_secs(3_700));
        assert_eq!(world.engine.blobs().collect().await.unwrap().contents, 1);
        assert_eq!(world.blob_contents().await, 0);
    });
}

#[test]
fn one_user_cannot_fill_the_store_with_uploads_that_never_end() {
    local(async {
        let world = World::start().await;
        let engine = world.another(Some(SMALL), 2).await;
        let world = world.with_engine(engine);
        let (session, other) = (world.session("u1").await, world.session("u2").await);
        let begun = async |session: &Session, bytes: usize| {
            let mut uploader = world.engine.blobs().uploader(session.user());
            let name = || "p".to_owned();
            uploader.begin(name(), name(), name()).await.unwrap();
            let written = uploader.write(&content(7, bytes)).await;
            (uploader, written)
        };
        let (first, written) = begun(&session, 900_000).await;
        written.unwrap();
        let (second, written) = begun(&session, 900_000).await;
        written.unwrap();
        let (third, written) = begun(&session, 900_000).await;
        assert_eq!(written, Err(BlobError::TooManyUploads));
        third.discard().await;
        begun(&other, 900_000).await.1.unwrap();

        first.discard().await;
        begun(&session, 900_000).await.1.unwrap();
        drop(second);
        // What a crash has left counts no longer than it is kept.
        assert_eq!(
            begun(&session, 900_000).await.1,
            Err(BlobError::TooManyUploads)
        );
        let clock = world.engine.ports().clock();
        clock.advance(Duration::from_secs(3_700));
        begun(&session, 900_000).await.1.unwrap();
    });
}

#[test]
fn an_upload_may_take_long_as_long_as_it_goes_on() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let clock = |minutes: u64| {
            let ports = world.engine.ports();
            ports.clock().advance(Duration::from_secs(minutes * 60));
        };
        let mut uploader = world.engine.blobs().uploader(session.user());
        uploader
            .begin("p-1".into(), "p".into(), "image/png".into())
            .await
            .unwrap();
        for seed in 0..6 {
            uploader.write(&content(seed, 524_288)).await.unwrap();
            clock(40);
            world.engine.blobs().collect().await.unwrap();
        }
        assert_eq!(world.blob_contents().await, 1);
        clock(30);
        assert_eq!(
            uploader.write(&content(9, 524_288)).await,
            Err(BlobError::UploadExpired)
        );
        uploader.discard().await;
        assert_eq!(world.blob_contents().await, 0);
    });
}

#[test]
fn a_content_that_has_a_hole_is_an_error_and_not_a_shorter_file() {
    local(async {
        let world = World::start().await;
        let session = world.session("u1").await;
        let client = world.client(&session).await;
        let blob = create(&world, &session, &client, "t-1", &content(5, 1_200_000)).await;
        world.drop_blob_piece(1).await;
        assert_eq!(
            world.download(&session, &blob).await,
            Err(SyncError::Blob(BlobError::Content(
                ContentError::Incomplete { at: 524_288 }
            )))
        );
    });
}
