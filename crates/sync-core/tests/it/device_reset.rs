//! `/sync/v1`: a device that an administrator lets start over.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::time::Duration;

use serde_json::json;
use sync_core::{AccountError, ChangeQuery, DeviceGrant, DeviceProof, Engine, Origin, SyncError};
use sync_proto::api::ChangeState;
use test_support::{Fault, TestPorts, World, local};

use crate::device_sync::{Copy, a_moment, ask, feed, start, sync_with};
use crate::device_sync_changes::{ask_after, create, send, update};

async fn sign_in(world: &World) -> DeviceGrant {
    world.sign_in("u1").await;
    let description = Default::default();
    let proof = DeviceProof::Password {
        login: "u1",
        password: "password",
        origin: Origin("test"),
    };
    let granted = world.engine.sign_in_device(proof, None, &description);
    granted.await.unwrap()
}

async fn refresh(engine: &Engine<TestPorts>, grant: &DeviceGrant) -> DeviceGrant {
    let refreshed = engine.accounts().refresh_device(&grant.refresh, "again");
    refreshed.await.unwrap()
}

/// A device that has an object of each of two sources.
async fn filled(world: &World) -> (DeviceGrant, Copy) {
    let grant = sign_in(world).await;
    feed(world, "Own", "u1", json!({"a": {"n": "1"}})).await;
    feed(world, "Typed", "u1", json!({"b": {"n": "1"}})).await;
    let mut copy = Copy::of(&["Own", "Typed"]);
    sync_with(&world.engine, &grant.session, &mut copy).await;
    (grant, copy)
}

fn resets(lines: &[serde_json::Value]) -> Vec<(&str, &str)> {
    let said = lines.iter().filter_map(|line| {
        let reset = line.get("reset")?.as_str()?;
        Some((line["source"].as_str()?, reset))
    });
    said.collect()
}

#[test]
fn a_reset_of_one_source_is_told_once_by_every_instance() {
    local(async {
        let world = start().await;
        let other = world.another(Some(crate::device_sync::SOURCES), 3).await;
        let (grant, mut copy) = filled(&world).await;
        // The other instance has read who was shut out a moment ago.
        sync_with(&other, &grant.session, &mut copy).await;
        let client = grant.session.client().as_str();
        world.engine.start_client_over(client, "Own").await.unwrap();

        let here = ask(&world.engine, &grant.session, &copy.cursors, None).await;
        let is_over = |error| matches!(error, SyncError::Account(AccountError::NotAuthenticated));
        assert!(
            is_over(here.unwrap_err()),
            "the access token is from before"
        );
        other.ports().clock.advance(Duration::from_secs(1));
        let there = ask(&other, &grant.session, &copy.cursors, None).await;
        assert!(is_over(there.unwrap_err()), "within a second elsewhere");

        let grant = refresh(&other, &grant).await;
        // An answer that is lost is given again.
        let lost = ask(&other, &grant.session, &copy.cursors, None).await;
        assert_eq!(resets(&lost.unwrap()), [("Own", "requested")]);
        let lines = sync_with(&other, &grant.session, &mut copy).await;
        assert_eq!(resets(&lines), [("Own", "requested")]);
        assert_eq!(copy.objects["Own"].len(), 1, "it has all of it anew");
        let cursors = copy.cursors.clone();
        for engine in [&world.engine, &other] {
            let lines = sync_with(engine, &grant.session, &mut copy).await;
            assert_eq!(resets(&lines), [], "once");
        }
        assert_eq!(copy.cursors, cursors, "all of them know of it");

        // The next one counts as well.
        world.engine.start_client_over(client, "Own").await.unwrap();
        let grant = refresh(&world.engine, &grant).await;
        let lines = sync_with(&world.engine, &grant.session, &mut copy).await;
        assert_eq!(resets(&lines), [("Own", "requested")]);
    });
}

#[test]
fn a_device_that_comes_back_after_weeks_learns_of_its_reset() {
    local(async {
        let world = start().await;
        let (grant, mut copy) = filled(&world).await;
        let client = grant.session.client().as_str();
        for source in ["Own", "Typed"] {
            world
                .engine
                .start_client_over(client, source)
                .await
                .unwrap();
        }
        world
            .engine
            .ports()
            .clock
            .advance(Duration::from_secs(25 * 86_400));
        a_moment(&world);
        let grant = refresh(&world.engine, &grant).await;
        let lines = sync_with(&world.engine, &grant.session, &mut copy).await;
        assert_eq!(
            resets(&lines),
            [("Own", "requested"), ("Typed", "requested")]
        );
        let lines = sync_with(&world.engine, &grant.session, &mut copy).await;
        assert_eq!(resets(&lines), []);
    });
}

#[test]
fn a_change_of_an_object_that_is_being_made_is_carried_out_over_a_reset() {
    local(async {
        let world = start().await;
        let grant = sign_in(&world).await;
        let mut copy = Copy::of(&["Shared"]);
        sync_with(&world.engine, &grant.session, &mut copy).await;
        // The attempt and its quick repetitions.
        world.back_end.fail([Fault::Unreachable; 3]);
        let made = send(&world, &grant.session, json!([create("c1", "mine")])).await;
        assert_eq!(made, [json!({"id": "c1", "status": "accepted"})]);

        let client = grant.session.client().as_str();
        let reset = world.engine.start_client_over(client, "Shared");
        reset.await.unwrap();
        let grant = refresh(&world.engine, &grant).await;
        let lines = sync_with(&world.engine, &grant.session, &mut copy).await;
        assert_eq!(resets(&lines), [("Shared", "requested")]);
        let later = update("c2", "mine", json!({"price": "9"}));
        let told = send(&world, &grant.session, json!([later, create("c3", "mine")])).await;
        assert_eq!(told[0]["code"], "object_id_taken");
        assert_eq!(told[1], json!({"id": "c2", "status": "accepted"}));

        for _ in 0..10 {
            world.engine.ports().clock.advance(Duration::from_secs(60));
            world.work().await;
        }
        let told = ask_after(&world, &grant.session, &["c1", "c2"]).await;
        let applied = |id| json!({"id": id, "status": "applied", "object": "b1"});
        assert_eq!(told, [applied("c1"), applied("c2")]);
        a_moment(&world);
        sync_with(&world.engine, &grant.session, &mut copy).await;
        let object = &copy.objects["Shared"]["b1"];
        assert_eq!(
            (&object["name"], &object["price"]),
            (&json!("mine"), &json!("9"))
        );
        assert_eq!(world.back_end.objects().len(), 1);
    });
}

#[test]
fn what_was_refused_is_listed_over_a_reset() {
    local(async {
        let world = start().await;
        let grant = sign_in(&world).await;
        world.back_end.fail([Fault::Rejected]);
        send(&world, &grant.session, json!([create("c1", "mine")])).await;
        let client = grant.session.client().as_str();
        let reset = world.engine.start_client_over(client, "Shared");
        reset.await.unwrap();
        let refused = ChangeQuery {
            state: Some(ChangeState::Refused),
            limit: 10,
            ..ChangeQuery::default()
        };
        let listed = world.engine.find_changes(refused).await.unwrap();
        assert_eq!(listed.changes.len(), 1);
    });
}
