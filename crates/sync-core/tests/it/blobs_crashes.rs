//! Files of devices: a server that crashes at any command leaves nothing that is not mended.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::cell::RefCell;

use serde_json::json;
use sync_core::{Session, StorePorts as _, SyncError};
use test_support::{Break, World, local};

use crate::background::work;
use crate::blobs::{DAY, blob_in, collect, content, create};

/// Lets a server crash at every command of what `act` does, and looks what is left after each.
async fn crash_everywhere(
    world: &World,
    act: impl AsyncFn() -> Result<(), SyncError>,
    check: impl AsyncFn(usize, Break),
) {
    let redis = world.engine.ports().redis();
    for at in [Break::Before, Break::After] {
        for command in 1.. {
            redis.break_at(command, at);
            let outcome = act().await;
            if !redis.mend() {
                outcome.unwrap();
                assert!(command > 5, "it takes more than {command} commands");
                break;
            }
            check(command, at).await;
        }
    }
}

/// Deletes all objects, lets time pass, and looks that nothing of any blob is left.
async fn assert_nothing_stays(world: &World, session: &Session, what: &str) {
    let fresh = world.client(session).await;
    let news = world.sync(session, &fresh, "Pushed").await;
    let objects = news[0]["insert"].as_object().cloned().unwrap_or_default();
    let ids = objects.keys().cloned().collect();
    world
        .engine
        .feed_deletes("Pushed", "u1", ids)
        .await
        .unwrap();
    collect(world).await;
    assert_eq!(world.blob_keys().await, [""; 0], "{what}");
}

#[test]
fn whatever_a_crash_interrupts_the_file_arrives_with_the_next_try_and_nothing_is_left_over() {
    local(async {
        let world = World::start().await;
        let (session, client) = (RefCell::new(None), RefCell::new(None));
        let sent = content(6, 600_000);
        let push = async || {
            let (session, client) = (
                session.borrow().clone().unwrap(),
                client.borrow().clone().unwrap(),
            );
            let changes =
                json!({"create": {"t": {"name": "n", "photo": "p"}}, "blob_fields": ["photo"]});
            let files = [("photo-t", sent.as_slice())];
            world
                .push_with_files(&session, &client, "Pushed", changes, &files)
                .await
        };
        let begin = async || {
            world.flush().await;
            let new = world.session("u1").await;
            let device = world.client(&new).await;
            world.sync(&new, &device, "Pushed").await;
            session.replace(Some(new));
            client.replace(Some(device));
        };
        begin().await;
        crash_everywhere(&world, push, async |command, at| {
            let what = format!("a crash {at:?} command {command}");
            push()
                .await
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let user = session.borrow().clone().unwrap();
            let device = client.borrow().clone().unwrap();
            // What a crashed request held is free again when its lease has run out.
            world.drop_operations_lease("Pushed", &device).await;
            world.sync(&user, &device, "Pushed").await;
            work(&world.engine).await;
            world.sync(&user, &device, "Pushed").await;
            let other = world.client(&user).await;
            let news = world.sync(&user, &other, "Pushed").await;
            let objects = news[0]["insert"].as_object().unwrap();
            assert_eq!(objects.len(), 1, "{what}");
            let object = objects.values().next().unwrap();
            let blob = blob_in(&object["photo-rhoblob"]);
            assert_eq!(collect(&world).await, 0, "{what}");
            assert!(
                world.download(&user, &blob).await.unwrap() == sent,
                "{what}"
            );
            assert_eq!(
                world.engine.blobs().bytes_of("u1").await.unwrap(),
                600_000,
                "{what}"
            );
            assert_nothing_stays(&world, &user, &what).await;
            begin().await;
        })
        .await;
    });
}

#[test]
fn whatever_a_crash_interrupts_a_collection_is_finished_by_the_next() {
    local(async {
        let world = World::start().await;
        let begin = async || {
            world.flush().await;
            let session = world.session("u1").await;
            let client = world.client(&session).await;
            create(&world, &session, &client, "t-1", b"content").await;
            let fresh = world.client(&session).await;
            let news = world.sync(&session, &fresh, "Pushed").await;
            let ids = news[0]["insert"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            world
                .engine
                .feed_deletes("Pushed", "u1", ids)
                .await
                .unwrap();
        };
        begin().await;
        let collect_all = async || {
            for _ in 0..3 {
                world.engine.ports().clock().advance(DAY);
                world.engine.blobs().collect().await?;
            }
            Ok(())
        };
        crash_everywhere(&world, collect_all, async |command, at| {
            collect_all().await.unwrap();
            assert_eq!(
                world.blob_keys().await,
                [""; 0],
                "a crash {at:?} command {command}"
            );
            begin().await;
        })
        .await;
    });
}
