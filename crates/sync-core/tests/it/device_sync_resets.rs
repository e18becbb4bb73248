//! `/sync/v1`: devices whose cursors do not do any more.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use sync_core::SyncError;
use test_support::local;

use crate::device_sync::{Copy, a_moment, ask, device, feed, start, sync};

#[test]
fn a_cursor_is_good_where_it_was_given_out_and_nowhere_else() {
    local(async {
        let world = start().await;
        feed(&world, "Own", "u1", json!({"secret": {"n": "u1's"}})).await;
        feed(&world, "Own", "u2", json!({"mine": {"n": "u2's"}})).await;
        feed(&world, "Typed", "u1", json!({"t": {"n": "1"}})).await;
        let (first, second) = (device(&world, "u1").await, device(&world, "u2").await);
        let mut copy = Copy::of(&["Own", "Typed"]);
        sync(&world, &first, &mut copy).await;
        // Another user, another device of the same user, and another source.
        let mut theirs = copy.clone();
        let lines = sync(&world, &second, &mut theirs).await;
        assert_eq!(lines[0]["reset"], "moved");
        assert_eq!(theirs.objects["Own"].keys().collect::<Vec<_>>(), ["mine"]);
        let again = device(&world, "u1").await;
        let lines = sync(&world, &again, &mut copy.clone()).await;
        assert_eq!(lines[0]["reset"], "moved");
        let mut swapped = copy.clone();
        swapped
            .cursors
            .insert("Own".to_owned(), copy.cursors["Typed"].clone());
        let lines = sync(&world, &first, &mut swapped).await;
        assert_eq!(lines[0]["reset"], "moved");
        // What nobody gave out, or another server did.
        let good = copy.cursors["Own"].clone().unwrap();
        for wrong in ["", "x", "a.b", &good[1..], &format!("{good}x")] {
            let mut forged = copy.clone();
            forged
                .cursors
                .insert("Own".to_owned(), Some((*wrong).to_owned()));
            let lines = sync(&world, &first, &mut forged).await;
            assert_eq!(lines[0]["reset"], "restored", "{wrong}");
            assert_eq!(forged.objects["Own"].len(), 1);
        }
    });
}

#[test]
fn a_store_that_went_back_or_was_emptied_is_noticed() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        feed(&world, "Own", "u1", json!({"a": {"n": "1"}})).await;
        let mut copy = Copy::of(&["Own"]);
        sync(&world, &device, &mut copy).await;
        let backup = world.backup().await;
        feed(&world, "Own", "u1", json!({"b": {"n": "1"}})).await;
        sync(&world, &device, &mut copy).await;
        assert_eq!(copy.objects["Own"].len(), 2);
        world.restore(&backup).await;
        a_moment(&world);
        let lines = sync(&world, &device, &mut copy).await;
        assert_eq!(lines[0]["reset"], "restored");
        assert_eq!(copy.objects["Own"].len(), 1);
        // Another document of the same name.
        world.engine.delete_user("u1").await.unwrap();
        let device = self::device(&world, "u1").await;
        let mut anew = Copy::of(&["Own"]);
        sync(&world, &device, &mut anew).await;
        assert!(anew.objects["Own"].is_empty());
    });
}

#[test]
fn a_device_that_was_silent_for_too_long_begins_anew_and_others_keep_what_they_need() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        feed(
            &world,
            "Typed",
            "u1",
            json!({"a": {"n": "1"}, "b": {"n": "1"}}),
        )
        .await;
        let mut copy = Copy::of(&["Typed"]);
        sync(&world, &device, &mut copy).await;
        let day = Duration::from_secs(86_400);
        let clock = &world.engine.ports().clock;
        let delete = async |id: &str| {
            let ids = vec![id.to_owned()];
            world.engine.feed_deletes("Typed", "u1", ids).await.unwrap();
            a_moment(&world);
        };
        delete("a").await;
        for _ in 0..29 {
            clock.advance(day);
            world.collect("Typed").await;
        }
        sync(&world, &device, &mut copy).await;
        assert_eq!(copy.objects["Typed"].len(), 1, "it was told what went");
        // What it asks with is what it is known to have.
        assert_eq!(world.collect("Typed").await, 0);
        clock.advance(day);
        sync(&world, &device, &mut copy).await;
        delete("b").await;
        assert_eq!(world.collect("Typed").await, 1, "only what it knows of");
        clock.advance(31 * day);
        feed(&world, "Typed", "u1", json!({"c": {"n": "1"}})).await;
        assert_eq!(world.collect("Typed").await, 1);
        let lines = sync(&world, &device, &mut copy).await;
        assert_eq!(lines[0]["reset"], "too-old");
        assert_eq!(copy.objects["Typed"].keys().collect::<Vec<_>>(), ["c"]);
    });
}

#[test]
fn a_source_that_is_not_there_is_an_error_or_gone() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let have = BTreeMap::from([
            ("New".to_owned(), None),
            ("Gone".to_owned(), Some("x.y".to_owned())),
        ]);
        let lines = ask(&world.engine, &device, &have, None).await.unwrap();
        assert_eq!(
            lines[0],
            json!({"source": "Gone", "reset": "revoked", "cursor": null})
        );
        assert_eq!(lines[1]["error"]["code"], "unknown_source");
    });
}

#[test]
fn a_device_that_is_shut_out_gets_nothing() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let copy = Copy::of(&["Own"]);
        world
            .engine
            .delete_client(None, device.client().as_str())
            .await
            .unwrap();
        let refused = ask(&world.engine, &device, &copy.cursors, None).await;
        assert!(matches!(refused, Err(SyncError::Account(_))), "{refused:?}");
        assert!(world.keys().await.iter().all(|key| !key.contains("Own")));
    });
}
