//! Sources whose objects the server does not keep.

#![expect(clippy::expect_used, reason = "what is not there fails the test")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{ClientId, FeedError, SearchRequest, Session, StorePorts as _};
use test_support::{Fault, World, local};

use crate::background::work;

async fn pull(world: &World, session: &Session, client: &ClientId, token: &str) -> Value {
    let page = world.pull_pages_of(1, session, client, "Passed", token);
    page.await.expect("a page")
}

#[test]
fn every_pull_brings_everything_in_one_page_with_a_token() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.back_end.put("1", &[("n", "x")]);
        world.back_end.put("2", &[("n", "x")]);
        let first = pull(&world, &session, &client, "").await;
        let token = first[1]["token"].as_str().unwrap();
        assert!(token.parse::<u64>().unwrap() > 1);
        assert_eq!(
            first,
            json!([
                {"version": 3},
                {"token": token},
                {"count": 2},
                {"progress_count": 0},
                {"total_count": 2},
                {"insert": {"1": {"n": "x"}, "2": {"n": "x"}}}
            ])
        );
        for token in [token, "", "4711"] {
            assert_eq!(pull(&world, &session, &client, token).await, first);
        }
        world.back_end.remove("1");
        let next = pull(&world, &session, &client, "").await;
        assert_eq!(next[5], json!({"insert": {"2": {"n": "x"}}}));
        assert_eq!(world.back_end.queries(), 5);
    });
}

#[test]
fn a_back_end_that_is_down_is_told_without_a_token() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.back_end.fail([Fault::Unreachable]);
        let page = pull(&world, &session, &client, "").await;
        let error = json!({"source-error": {"query-error": {"message": "unreachable"}}});
        assert_eq!(page, test_support::page("", 0, 0, 0, error));
    });
}

#[test]
fn more_than_a_device_can_hold_is_an_error() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        for number in 0..=50_000 {
            let attributes = BTreeMap::from([("n".to_owned(), "x".to_owned())]);
            world.back_end.set(&number.to_string(), attributes);
        }
        let page = pull(&world, &session, &client, "").await;
        let message = &page[5]["source-error"]["query-error"]["message"];
        assert!(message.as_str().unwrap().contains("50000 objects"));
    });
}

#[test]
fn changes_reach_the_back_end_and_their_verdicts_come_with_one_page() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        for id in ["1", "2", "3"] {
            world.back_end.put(id, &[("name", "a"), ("price", "1")]);
        }
        pull(&world, &session, &client, "").await;
        world
            .back_end
            .fail([Fault::None, Fault::Rejected, Fault::None, Fault::Rejected]);
        let changes = json!({
            "create": {"t1": {"name": "new"}, "t2": {"name": "wrong"}},
            "update": {"1": {"name": "b"}, "2": {"name": "wrong"}},
            "delete": {"3": {"name": "a"}},
        });
        let push = world.push(&session, &client, "Passed", changes);
        push.await.unwrap();
        let objects = json!({
            "1": {"name": "b", "price": "1"},
            "2": {"name": "a", "price": "1"},
            "b1": {"name": "new"},
        });
        let told = json!({
            "insert": objects,
            "links": {"t1": {"l": "b1"}},
            "create-error": {"t2": {"name": "wrong"}, "t2-error": {"message": "rejected"}},
            "update-error": {"2": {"name": "wrong"}, "2-error": {"message": "rejected"}},
        });
        assert_eq!(pull(&world, &session, &client, "").await[5], told);
        assert_eq!(
            pull(&world, &session, &client, "").await[5],
            json!({"insert": objects}),
            "devices acknowledge nothing here"
        );
        let other = world.client(&session).await;
        let page = pull(&world, &session, &other, "").await;
        assert_eq!(page[5], json!({"insert": objects}));
    });
}

#[test]
fn a_change_that_the_back_end_could_not_take_waits_and_knows_its_object() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        pull(&world, &session, &client, "").await;
        world.back_end.fail([Fault::Unreachable; 3]);
        let changes = json!({"create": {"t1": {"n": "1"}}, "update": {"t1": {"n": "2"}}});
        let push = world.push(&session, &client, "Passed", changes);
        push.await.unwrap();
        assert!(world.back_end.objects().is_empty());
        world.engine.ports().clock().advance(Duration::from_secs(3));
        pull(&world, &session, &client, "").await;
        work(&world.engine).await;
        let page = pull(&world, &session, &client, "").await;
        let told = json!({"insert": {"b1": {"n": "2"}}, "links": {"t1": {"l": "b1"}}});
        assert_eq!(page[5], told);
    });
}

#[test]
fn what_is_found_is_shown_and_what_is_pushed_is_refused() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.back_end.put_findable("s1", &[("n", "x")]);
        let request = SearchRequest {
            client: client.as_str(),
            sources: &[("Passed".to_owned(), String::new())],
            parameters: &[],
            page_size: 10,
            is_repeated: false,
            trace: None,
        };
        let found = world.engine.search(&session, request).await.unwrap();
        let found = serde_json::to_value(found).unwrap();
        assert_eq!(found[0][4], json!({"insert": {"s1": {"n": "x"}}}));
        let objects = serde_json::from_value(json!({"a": {"n": "x"}})).unwrap();
        let refused = world.engine.feed_objects("Passed", "u1", objects).await;
        assert!(matches!(refused, Err(FeedError::PassThrough { .. })));
    });
}

#[test]
fn a_source_that_kept_its_objects_once_passes_them_by() {
    local(async {
        let mut world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        for id in ["1", "2", "3"] {
            world.back_end.put(id, &[("n", "x")]);
        }
        world
            .sync(&session, &world.client(&session).await, "Shared")
            .await;
        let settings = r#"
            [sources.Shared]
            adapter = "rust"
            rust = "back-end"
            partition = "app"
            pass_through = true
        "#;
        world.engine = world.another(Some(settings), 2).await;
        let page = async || {
            let page = world.pull_pages_of(1, &session, &client, "Shared", "");
            page.await.unwrap()[5].clone()
        };
        page().await;
        let changes = json!({"create": {"t1": {"n": "y"}}, "update": {"1": {"n": "y"}}});
        let push = world.push(&session, &client, "Shared", changes);
        push.await.unwrap();
        let told = page().await;
        assert_eq!(told["links"], json!({"t1": {"l": "b1"}}));
        assert_eq!(told["insert"]["1"], json!({"n": "y"}));
        assert!(page().await.get("links").is_none());
    });
}
