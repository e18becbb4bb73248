//! What becomes of a device's changes.

use std::time::Duration;

use serde_json::json;
use sync_core::{ChangesRequest, StorePorts as _};
use test_support::{Fault, World, local};

use crate::background::work;

#[test]
fn a_create_comes_back_as_a_link_and_as_news_for_others() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let (mine, other) = (world.client(&session).await, world.client(&session).await);
        world.sync(&session, &other, "Shared").await;
        world
            .push(
                &session,
                &mine,
                "Shared",
                json!({"create": {"t1": {"name": "new"}}}),
            )
            .await
            .unwrap();
        assert_eq!(
            world.sync(&session, &mine, "Shared").await,
            [json!({"links": {"t1": {"l": "b1"}}}), json!({})]
        );
        assert_eq!(
            world.sync(&session, &other, "Shared").await,
            [json!({"insert": {"b1": {"name": "new"}}}), json!({})]
        );
    });
}

#[test]
fn updates_and_deletes_reach_the_back_end_and_the_others_but_are_no_news_to_their_author() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "a"), ("price", "1")]);
        world.back_end.put("2", &[("name", "b")]);
        let session = world.sign_in("u1").await;
        let (mine, other) = (world.client(&session).await, world.client(&session).await);
        world.sync(&session, &mine, "Shared").await;
        world.sync(&session, &other, "Shared").await;
        let changes = json!({"update": {"1": {"price": "2"}}, "delete": {"2": {"name": "b"}}});
        world
            .push(&session, &mine, "Shared", changes)
            .await
            .unwrap();
        assert_eq!(world.sync(&session, &mine, "Shared").await, [json!({})]);
        let news = json!({"insert": {"1": {"price": "2"}}, "delete": {"2": {"name": ""}}});
        assert_eq!(
            world.sync(&session, &other, "Shared").await,
            [news, json!({})]
        );
        assert_eq!(world.back_end.objects().len(), 1);
    });
}

#[test]
fn sent_again_nothing_is_done_twice() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "a")]);
        world.back_end.put("2", &[("name", "b")]);
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.sync(&session, &mine, "Shared").await;
        let changes = json!({"create": {"t1": {"name": "new"}}, "update": {"1": {"name": "x"}}, "delete": {"2": {"name": "b"}}});
        for _ in 0..3 {
            world
                .push(&session, &mine, "Shared", changes.clone())
                .await
                .unwrap();
        }
        assert_eq!(world.back_end.writes(), 3);
        assert_eq!(
            world.sync(&session, &mine, "Shared").await[0],
            json!({"links": {"t1": {"l": "b1"}}})
        );
        world
            .push(&session, &mine, "Shared", changes)
            .await
            .unwrap();
        assert_eq!(world.back_end.writes(), 3);
        let told_again = world.sync(&session, &mine, "Shared").await;
        assert_eq!(
            told_again[0],
            json!({"links": {"t1": {"l": "b1"}}}),
            "it cannot have got the link"
        );
    });
}

#[test]
fn what_the_back_end_refuses_is_told_with_what_was_sent_and_what_is() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "a"), ("price", "1")]);
        world.back_end.put("2", &[("name", "b")]);
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.sync(&session, &mine, "Shared").await;
        world.back_end.fail([
            Fault::Rejected,
            Fault::None,
            Fault::Rejected,
            Fault::Rejected,
        ]);
        let changes = json!({
            "create": {"t1": {"name": "wrong"}, "t2": {"name": "right"}},
            "update": {"1": {"name": "wrong"}},
            "delete": {"2": {"name": "b"}},
        });
        world
            .push(&session, &mine, "Shared", changes)
            .await
            .unwrap();
        let told = json!({
            "insert": {"2": {"name": "b"}},
            "links": {"t2": {"l": "b1"}},
            "create-error": {"t1": {"name": "wrong"}, "t1-error": {"message": "rejected"}},
            "update-error": {"1": {"name": "wrong"}, "1-error": {"message": "rejected"}},
            "delete-error": {"2": {"name": "b"}, "2-error": {"message": "rejected"}},
            "update-rollback": {"1": {"name": "a", "price": "1"}},
        });
        let first = world.pull(&session, &mine, "Shared", "").await.unwrap();
        assert_eq!(first[5], told);
        assert_eq!(
            world.pull(&session, &mine, "Shared", "").await.unwrap(),
            first,
            "until it is acknowledged"
        );
        let token = first[1]["token"].as_str().unwrap();
        assert_eq!(
            world.pull(&session, &mine, "Shared", token).await.unwrap()[5],
            json!({})
        );
    });
}

#[test]
fn a_refused_create_may_be_tried_again_under_the_same_id() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.back_end.fail([Fault::Rejected]);
        let changes = json!({"create": {"t1": {"name": "x"}}});
        world
            .push(&session, &mine, "Shared", changes.clone())
            .await
            .unwrap();
        world.sync(&session, &mine, "Shared").await;
        world
            .push(&session, &mine, "Shared", changes)
            .await
            .unwrap();
        assert_eq!(
            world.sync(&session, &mine, "Shared").await[0],
            json!({"links": {"t1": {"l": "b1"}}})
        );
    });
}

#[test]
fn a_create_that_is_sent_again_with_other_content_changes_what_was_created() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let (mine, other) = (world.client(&session).await, world.client(&session).await);
        let create = |name: &str| json!({"create": {"t1": {"name": name}}});
        for name in ["a", "a", "b", "b"] {
            let pushed = world.push(&session, &mine, "Shared", create(name));
            pushed.await.unwrap();
        }
        assert_eq!(world.back_end.get("b1").unwrap()["name"], "b");
        assert_eq!(world.back_end.writes(), 2, "each content once");
        let links = json!({"links": {"t1": {"l": "b1"}}});
        assert_eq!(world.sync(&session, &mine, "Shared").await[0], links);
        let news = json!({"insert": {"b1": {"name": "b"}}});
        assert_eq!(world.sync(&session, &other, "Shared").await[0], news);
    });
}

#[test]
fn a_create_that_is_sent_again_with_other_content_while_it_waits_is_followed_by_an_update() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.back_end.fail([Fault::Unreachable; 3]);
        let changes = json!({"create": {"t1": {"name": "a", "price": "1"}}});
        let pushed = world.push(&session, &mine, "Shared", changes);
        pushed.await.unwrap();
        let changes = json!({"create": {"t1": {"name": "b"}, "t2": {"name": "c"}}});
        let pushed = world.push(&session, &mine, "Shared", changes);
        pushed.await.unwrap();
        world.engine.ports().clock.advance(Duration::from_secs(60));
        world.work().await;
        let expected = json!({"b1": {"name": "c"}, "b2": {"name": "b", "price": "1"}});
        assert_eq!(json!(world.back_end.objects()), expected);
    });
}

#[test]
fn a_create_that_was_refused_may_be_sent_with_other_content_before_its_device_hears_of_it() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.back_end.fail([Fault::Rejected]);
        for name in ["a", "b"] {
            let changes = json!({"create": {"t1": {"name": name}}});
            let pushed = world.push(&session, &mine, "Shared", changes);
            pushed.await.unwrap();
        }
        assert_eq!(world.back_end.get("b1").unwrap()["name"], "b");
    });
}

#[test]
fn an_answer_that_is_lost_after_the_write_leads_to_no_second_write() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.back_end.fail([Fault::LostAnswer, Fault::LostAnswer]);
        world
            .push(
                &session,
                &mine,
                "Shared",
                json!({"create": {"t1": {"name": "x"}}}),
            )
            .await
            .unwrap();
        assert_eq!(world.back_end.objects().len(), 1);
        assert_eq!(
            world.sync(&session, &mine, "Shared").await[0],
            json!({"links": {"t1": {"l": "b1"}}})
        );
    });
}

#[test]
fn while_the_back_end_is_down_changes_wait_in_order_and_hold_back_no_others() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "a")]);
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.sync(&session, &mine, "Polled").await;
        // Three attempts at the create; then the update of another object goes through.
        world.back_end.fail([Fault::Unreachable; 3]);
        let changes = json!({"create": {"t1": {"name": "new"}}, "update": {"t1": {"name": "newer"}, "1": {"name": "b"}}});
        world
            .push(&session, &mine, "Polled", changes)
            .await
            .unwrap();
        assert_eq!(
            world.back_end.objects().len(),
            1,
            "the create waits, and so does the update of its object"
        );
        assert_eq!(
            world.back_end.objects().values().next().unwrap()["name"],
            "b"
        );
        assert_eq!(
            world.sync(&session, &mine, "Polled").await,
            [json!({})],
            "no verdict yet"
        );

        world.engine.ports().clock().advance(Duration::from_secs(3));
        work(&world.engine).await;
        assert_eq!(
            world.sync(&session, &mine, "Polled").await[0],
            json!({"links": {"t1": {"l": "b1"}}})
        );
        assert_eq!(
            world.back_end.objects().values().last().unwrap()["name"],
            "newer"
        );
        assert_eq!(world.back_end.writes(), 3);
    });
}

#[test]
fn a_back_end_that_never_comes_back_ends_in_an_error_on_the_device() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.sync(&session, &mine, "Polled").await;
        world.back_end.fail([Fault::Unreachable; 1_000]);
        world
            .push(
                &session,
                &mine,
                "Polled",
                json!({"create": {"t1": {"name": "new"}}}),
            )
            .await
            .unwrap();
        for _ in 0..40 {
            world
                .engine
                .ports()
                .clock()
                .advance(Duration::from_secs(600));
            work(&world.engine).await;
            let page = world.pull(&session, &mine, "Polled", "").await.unwrap();
            if let Some(error) = page[5].get("create-error") {
                assert_eq!(error["t1-error"], json!({"message": "unreachable"}));
                return;
            }
        }
        panic!("the device was never told");
    });
}

#[test]
fn a_numbered_push_that_comes_late_changes_nothing() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "a")]);
        let session = world.sign_in("u1").await;
        let mine = world.client(&session).await;
        world.sync(&session, &mine, "Shared").await;
        let push = async |sequence: u64, name: &str| {
            let changes = serde_json::from_value(json!({"update": {"1": {"name": name}}})).unwrap();
            let sequence = Some(sequence);
            let request = ChangesRequest {
                client: mine.as_str(),
                source: "Shared",
                sequence,
                files: sync_core::Files::default(),
                changes,
                trace: None,
            };
            world
                .engine
                .accept_changes(&session, request)
                .await
                .unwrap();
        };
        push(7, "b").await;
        push(8, "c").await;
        push(7, "b").await;
        assert_eq!(
            world.back_end.objects().values().next().unwrap()["name"],
            "c"
        );
    });
}

#[test]
fn pushed_objects_are_merged_and_pushed_deletes_are_passed_over_where_unknown() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let objects = |value| serde_json::from_value(value).unwrap();
        world
            .engine
            .feed_objects("Pushed", "u1", objects(json!({"a": {"x": 1, "y": "2"}})))
            .await
            .unwrap();
        world
            .engine
            .feed_objects(
                "Pushed",
                "u1",
                objects(json!({"a": {"y": "3"}, "b": {"z": null}})),
            )
            .await
            .unwrap();
        let everything = json!({"insert": {"a": {"x": "1", "y": "3"}, "b": {"z": ""}}});
        assert_eq!(
            world.sync(&session, &client, "Pushed").await,
            [everything, json!({})]
        );
        world
            .engine
            .feed_deletes(
                "Pushed",
                "u1",
                vec!["a".into(), "nobody".into(), "a".into()],
            )
            .await
            .unwrap();
        let gone = json!({"delete": {"a": {"x": "", "y": ""}}});
        assert_eq!(
            world.sync(&session, &client, "Pushed").await,
            [gone, json!({})]
        );
        assert_eq!(
            world.pull(&session, &client, "Pushed", "").await.unwrap()[4],
            json!({"total_count": 1})
        );
    });
}
