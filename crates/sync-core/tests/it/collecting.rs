//! What jobs collect.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{
    ClientId, Collect, CollectBlobs, Engine, RedisConn as _, SyncError, adapter_handlers,
};
use sync_jobs::{Budget, JobHandlers};
use sync_redis::{Reply, args};
use test_support::{Fault, TestPorts, World, local};

const DAY: Duration = Duration::from_secs(86_400);

/// Lets time pass, after which what is due is done.
async fn pass(engine: &Engine<TestPorts>, time: Duration) {
    engine.ports().clock.advance(time);
    let adapter = adapter_handlers();
    let blobs = JobHandlers::new().with(CollectBlobs::NAME, CollectBlobs);
    engine.sweeper().sweep().await.unwrap();
    engine
        .worker(&adapter, "adapter")
        .run(Budget::RING)
        .await
        .unwrap();
    engine
        .worker(&blobs, "bulk")
        .run(Budget::RING)
        .await
        .unwrap();
}

async fn tombstones(world: &World) -> u64 {
    let command = args!["ZCARD", "rhosync:1:{Pushed/app}:tomb"];
    let count = world.engine.ports().redis.run(command).await.unwrap();
    Reply::new("ZCARD", count).number().unwrap()
}

async fn feed(world: &World, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|number| format!("o{number}")).collect();
    let objects = ids.iter().map(|id| (id.clone(), json!({"name": "n"})));
    let objects = Value::Object(objects.collect());
    let objects = serde_json::from_value(objects).unwrap();
    world
        .engine
        .feed_objects("Pushed", "u1", objects)
        .await
        .unwrap();
    ids
}

#[test]
fn tombstones_go_when_the_last_of_many_clients_has_passed_them() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        pass(&world.engine, Duration::ZERO).await;
        let ids = feed(&world, 3).await;
        // More than one part of a scan.
        let late = world.client(&session).await;
        world.sync(&session, &late, "Pushed").await;
        for _ in 0..700 {
            let client = world.client(&session).await;
            world.sync(&session, &client, "Pushed").await;
        }
        world
            .engine
            .feed_deletes("Pushed", "u1", ids)
            .await
            .unwrap();
        pass(&world.engine, 2 * DAY).await;
        pass(&world.engine, Duration::from_secs(60)).await;
        assert_eq!(
            tombstones(&world).await,
            3,
            "{late} and all the others have them"
        );
        // All but one are never heard of again.
        for _ in 0..4 {
            pass(&world.engine, 10 * DAY).await;
            pass(&world.engine, Duration::from_secs(60)).await;
            world.sync(&session, &late, "Pushed").await;
        }
        pass(&world.engine, DAY).await;
        pass(&world.engine, Duration::from_secs(60)).await;
        assert_eq!(tombstones(&world).await, 0);
    });
}

#[test]
fn a_silent_client_is_forgotten_but_not_what_it_has_sent() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        pass(&world.engine, Duration::ZERO).await;
        let [silent, sender, active] = [
            world.client(&session).await,
            world.client(&session).await,
            world.client(&session).await,
        ];
        for client in [&silent, &sender, &active] {
            world.sync(&session, client, "Own").await;
        }
        let is_known = async |client: &ClientId| world.engine.client(client.as_str()).await.is_ok();
        for _ in 0..6 {
            pass(&world.engine, 10 * DAY).await;
            assert!(is_known(&silent).await, "it may come back");
            world.sync(&session, &active, "Own").await;
        }
        // Its last sign of life: a change that the back end cannot take now.
        world.back_end.fail([Fault::Unreachable; 3]);
        let change = json!({"create": {"t1": {"name": "late"}}});
        world.push(&session, &sender, "Own", change).await.unwrap();
        world.engine.ports().clock.advance(3 * DAY);
        world.engine.sweeper().sweep().await.unwrap();
        let collect = JobHandlers::new().with(Collect::NAME, Collect);
        let worker = world.engine.worker(&collect, "adapter");
        worker.run(Budget::RING).await.unwrap();
        let unknown = world.engine.client(silent.as_str()).await;
        assert_eq!(unknown.unwrap_err(), SyncError::UnknownClient);
        assert!(is_known(&sender).await, "its change waits");
        assert!(is_known(&active).await);
        for _ in 0..8 {
            pass(&world.engine, DAY).await;
            world.sync(&session, &active, "Own").await;
        }
        let names = world.back_end.objects();
        assert_eq!(names.len(), 1, "the change was made: {names:?}");
        // The session goes on: it may be another client's too.
        world.sync(&session, &active, "Own").await;
    });
}

#[test]
fn a_backlog_of_blobs_is_gone_after_one_run() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        pass(&world.engine, Duration::ZERO).await;
        for number in 0..250_u32 {
            let content = number.to_le_bytes();
            let uploads = world.upload(&session, &[("f", &content)]).await.unwrap();
            // The request ends without a word: its content is nobody's.
            drop(uploads);
        }
        assert_eq!(world.blob_contents().await, 250);
        pass(&world.engine, Duration::from_secs(3 * 3_600)).await;
        assert_eq!(world.blob_contents().await, 0);
    });
}
