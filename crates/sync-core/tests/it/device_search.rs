//! `/sync/v1`: devices that ask a back end for objects.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::{DeviceSearchRequest, DeviceSession, SyncError};
use test_support::{Fault, World, local};

use crate::device_sync::{Copy, a_moment, device, sync};
use crate::device_sync_changes::{send, update};

async fn search(
    world: &World,
    device: &DeviceSession,
    source: &str,
    parameters: &[(&str, &str)],
) -> Result<Vec<Value>, SyncError> {
    let parameters: BTreeMap<String, String> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let request = DeviceSearchRequest {
        source,
        parameters: &parameters,
        trace: None,
    };
    let lines = world.engine.search_for_device(device, request).await?;
    let lines = lines.iter().map(|line| serde_json::to_value(line).unwrap());
    Ok(lines.collect())
}

#[test]
fn what_is_found_goes_to_the_device_and_into_no_copy() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "Lamp")]);
        world
            .back_end
            .put_findable("s1", &[("name", "Lamp"), ("price", "7")]);
        world.back_end.put_findable("s2", &[("name", "Chair")]);
        let phone = device(&world, "u1").await;
        let mut copy = Copy::of(&["Shared"]);
        sync(&world, &phone, &mut copy).await;
        let found = search(&world, &phone, "Shared", &[("name", "Lamp")]).await;
        let lamp = json!({"s1": {"name": "Lamp", "price": "7"}});
        assert_eq!(
            found.unwrap(),
            [json!({"source": "Shared", "found": lamp, "more": false})]
        );
        let nothing = search(&world, &phone, "Shared", &[("name", "Desk")]).await;
        assert_eq!(
            nothing.unwrap(),
            [json!({"source": "Shared", "found": {}, "more": false})]
        );
        // The copy is as it was, and its check is right.
        a_moment(&world);
        let lines = sync(&world, &phone, &mut copy).await;
        assert_eq!(lines[0]["check"]["count"], 1);
    });
}

#[test]
fn an_object_that_was_found_can_be_changed() {
    local(async {
        let world = World::start().await;
        world.back_end.put("s1", &[("name", "Lamp")]);
        let phone = device(&world, "u1").await;
        // The device never had the object in its copy, which was never asked for.
        let verdicts = send(
            &world,
            &phone,
            json!([update("c1", "s1", json!({"name": "Desk"}))]),
        );
        assert_eq!(verdicts.await[0]["status"], "applied");
        assert_eq!(world.back_end.get("s1").unwrap()["name"], "Desk");
    });
}

#[test]
fn many_objects_come_in_lines_that_a_device_can_bear() {
    local(async {
        let world = World::start().await;
        let long = "x".repeat(10_000);
        for number in 0..20 {
            let id = format!("s{number}");
            world.back_end.put_findable(&id, &[("text", &long)]);
        }
        let phone = device(&world, "u1").await;
        let lines = search(&world, &phone, "Shared", &[]).await.unwrap();
        let counts: Vec<usize> = lines
            .iter()
            .map(|line| line["found"].as_object().unwrap().len())
            .collect();
        assert_eq!(counts.iter().sum::<usize>(), 20);
        assert_eq!(counts, [7, 7, 6]);
        let more: Vec<_> = lines.iter().map(|line| line["more"].clone()).collect();
        assert_eq!(more, [true, true, false]);
    });
}

#[test]
fn a_source_whose_objects_are_not_kept_answers_all_that_its_back_end_has() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("kind", "a")]);
        world.back_end.put("2", &[("kind", "b")]);
        let phone = device(&world, "u1").await;
        let all = search(&world, &phone, "Passed", &[]).await.unwrap();
        let objects = json!({"1": {"kind": "a"}, "2": {"kind": "b"}});
        assert_eq!(
            all,
            [json!({"source": "Passed", "found": objects, "more": false, "whole": true})]
        );
        let some = search(&world, &phone, "Passed", &[("kind", "b")]).await;
        assert_eq!(some.unwrap()[0]["found"], json!({"2": {"kind": "b"}}));
        // Its changes go through, and nothing of them is kept.
        let mut change = update("c1", "1", json!({"kind": "z"}));
        change["source"] = json!("Passed");
        let verdicts = send(&world, &phone, json!([change])).await;
        assert_eq!(verdicts[0]["status"], "applied");
        let all = search(&world, &phone, "Passed", &[]).await.unwrap();
        assert_eq!(all[0]["found"]["1"], json!({"kind": "z"}));
    });
}

#[test]
fn what_is_wrong_is_said_and_nobody_is_asked_in_vain() {
    local(async {
        let world = World::start().await;
        let phone = device(&world, "u1").await;
        world.back_end.fail([Fault::Unreachable]);
        let failed = search(&world, &phone, "Shared", &[]).await.unwrap();
        assert_eq!(failed[0]["source"], "Shared");
        assert_eq!(failed[0]["error"]["code"], "query-error");
        assert_eq!(failed.len(), 1);
        let asked = world.back_end.searches();
        let unknown = search(&world, &phone, "Nothing", &[]).await;
        assert!(matches!(unknown, Err(SyncError::UnknownSource { .. })));
        let long = "x".repeat(9_000);
        let wide = search(&world, &phone, "Shared", &[("name", &long)]).await;
        assert!(matches!(wide, Err(SyncError::TooManyParameters { .. })));
        world
            .engine
            .accounts()
            .end_device_session(&phone)
            .await
            .unwrap();
        let out = search(&world, &phone, "Shared", &[]).await;
        assert!(matches!(out, Err(SyncError::Account(_))));
        assert_eq!(world.back_end.searches(), asked);
    });
}
