//! Queries for what has changed since the last one.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a page that is not one is a failed test"
)]

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::StorePorts as _;
use test_support::local;

use super::World;

const BY_MARK: &str = r#"
records = "$.rows"
changes = { query = { since = "{{ since }}" }, mark = "$.as_of", deleted = "$.gone" }
"#;

async fn synced(world: &World, body: &str) {
    world.answer(200, &[], body);
    let page = world.pull("").await;
    world.pull(page[1]["token"].as_str().unwrap()).await;
    world.asked();
}

/// What the next pull brings, and the device then has.
async fn news(world: &World) -> Value {
    let page = world.pull("").await;
    let token = page[1]["token"].as_str().unwrap().to_owned();
    if !token.is_empty() {
        world.pull(&token).await;
    }
    page[5].clone()
}

#[test]
fn only_changes_are_asked_for_and_nothing_else_is_touched() {
    local(async {
        let world = World::start(BY_MARK).await;
        synced(
            &world,
            r#"{"rows":[{"id":1,"n":"a"},{"id":2,"n":"b"},{"id":3,"n":"c"}],"as_of":"t 1"}"#,
        )
        .await;
        world.answer(
            200,
            &[],
            r#"{"rows":[{"id":2,"n":"x"}],"gone":[3,{"id":9}],"as_of":"t2"}"#,
        );
        assert_eq!(
            news(&world).await,
            json!({"insert": {"2": {"n": "x"}}, "delete": {"3": {"n": ""}}})
        );
        assert_eq!(world.asked(), ["GET http://crm/products?since=t+1"]);
        // Also after a device has changed something, and where nothing has changed.
        world.answer(200, &[], "");
        world.push(json!({"update": {"1": {"n": "d"}}})).await;
        world.asked();
        for mark in ["t2", "t3"] {
            world.answer(200, &[], r#"{"rows":[],"as_of":"t3"}"#);
            assert_eq!(news(&world).await, json!({}));
            assert_eq!(
                world.asked(),
                [format!("GET http://crm/products?since={mark}")]
            );
        }
        // What a device asks by cannot stand in its place.
        let world = World::start(BY_MARK).await;
        world.answer(200, &[], r#"{"rows":[],"as_of":"t"}"#);
        world
            .pull_with("", &[("since".to_owned(), "eve".to_owned())])
            .await;
        assert_eq!(world.asked(), ["GET http://crm/products"]);
    });
}

#[test]
fn everything_is_asked_for_now_and_then() {
    local(async {
        let world =
            World::start(&BY_MARK.replace("changes = {", "changes = { full_every = 60,")).await;
        synced(
            &world,
            r#"{"rows":[{"id":1,"n":"a"},{"id":2,"n":"b"}],"as_of":"t1"}"#,
        )
        .await;
        world.answer(200, &[], r#"{"rows":[],"as_of":"t2"}"#);
        assert_eq!(news(&world).await, json!({}));
        world
            .engine
            .ports()
            .clock()
            .advance(Duration::from_secs(61));
        world.asked();
        world.answer(200, &[], r#"{"rows":[{"id":1,"n":"a"}],"as_of":"t3"}"#);
        assert_eq!(news(&world).await, json!({"delete": {"2": {"n": ""}}}));
        assert_eq!(world.asked(), ["GET http://crm/products"]);
        world.answer(200, &[], r#"{"rows":[],"as_of":"t4"}"#);
        news(&world).await;
        assert_eq!(world.asked(), ["GET http://crm/products?since=t3"]);
    });
}

#[test]
fn what_was_not_taken_in_is_asked_for_again() {
    local(async {
        let world = World::start(BY_MARK).await;
        synced(&world, r#"{"rows":[{"id":1,"n":"a"}],"as_of":"t1"}"#).await;
        let asked = ["GET http://crm/products?since=t1"];
        for (status, body) in [
            (500, ""),
            (200, "{\"rows\":[{\"id\":"),
            (200, r#"{"rows":[{"n":"no id"}],"as_of":"t2"}"#),
            (200, r#"{"error":"busy","as_of":"t2"}"#),
            (200, r#"{"rows":[{"id":2,"a\tb":"refused"}],"as_of":"t2"}"#),
        ] {
            world.answer(status, &[], body);
            let told = news(&world).await;
            assert!(told["source-error"].is_object(), "{body}: {told}");
            assert_eq!(told.get("delete"), None);
            assert_eq!(world.asked(), asked, "{body}");
        }
    });
}

#[test]
fn the_highest_time_of_the_records_is_a_mark_and_a_record_can_say_that_it_is_deleted() {
    local(async {
        let world = World::start(
            r#"
            omit = ["changed", "dead"]
            paging = { parameter = "page", size = 2 }
            changes = { query = { since = "{{ since }}" }, changed_at = "$.changed", deleted_if = "$.dead" }
            "#,
        )
        .await;
        world.answer(
            200,
            &[],
            r#"[{"id":1,"n":"a","changed":9},{"id":2,"n":"b","changed":10,"dead":false}]"#,
        );
        world.answer(200, &[], r#"[{"id":3,"n":"c","changed":11,"dead":1}]"#);
        assert_eq!(
            news(&world).await,
            json!({"insert": {"1": {"n": "a"}, "2": {"n": "b"}}})
        );
        world.asked();
        world.answer(
            200,
            &[],
            r#"[{"id":2,"n":"b","changed":12,"dead":true},{"id":1,"n":"z","changed":12}]"#,
        );
        world.answer(200, &[], "[]");
        assert_eq!(
            news(&world).await,
            json!({"insert": {"1": {"n": "z"}}, "delete": {"2": {"n": ""}}})
        );
        assert_eq!(
            world.asked(),
            [
                "GET http://crm/products?since=11&page=1",
                "GET http://crm/products?since=11&page=2"
            ]
        );
    });
}

#[test]
fn what_went_on_after_it_broke_off_leaves_no_mark() {
    local(async {
        let world = World::start(
            "paging = { parameter = \"page\", size = 1 }\nchanges = { query = { since = \"{{ since }}\" }, changed_at = \"$.n\" }",
        )
        .await;
        world.answer(200, &[], r#"[{"id":1,"n":"1"}]"#);
        world.answer(503, &[], "");
        world.pull("").await;
        world.answer(200, &[], r#"[{"id":2,"n":"2"}]"#);
        world.answer(200, &[], "[]");
        news(&world).await;
        world.asked();
        world.answer(200, &[], "[]");
        news(&world).await;
        assert_eq!(world.asked(), ["GET http://crm/products?page=1"]);
    });
}
