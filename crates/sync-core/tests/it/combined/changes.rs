//! Changes of devices and back ends, in the partitions they belong to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use sync_core::{Clock as _, DeviceSession, EVERYBODY, FeedError, ObjectPatch};
use test_support::{Fault, World, local};

use super::{Regions, SETTINGS, ids};
use crate::device_sync::{Copy, a_moment};
use crate::device_sync_changes::{create, send, update};
use crate::live::{Instance, event};

#[test]
fn a_change_goes_to_the_partition_that_has_the_object_and_its_others_see_it() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        let cora = regions.own_device("cora", Some("north")).await;
        let mut copy = Copy::of(&["Visit"]);
        regions.sync(&anna).await;
        regions.follow(&cora, &mut copy).await;
        let changes = json!({
            "create": {"t": {"owner": "anna"}},
            "update": {"n": {"name": "new"}},
            "delete": {"a": {}},
        });
        regions.push(&anna, changes).await;
        let told = regions.world.back_end.written_in();
        assert_eq!(told, ["user", "region/north", "user"]);
        let news = regions.sync(&anna).await;
        assert_eq!(news, [json!({"links": {"t": {"l": "b1"}}}), json!({})]);
        regions.follow(&cora, &mut copy).await;
        assert_eq!(ids(&copy, "Visit"), ["n"]);
        assert_eq!(copy.objects["Visit"]["n"]["name"], "new");
        // And the same of a device that keeps its cursors.
        let mut changes = json!([
            create("c1", "mine"),
            update("c2", "n", json!({"name": "newer"})),
        ]);
        for change in changes.as_array_mut().unwrap() {
            change["source"] = json!("Visit");
        }
        let verdicts = send(&regions.world, &cora, changes).await;
        let statuses: Vec<_> = verdicts.iter().map(|it| it["status"].clone()).collect();
        assert_eq!(statuses, ["applied", "applied"], "{verdicts:?}");
        let news = regions.sync(&anna).await;
        assert_eq!(
            news,
            [json!({"insert": {"n": {"name": "newer"}}}), json!({})]
        );
    });
}

#[test]
fn a_change_whose_answer_was_lost_is_done_once() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        regions.sync(&anna).await;
        regions.world.back_end.fail([Fault::LostAnswer]);
        let changes = json!({"create": {"t": {"owner": "anna", "region": "north"}}});
        regions.push(&anna, changes).await;
        let news = regions.sync(&anna).await;
        assert_eq!(news[0]["links"], json!({"t": {"l": "b1"}}), "{news:?}");
        assert_eq!(regions.world.back_end.writes(), 1);
        assert_eq!(regions.sync(&anna).await, [json!({})]);
    });
}

#[test]
fn feeds_name_objects_and_cannot_replace_what_others_share() {
    local(async {
        let regions = Regions::start().await;
        let engine = &regions.world.engine;
        let anna = regions.own_device("anna", None).await;
        let mut copy = Copy::of(&["Note"]);
        regions
            .feed("Note", EVERYBODY, json!({"all": {"n": "1"}}))
            .await;
        regions.follow(&anna, &mut copy).await;
        assert_eq!(ids(&copy, "Note"), ["all"]);
        let replaced = engine.replace_objects("Note", "anna", BTreeMap::new(), true);
        let is_refused = matches!(replaced.await, Err(FeedError::SeveralPartitions { .. }));
        assert!(is_refused);
        let patch = ObjectPatch {
            set: serde_json::from_value(json!({"m": "2"})).unwrap(),
            remove: vec!["n".to_owned()],
        };
        let patches = BTreeMap::from([("all".to_owned(), patch)]);
        engine.patch_objects("Note", "anna", patches).await.unwrap();
        regions.follow(&anna, &mut copy).await;
        assert_eq!(json!(copy.objects["Note"]["all"]), json!({"m": "2"}));
        let gone = vec!["all".to_owned()];
        engine.feed_deletes("Note", "anna", gone).await.unwrap();
        regions.follow(&anna, &mut copy).await;
        assert!(ids(&copy, "Note").is_empty());
    });
}

/// Puts something into a user's own notes, as a server would of which they are the only ones.
async fn own_note(world: &World, user: &str, object: &str) {
    let own = SETTINGS.replace(r#"["app", "user"]"#, r#""user""#);
    let engine = world.another(Some(&own), 3).await;
    let objects = serde_json::from_value(json!({object: {"n": "1"}})).unwrap();
    engine.feed_objects("Note", user, objects).await.unwrap();
    a_moment(world);
}

#[test]
fn a_change_of_a_member_wakes_the_devices_of_all_who_are_in_it() {
    local(async {
        let regions = Regions::start().await;
        let world = &regions.world;
        let anna = regions.own_device("anna", None).await;
        let ben = regions.own_device("ben", None).await;
        let (mut annas, mut bens) = (Copy::of(&["Note"]), Copy::of(&["Note"]));
        regions.follow(&anna, &mut annas).await;
        regions.follow(&ben, &mut bens).await;
        let instance = Instance::of(world).await;
        let (hers, his) = (instance.open(&anna).await, instance.open(&ben).await);
        let monotonic = || world.engine.ports().clock.monotonic();
        let wait = async |device: &DeviceSession, copy: &Copy| {
            let began = monotonic();
            let limit = Duration::from_secs(60);
            let none = BTreeMap::new();
            let waited = world
                .engine
                .wait_for_news(device, &copy.cursors, &none, limit)
                .await;
            waited.unwrap();
            monotonic() - began
        };
        let whole = Duration::from_secs(25);
        // Everybody's wakes everybody.
        let change = regions.feed("Note", EVERYBODY, json!({"all": {"n": "1"}}));
        let (waited, ()) = futures_util::join!(wait(&ben, &bens), change);
        assert!(waited < whole, "{waited:?}");
        assert_eq!(
            wait(&anna, &annas).await,
            Duration::ZERO,
            "it is news at once"
        );
        let told = instance.round().await;
        assert_eq!(told, [(hers, event(&["Note"])), (his, event(&["Note"]))]);
        regions.follow(&anna, &mut annas).await;
        regions.follow(&ben, &mut bens).await;
        assert_eq!(ids(&bens, "Note"), ["all"]);
        instance.round().await;
        // Nobody else hears of a user's own.
        let own = own_note(world, "anna", "mine");
        let (waited, ()) = futures_util::join!(wait(&ben, &bens), own);
        assert!(waited >= whole, "{waited:?}");
        assert_eq!(wait(&anna, &annas).await, Duration::ZERO);
        assert_eq!(instance.round().await, [(hers, event(&["Note"]))]);
        regions.follow(&anna, &mut annas).await;
        assert_eq!(ids(&annas, "Note"), ["all", "mine"]);
        regions.follow(&ben, &mut bens).await;
        assert_eq!(ids(&bens, "Note"), ["all"]);
    });
}
