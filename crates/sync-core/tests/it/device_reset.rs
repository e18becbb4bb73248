//! `/sync/v1`: a device that an administrator lets start over.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::time::Duration;

use serde_json::json;
use sync_core::{AccountError, DeviceGrant, DeviceProof, Engine, Origin, SyncError};
use test_support::{TestPorts, World, local};

use crate::device_sync::{Copy, a_moment, ask, feed, start, sync_with};

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
        for engine in [&world.engine, &other] {
            let lines = sync_with(engine, &grant.session, &mut copy).await;
            assert_eq!(resets(&lines), [], "once");
        }

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
