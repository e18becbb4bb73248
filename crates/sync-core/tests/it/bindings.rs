//! Clients that move, and clients that were away for too long.

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::StorePorts as _;
use test_support::{World, local};

const OWN_INSTEAD_OF_SHARED: &str = r#"
    [sources.Pushed]
    adapter = "push-only"
    partition = "user"
"#;

#[expect(clippy::unwrap_used, reason = "the test's own text")]
fn objects<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_client_whose_partition_changes_gives_the_old_one_back_and_gets_the_new_one() {
    local(async {
        let mut world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let shared = json!({"a": {"x": "1"}, "b": {"x": "2"}, "c": {"x": "3"}});
        world
            .engine
            .feed_objects("Pushed", "u1", objects(shared))
            .await
            .unwrap();
        world.sync(&session, &client, "Pushed").await;
        world
            .engine
            .feed_objects("Pushed", "u1", objects(json!({"b": {"y": "new"}})))
            .await
            .unwrap();
        world
            .engine
            .feed_deletes("Pushed", "u1", vec!["c".into()])
            .await
            .unwrap();

        world.engine = world.another(Some(OWN_INSTEAD_OF_SHARED), 2).await;
        world
            .engine
            .feed_objects("Pushed", "u1", objects(json!({"a": {"mine": "1"}})))
            .await
            .unwrap();
        let first = world.pull(&session, &client, "Pushed", "4").await.unwrap();
        let given_back =
            json!({"delete": {"a": {"x": ""}, "b": {"x": "", "y": ""}, "c": {"x": ""}}});
        assert_eq!(first[5], given_back);
        assert_eq!(
            world.pull(&session, &client, "Pushed", "").await.unwrap(),
            first,
            "until it is acknowledged"
        );
        let token = first[1]["token"].as_str().unwrap();
        let second = world
            .pull(&session, &client, "Pushed", token)
            .await
            .unwrap();
        assert_eq!(second[5], json!({"insert": {"a": {"mine": "1"}}}));
        assert_eq!(
            world
                .pull(&session, &client, "Pushed", token)
                .await
                .unwrap(),
            second,
            "an old token is no token"
        );
        assert_eq!(
            world
                .sync(&session, &client, "Pushed")
                .await
                .last()
                .unwrap(),
            &json!({})
        );
    });
}

#[test]
fn a_client_that_was_silent_for_too_long_is_told_to_start_over() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let (silent, busy) = (world.client(&session).await, world.client(&session).await);
        world
            .engine
            .feed_objects(
                "Pushed",
                "u1",
                objects(json!({"a": {"x": "1"}, "b": {"x": "1"}})),
            )
            .await
            .unwrap();
        world.sync(&session, &silent, "Pushed").await;
        world.sync(&session, &busy, "Pushed").await;
        world
            .engine
            .feed_deletes("Pushed", "u1", vec!["a".into()])
            .await
            .unwrap();
        world.sync(&session, &busy, "Pushed").await;
        assert_eq!(
            world.collect("Pushed").await,
            0,
            "the silent client has not heard of it"
        );

        world
            .engine
            .ports()
            .clock()
            .advance(Duration::from_secs(20 * 86_400));
        world.sync(&session, &busy, "Pushed").await;
        world
            .engine
            .ports()
            .clock()
            .advance(Duration::from_secs(20 * 86_400));
        assert_eq!(world.collect("Pushed").await, 1);
        assert_eq!(world.sync(&session, &busy, "Pushed").await, [json!({})]);

        let told = world.pull(&session, &silent, "Pushed", "").await.unwrap();
        assert_eq!(told[5], json!({"schema-changed": "true"}));
        for stale in ["2", "3", "4"] {
            assert_eq!(
                world
                    .pull(&session, &silent, "Pushed", stale)
                    .await
                    .unwrap(),
                told
            );
        }
        let token = told[1]["token"].as_str().unwrap();
        let everything = world
            .pull(&session, &silent, "Pushed", token)
            .await
            .unwrap();
        assert_eq!(everything[5], json!({"insert": {"b": {"x": "1"}}}));
        assert_eq!(
            world
                .sync(&session, &silent, "Pushed")
                .await
                .last()
                .unwrap(),
            &json!({})
        );
    });
}

#[test]
fn tombstones_go_when_every_client_has_passed_them() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let (one, two) = (world.client(&session).await, world.client(&session).await);
        let many: serde_json::Map<_, _> = (0..700)
            .map(|n| (n.to_string(), json!({"x": "1"})))
            .collect();
        world
            .engine
            .feed_objects("Pushed", "u1", objects(Value::Object(many)))
            .await
            .unwrap();
        world.sync(&session, &one, "Pushed").await;
        world.sync(&session, &two, "Pushed").await;
        world
            .engine
            .feed_deletes("Pushed", "u1", (0..700).map(|n| n.to_string()).collect())
            .await
            .unwrap();
        world.sync(&session, &one, "Pushed").await;
        assert_eq!(world.collect("Pushed").await, 0);
        world.sync(&session, &two, "Pushed").await;
        assert_eq!(world.collect("Pushed").await, 700);
        let late = world.client(&session).await;
        assert_eq!(world.sync(&session, &late, "Pushed").await, [json!({})]);
        world
            .engine
            .feed_objects("Pushed", "u1", objects(json!({"5": {"y": "back"}})))
            .await
            .unwrap();
        let back = json!({"insert": {"5": {"y": "back"}}});
        assert_eq!(
            world.sync(&session, &one, "Pushed").await,
            [back, json!({})]
        );
    });
}
