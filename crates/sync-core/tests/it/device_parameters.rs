//! `/sync/v1`: devices that follow a part of a source, which they ask for by parameters.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::join;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sync_core::{Clock as _, DeviceSession, SyncError};
use sync_proto::sync::SourceParameters;
use test_support::{World, local};

use crate::device_sync::{Copy, a_moment, device};
use crate::device_sync_changes::{answered, update};

fn kind(of: &str) -> SourceParameters {
    let parameters = BTreeMap::from([("kind".to_owned(), of.to_owned())]);
    SourceParameters::from([("Shared".to_owned(), parameters)])
}

/// A back end with objects of two kinds.
async fn start() -> World {
    let world = World::start().await;
    world.back_end.put("1", &[("kind", "a")]);
    world.back_end.put("2", &[("kind", "b")]);
    world
}

/// Syncs with these parameters, and with changes.
async fn sync(
    world: &World,
    device: &DeviceSession,
    copy: &mut Copy,
    parameters: &SourceParameters,
    changes: Value,
) -> Vec<Value> {
    a_moment(world);
    let body = json!({"have": copy.cursors, "parameters": parameters, "changes": changes});
    let lines = answered(&world.engine, device, &copy.cursors, body).await;
    let lines = lines.unwrap();
    lines.iter().for_each(|line| copy.apply(line));
    lines
}

fn ids(copy: &Copy) -> Vec<&str> {
    let ids = copy.objects["Shared"].keys();
    ids.map(String::as_str).collect()
}

async fn parts(world: &World) -> Vec<String> {
    let keys = world.keys().await.into_iter();
    let of_parts = |key: &String| key.contains("/narrowed/") && key.ends_with(":head");
    keys.filter(of_parts).collect()
}

#[test]
fn a_device_follows_the_part_that_it_states_and_others_what_they_state() {
    local(async {
        let world = start().await;
        let (phone, tablet) = (device(&world, "u1").await, device(&world, "u1").await);
        let (mut part, mut whole) = (Copy::of(&["Shared"]), Copy::of(&["Shared"]));
        sync(&world, &phone, &mut part, &kind("a"), json!([])).await;
        let none = SourceParameters::new();
        sync(&world, &tablet, &mut whole, &none, json!([])).await;
        assert_eq!(ids(&part), ["1"]);
        assert_eq!(ids(&whole), ["1", "2"]);
        // What is new of the part comes by the cursor, and nothing of the rest.
        world.back_end.put("3", &[("kind", "a")]);
        world.back_end.put("4", &[("kind", "b")]);
        let lines = sync(&world, &phone, &mut part, &kind("a"), json!([])).await;
        assert_eq!(lines[0]["objects"], json!({"3": {"kind": "a"}}));
        assert!(lines.iter().all(|line| line.get("reset").is_none()));
        // Another part is another copy; the one that nobody follows any more is gone.
        let lines = sync(&world, &phone, &mut part, &kind("b"), json!([])).await;
        assert_eq!(lines[0]["reset"], "moved");
        assert_eq!(ids(&part), ["2", "4"]);
        assert_eq!(parts(&world).await.len(), 1);
        let lines = sync(&world, &phone, &mut part, &none, json!([])).await;
        assert_eq!(lines[0]["reset"], "moved");
        assert_eq!(ids(&part), ["1", "2", "3", "4"]);
        assert!(parts(&world).await.is_empty());
    });
}

#[test]
fn another_users_part_is_another_copy_and_a_devices_cursor_is_good_for_its_own_alone() {
    local(async {
        let world = start().await;
        let (phone, other) = (device(&world, "u1").await, device(&world, "ben").await);
        let (mut part, mut theirs) = (Copy::of(&["Shared"]), Copy::of(&["Shared"]));
        sync(&world, &phone, &mut part, &kind("a"), json!([])).await;
        sync(&world, &other, &mut theirs, &kind("a"), json!([])).await;
        assert_eq!(parts(&world).await.len(), 2);
        theirs.cursors = part.cursors.clone();
        let lines = sync(&world, &other, &mut theirs, &kind("a"), json!([])).await;
        assert_eq!(lines[0]["reset"], "moved");
        assert_eq!(ids(&theirs), ["1"]);
    });
}

#[test]
fn what_is_changed_in_a_part_is_changed_for_those_who_follow_the_whole() {
    local(async {
        let world = start().await;
        let (phone, tablet) = (device(&world, "u1").await, device(&world, "u1").await);
        let (mut part, mut whole) = (Copy::of(&["Shared"]), Copy::of(&["Shared"]));
        let none = SourceParameters::new();
        sync(&world, &tablet, &mut whole, &none, json!([])).await;
        sync(&world, &phone, &mut part, &kind("a"), json!([])).await;
        let change = json!([update("c1", "1", json!({"name": "Lamp"}))]);
        let lines = sync(&world, &phone, &mut part, &kind("a"), change.clone()).await;
        assert_eq!(lines[0]["verdict"]["status"], "applied");
        sync(&world, &tablet, &mut whole, &none, json!([])).await;
        for copy in [&part, &whole] {
            assert_eq!(copy.objects["Shared"]["1"]["name"], "Lamp");
        }
        // The same again, and asked after: the verdict stands in the copy that it was sent in, also after the device was in another.
        sync(&world, &phone, &mut part, &none, json!([])).await;
        let lines = sync(&world, &phone, &mut part, &kind("a"), change).await;
        assert_eq!(lines[0]["verdict"]["status"], "applied");
        let body = json!({"parameters": kind("a"), "pending": {"Shared": ["c1"]}});
        let lines = answered(&world.engine, &phone, &part.cursors, body).await;
        assert_eq!(lines.unwrap()[0]["verdict"]["status"], "applied");
        assert_eq!(world.back_end.writes(), 1);
    });
}

#[test]
fn a_part_is_verified_by_its_parameters() {
    local(async {
        let world = start().await;
        let phone = device(&world, "u1").await;
        let mut part = Copy::of(&["Shared"]);
        let parameters = kind("a");
        sync(&world, &phone, &mut part, &parameters, json!([])).await;
        a_moment(&world);
        let mut buckets = vec!["0".repeat(16); 256];
        buckets[usize::from(Sha256::digest("1")[0])] = part.sum("Shared");
        let verify = async |parameters: &BTreeMap<String, String>, buckets: &[String]| {
            let request = sync_core::VerifyRequest {
                source: "Shared",
                parameters,
                cursor: part.cursors["Shared"].as_deref().unwrap(),
                buckets,
            };
            let lines = world.engine.verify_copy(&phone, request).await.unwrap();
            lines.map(|lines| lines.len())
        };
        assert_eq!(verify(&parameters["Shared"], &buckets).await, Some(0));
        assert_eq!(
            verify(&parameters["Shared"], &vec!["0".repeat(16); 256]).await,
            Some(2)
        );
        // The cursor is none of the whole copy's.
        assert_eq!(verify(&BTreeMap::new(), &buckets).await, None);
    });
}

#[test]
fn who_waits_hears_of_its_part() {
    local(async {
        let world = start().await;
        let (phone, tablet) = (device(&world, "u1").await, device(&world, "u1").await);
        let (mut part, mut same) = (Copy::of(&["Shared"]), Copy::of(&["Shared"]));
        let parameters = kind("a");
        sync(&world, &phone, &mut part, &parameters, json!([])).await;
        sync(&world, &tablet, &mut same, &parameters, json!([])).await;
        a_moment(&world);
        let monotonic = || world.engine.ports().clock.monotonic();
        let began = monotonic();
        let limit = Duration::from_secs(20);
        let waits = world
            .engine
            .wait_for_news(&phone, &part.cursors, &parameters, limit);
        let change = json!([update("c1", "1", json!({"name": "Lamp"}))]);
        let changes = sync(&world, &tablet, &mut same, &parameters, change);
        let (waited, _) = join!(waits, changes);
        waited.unwrap();
        assert!(monotonic() - began < limit);
    });
}

#[test]
fn more_than_a_back_end_can_bear_is_refused_before_anything_is_done() {
    local(async {
        let world = start().await;
        let phone = device(&world, "u1").await;
        let many: BTreeMap<String, String> = (0..101)
            .map(|number| (format!("p{number}"), "x".to_owned()))
            .collect();
        let parameters = SourceParameters::from([("Shared".to_owned(), many)]);
        let change = update("c1", "1", json!({"kind": "z"}));
        let body = json!({"parameters": parameters, "changes": [change]});
        let none = BTreeMap::new();
        let refused = answered(&world.engine, &phone, &none, body).await;
        assert!(matches!(refused, Err(SyncError::TooManyParameters { .. })));
        assert_eq!(world.back_end.get("1").unwrap()["kind"], "a");
    });
}

#[test]
fn where_parameters_narrow_nothing_down_the_copy_is_the_whole_and_the_back_end_is_asked_without() {
    const IGNORED: &str = r#"
        [sources.Shared]
        adapter = "rust"
        rust = "back-end"
        partition = "app"
        poll_interval = 0
        parameters = "ignore"
    "#;
    local(async {
        let mut world = start().await;
        world.engine = world.another(Some(IGNORED), 2).await;
        let phone = device(&world, "u1").await;
        let mut copy = Copy::of(&["Shared"]);
        sync(&world, &phone, &mut copy, &kind("a"), json!([])).await;
        assert_eq!(ids(&copy), ["1", "2"]);
        let lines = sync(&world, &phone, &mut copy, &kind("b"), json!([])).await;
        assert!(lines.iter().all(|line| line.get("reset").is_none()));
        assert!(parts(&world).await.is_empty());
    });
}
