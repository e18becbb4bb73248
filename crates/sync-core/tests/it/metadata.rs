//! What devices are told of a source beside its objects.

use futures_util::join;
use serde_json::json;
use test_support::{World, local, page};

/// A push-only source that the settings describe.
fn described(version: &str, metadata: &str) -> String {
    format!(
        r#"
        [sources.Pushed]
        adapter = "push-only"
        partition = "app"
        metadata = "{metadata}"
        schema = {{ version = "{version}", property = {{ name = "string" }} }}
        "#
    )
}

#[test]
fn metadata_comes_once_and_again_when_it_has_changed() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        world.back_end.set_metadata(Some(r#"{"foo":"bar"}"#));
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let first = json!({"insert": {"1": {"n": "x"}}, "metadata": r#"{"foo":"bar"}"#});
        assert_eq!(
            world.sync(&session, &client, "Shared").await,
            [first.clone(), json!({})]
        );
        assert_eq!(world.sync(&session, &client, "Shared").await, [json!({})]);

        world.back_end.set_metadata(Some("baz"));
        let changed = world.pull(&session, &client, "Shared", "").await.unwrap();
        assert_eq!(changed, page("4", 0, 1, 1, json!({"metadata": "baz"})));
        assert_eq!(
            world.pull(&session, &client, "Shared", "").await.unwrap(),
            changed,
            "the answer was lost"
        );
        let end = world.pull(&session, &client, "Shared", "4").await.unwrap();
        assert_eq!(end, page("", 0, 1, 1, json!({})));

        let late = world.client(&session).await;
        let told = world.sync(&session, &late, "Shared").await;
        assert_eq!(told[0]["metadata"], "baz");
        world
            .engine
            .reset_client(&session, client.as_str(), None)
            .await
            .unwrap();
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0]["metadata"], "baz", "after a reset it comes again");
    });
}

#[test]
fn metadata_comes_in_the_page_that_covers_it_and_not_in_others() {
    local(async {
        let world = World::start().await;
        for number in 1..=3 {
            world.back_end.put(&number.to_string(), &[("n", "x")]);
        }
        world.back_end.set_metadata(Some("m"));
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let pull = async |token: &str| {
            let page = world.pull_pages_of(1, &session, &client, "Shared", token);
            page.await.unwrap()
        };
        let first = pull("").await;
        assert_eq!(first[5]["metadata"], "m");
        let second = pull(first[1]["token"].as_str().unwrap()).await;
        assert_eq!(second[2], json!({"count": 1}));
        assert!(second[5].get("metadata").is_none());
    });
}

#[test]
fn a_back_end_that_says_nothing_any_more_tells_late_comers_nothing() {
    local(async {
        let world = World::start().await;
        world.back_end.set_metadata(Some("m"));
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.set_metadata(None);
        assert_eq!(world.sync(&session, &client, "Shared").await, [json!({})]);
        let late = world.client(&session).await;
        assert_eq!(world.sync(&session, &late, "Shared").await, [json!({})]);
    });
}

#[test]
fn an_idle_poll_reads_no_metadata() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Polled").await;
        let cost = async || {
            let before = world.bytes_from_store().await;
            world.pull(&session, &client, "Polled", "").await.unwrap();
            world.bytes_from_store().await - before
        };
        let bare = cost().await;
        world.back_end.set_metadata(Some(&"m".repeat(100_000)));
        sync_core::StorePorts::clock(world.engine.ports())
            .advance(std::time::Duration::from_secs(61));
        world.sync(&session, &client, "Polled").await;
        assert!(cost().await < bare + 100);
    });
}

#[test]
fn another_schema_makes_those_start_over_that_have_something() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        world.back_end.put("2", &[("n", "x")]);
        world
            .back_end
            .set_schema(Some(r#"{"version":"1","property":{"n":"string"}}"#));
        let session = world.sign_in("u1").await;
        let (client, late) = (world.client(&session).await, world.client(&session).await);
        let everything = json!({"insert": {"1": {"n": "x"}, "2": {"n": "x"}}});
        assert_eq!(
            world.sync(&session, &client, "Shared").await,
            [everything.clone(), json!({})],
            "a client that has nothing is not told"
        );
        world
            .back_end
            .set_schema(Some(r#"{"version":"1","property":{"m":"string"}}"#));
        assert_eq!(
            world.sync(&session, &client, "Shared").await,
            [json!({})],
            "the version is the same"
        );

        world.back_end.set_schema(Some(r#"{"version":"2"}"#));
        let told = world.pull(&session, &client, "Shared", "").await.unwrap();
        assert_eq!(told[5], json!({"schema-changed": "true"}));
        assert_eq!(told[2], json!({"count": 0}));
        for stale in ["", "2", "3"] {
            let again = world.pull(&session, &client, "Shared", stale).await;
            assert_eq!(
                again.unwrap(),
                told,
                "until it is acknowledged, not by {stale:?}"
            );
        }
        let token = told[1]["token"].as_str().unwrap();
        let next = world
            .pull(&session, &client, "Shared", token)
            .await
            .unwrap();
        assert_eq!(next[5], everything);
        let pages = world.sync(&session, &client, "Shared").await;
        assert_eq!(pages, [everything.clone(), json!({})], "told once");
        assert_eq!(world.sync(&session, &client, "Shared").await, [json!({})]);
        assert_eq!(
            world.sync(&session, &late, "Shared").await,
            [everything, json!({})]
        );
    });
}

#[test]
fn a_client_that_pages_after_it_started_over_is_not_told_again() {
    local(async {
        let world = World::start().await;
        for number in 1..=4 {
            world.back_end.put(&number.to_string(), &[("n", "x")]);
        }
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.set_schema(Some(r#"{"version":2}"#));
        let mut token = String::new();
        let mut told = Vec::new();
        loop {
            let page = world
                .pull_pages_of(1, &session, &client, "Shared", &token)
                .await
                .unwrap();
            page[1]["token"].as_str().unwrap().clone_into(&mut token);
            told.push(page[5].clone());
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(told.len(), 6, "{told:?}");
        assert_eq!(told[0], json!({"schema-changed": "true"}));
        assert!(told[1..5].iter().all(|page| page["insert"].is_object()));
    });
}

#[test]
fn what_a_device_made_before_it_was_told_comes_back_as_news() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.set_schema(Some(r#"{"version":2}"#));
        let lost = world.pull(&session, &client, "Shared", "").await.unwrap();
        assert_eq!(lost[5], json!({"schema-changed": "true"}));
        let changes = json!({"create": {"t1": {"n": "mine"}}});
        let push = world.push(&session, &client, "Shared", changes);
        push.await.unwrap();
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0], json!({"schema-changed": "true"}));
        let everything = json!({"1": {"n": "x"}, "b1": {"n": "mine"}});
        assert_eq!(told[1]["insert"], everything);
    });
}

#[test]
fn two_requests_at_once_make_a_client_start_over_once() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.set_schema(Some(r#"{"version":2}"#));
        let (one, two) = join!(
            world.pull(&session, &client, "Shared", ""),
            world.pull(&session, &client, "Shared", "")
        );
        let told = [one, two].into_iter().flatten();
        let told: Vec<_> = told
            .filter(|page| page[5] == json!({"schema-changed": "true"}))
            .collect();
        let token = told[0][1]["token"].as_str().unwrap();
        assert!(told.iter().all(|page| page[1]["token"] == token));
        let next = world
            .pull(&session, &client, "Shared", token)
            .await
            .unwrap();
        assert_eq!(next[5], json!({"insert": {"1": {"n": "x"}}}));
    });
}

#[test]
fn a_schema_that_is_none_is_told_and_changes_nothing() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        world.back_end.set_schema(Some(r#"{"version":"1"}"#));
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        for wrong in ["not JSON", r#"{"property":{}}"#] {
            world.back_end.set_schema(Some(wrong));
            world.back_end.put("1", &[("n", wrong)]);
            let told = world.sync(&session, &client, "Shared").await;
            let message = &told[0]["source-error"]["query-error"]["message"];
            assert!(
                message.as_str().unwrap().starts_with("the schema"),
                "{told:?}"
            );
            assert_eq!(
                told[0]["insert"],
                json!({"1": {"n": wrong}}),
                "the objects come all the same"
            );
        }
        world.back_end.set_schema(Some(r#"{"version":"1"}"#));
        assert_eq!(world.sync(&session, &client, "Shared").await, [json!({})]);
    });
}

#[test]
fn what_the_settings_say_holds_with_the_next_pull_and_without_a_back_end() {
    local(async {
        let mut world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let objects = serde_json::from_value(json!({"a": {"name": "x"}})).unwrap();
        let push = world.engine.feed_objects("Pushed", "u1", objects);
        push.await.unwrap();

        world.engine = world.another(Some(&described("1", "m1")), 2).await;
        let told = world.sync(&session, &client, "Pushed").await;
        let everything = json!({"insert": {"a": {"name": "x"}}, "metadata": "m1"});
        assert_eq!(told, [everything, json!({})]);
        world.engine = world.another(Some(&described("2", "m2")), 3).await;
        let told = world.sync(&session, &client, "Pushed").await;
        let everything = json!({"insert": {"a": {"name": "x"}}, "metadata": "m2"});
        assert_eq!(
            told,
            [json!({"schema-changed": "true"}), everything, json!({})]
        );
    });
}
