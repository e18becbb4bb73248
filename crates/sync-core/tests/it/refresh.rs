//! When the back end is asked, and what its answer may and may not do.

use std::rc::Rc;
use std::time::Duration;

use futures_util::join;
use serde_json::json;
use sync_core::StorePorts as _;
use test_support::{Fault, World, local, page};

use crate::background::work;

#[test]
fn the_back_end_is_asked_when_its_answer_is_old_and_not_before() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        for _ in 0..3 {
            world.sync(&session, &client, "Polled").await;
        }
        assert_eq!(world.back_end.queries(), 1);
        world
            .engine
            .ports()
            .clock()
            .advance(Duration::from_secs(61));
        world.sync(&session, &client, "Polled").await;
        assert_eq!(world.back_end.queries(), 2);
    });
}

#[test]
fn a_query_that_fails_deletes_nothing_and_is_told_until_one_succeeds() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        let session = world.sign_in("u1").await;
        let (client, other) = (world.client(&session).await, world.client(&session).await);
        world.sync(&session, &client, "Shared").await;
        world
            .back_end
            .fail([Fault::Unreachable, Fault::Unreachable]);
        let error = json!({"source-error": {"query-error": {"message": "unreachable"}}});
        assert_eq!(world.sync(&session, &client, "Shared").await, [error]);
        let page = world.pull(&session, &other, "Shared", "").await.unwrap();
        assert_eq!(
            page[5]["insert"],
            json!({"1": {"n": "x"}}),
            "what is there is delivered all the same"
        );
        assert_eq!(
            page[5]["source-error"]["query-error"]["message"],
            "unreachable"
        );
        assert_eq!(world.sync(&session, &client, "Shared").await, [json!({})]);
    });
}

#[test]
fn what_is_wrong_with_a_source_is_told_to_all_its_devices_and_takes_no_token() {
    local(async {
        let world = World::start().await;
        let (anna, ben) = (world.sign_in("anna").await, world.sign_in("ben").await);
        let (phone, tablet) = (world.client(&anna).await, world.client(&ben).await);
        world.sync(&ben, &tablet, "Polled").await;
        let later = Duration::from_secs(61);
        world.engine.ports().clock().advance(later);
        world.back_end.fail([Fault::Login]);
        let error = json!({"source-error": {"login-error": {"message": "no back end login"}}});
        for _ in 0..2 {
            for (session, client) in [(&anna, &phone), (&ben, &tablet)] {
                let told = world.pull(session, client, "Polled", "").await.unwrap();
                assert_eq!(told, page("", 0, 0, 0, error.clone()), "until one succeeds");
            }
        }
        world.engine.ports().clock().advance(later);
        assert_eq!(world.sync(&anna, &phone, "Polled").await, [json!({})]);
        assert_eq!(world.sync(&ben, &tablet, "Polled").await, [json!({})]);
    });
}

#[test]
fn a_back_end_that_cannot_be_left_has_been_asked_all_the_same() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("anna").await;
        let client = world.client(&session).await;
        world.back_end.put("1", &[("n", "x")]);
        world.back_end.fail([Fault::Logoff]);
        let told = world.pull(&session, &client, "Shared", "").await.unwrap();
        let commands = json!({
            "insert": {"1": {"n": "x"}},
            "source-error": {"logoff-error": {"message": "no back end logoff"}},
        });
        assert_eq!(told[5], commands);
        // What was gone is found out all the same, and the error is over with the next query.
        world.back_end.remove("1");
        world.back_end.fail([Fault::Logoff]);
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0]["delete"], json!({"1": {"n": ""}}), "{told:?}");
        assert_eq!(world.sync(&session, &client, "Shared").await, [json!({})]);
        // A change that was made is made.
        world.back_end.fail([Fault::Logoff]);
        let changes = json!({"create": {"t1": {"n": "made"}}});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        let told = world.sync(&session, &client, "Shared").await;
        assert!(told[0]["links"]["t1"].is_object(), "{told:?}");
        assert!(told[0].get("create-error").is_none(), "{told:?}");
    });
}

#[test]
fn an_answer_that_breaks_off_commits_its_parts_and_deletes_nothing() {
    local(async {
        let world = World::start().await;
        world.back_end.answer_in_parts(2);
        for number in 1..=4 {
            world.back_end.put(&number.to_string(), &[("n", "x")]);
        }
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.remove("4");
        world.back_end.put("1", &[("n", "y")]);
        world.back_end.fail([Fault::LostAnswer]);
        let told = world.sync(&session, &client, "Shared").await;
        assert!(told[0].get("delete").is_none(), "{told:?}");
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0]["delete"], json!({"4": {"n": ""}}));
    });
}

#[test]
fn an_answer_that_breaks_off_does_not_pass_for_the_whole_one_before() {
    local(async {
        let world = World::start().await;
        for number in 1..=3 {
            world.back_end.put(&number.to_string(), &[("n", "x")]);
        }
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.put("1", &[("n", "y")]);
        world.back_end.answer_in_parts(1);
        world.back_end.fail([Fault::LostAnswer]);
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0]["insert"], json!({"1": {"n": "y"}}));
        world.back_end.put("1", &[("n", "x")]);
        world.back_end.answer_in_parts(3);
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(
            told[0]["insert"],
            json!({"1": {"n": "x"}}),
            "the same answer as the first, but not what the document holds"
        );
    });
}

#[test]
fn one_refresh_at_a_time_and_a_first_sync_waits_for_it() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        let session = world.sign_in("u1").await;
        let (one, two) = (world.client(&session).await, world.client(&session).await);
        let (first, second) = join!(
            world.pull(&session, &one, "Polled", ""),
            world.pull(&session, &two, "Polled", "")
        );
        assert_eq!(world.back_end.queries(), 1);
        assert_eq!(first.unwrap()[2], json!({"count": 1}));
        assert_eq!(second.unwrap()[2], json!({"count": 1}));
    });
}

#[test]
fn a_snapshot_does_not_undo_what_was_committed_after_it_began() {
    local(async {
        let world = Rc::new(World::start().await);
        world.back_end.put("1", &[("name", "old")]);
        world.back_end.put("2", &[("name", "stays")]);
        let session = world.sign_in("u1").await;
        let (reader, writer) = (world.client(&session).await, world.client(&session).await);
        world.sync(&session, &reader, "Shared").await;
        world.sync(&session, &writer, "Polled").await;
        world.sync(&session, &writer, "Shared").await;

        // The answer of the query is made before these changes and arrives after them.
        let changes = json!({
            "create": {"t": {"name": "new"}},
            "update": {"1": {"name": "newer"}},
            "delete": {"2": {"name": "stays"}},
        });
        let began = Rc::new(tokio::sync::Notify::new());
        let bell = Rc::clone(&began);
        world.back_end.during_query(move || bell.notify_one());
        world.back_end.wait_in_query(true);
        let refresh = world.pull(&session, &reader, "Shared", "");
        let write = async {
            began.notified().await;
            world
                .push(&session, &writer, "Shared", changes)
                .await
                .unwrap();
            world.back_end.wait_in_query(false);
        };
        let (page, ()) = join!(refresh, write);
        let news = json!({
            "insert": {"1": {"name": "newer"}, "b1": {"name": "new"}},
            "delete": {"2": {"name": ""}},
        });
        assert_eq!(page.unwrap()[5], news);
        assert_eq!(
            world.sync(&session, &reader, "Shared").await,
            [news, json!({})]
        );
        let links = json!({"links": {"t": {"l": "b1"}}});
        assert_eq!(
            world.sync(&session, &writer, "Shared").await,
            [links, json!({})]
        );
        assert_eq!(world.sync(&session, &reader, "Shared").await, [json!({})]);
    });
}

#[test]
fn a_refresh_that_outlives_its_lease_commits_nothing_more() {
    local(async {
        let world = Rc::new(World::start().await);
        world.back_end.put("1", &[("name", "old")]);
        let session = world.sign_in("u1").await;
        let (slow, fast) = (world.client(&session).await, world.client(&session).await);
        let began = Rc::new(tokio::sync::Notify::new());
        let bell = Rc::clone(&began);
        world.back_end.during_query(move || bell.notify_one());
        world.back_end.wait_in_query(true);
        let late = world.pull(&session, &slow, "Shared", "");
        let overtake = async {
            began.notified().await;
            world.drop_refresh_lease("Shared").await;
            world.back_end.put("1", &[("name", "new")]);
            world.back_end.wait_in_query(false);
            world.sync(&session, &fast, "Shared").await
        };
        let (late, fast_got) = join!(late, overtake);
        let new = json!({"insert": {"1": {"name": "new"}}});
        assert_eq!(fast_got[0], new);
        assert_ne!(
            late.unwrap()[5]["insert"]["1"]["name"],
            "old",
            "what it brought is older than what is there"
        );
        assert_eq!(world.sync(&session, &slow, "Shared").await[0], new);
        assert_eq!(world.sync(&session, &fast, "Shared").await, [json!({})]);
    });
}

/// Lets a query wait in the back end, and tells when it has come there.
fn wait_in_query(world: &World) -> Rc<tokio::sync::Notify> {
    let began = Rc::new(tokio::sync::Notify::new());
    let bell = Rc::clone(&began);
    world.back_end.during_query(move || bell.notify_one());
    world.back_end.wait_in_query(true);
    began
}

#[test]
fn a_refresh_keeps_its_lease_however_long_the_back_end_takes() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let began = wait_in_query(&world);
        let refresh = world.pull(&session, &client, "Polled", "");
        let look = async {
            began.notified().await;
            world.shorten_refresh_lease("Polled", 5_000).await;
            let clock = world.engine.ports().clock();
            clock.advance(Duration::from_secs(11));
            let mut left = 0;
            for _ in 0..1_000 {
                left = world.refresh_lease_left("Polled").await;
                if left > 5_000 {
                    break;
                }
            }
            world.back_end.wait_in_query(false);
            left
        };
        let (page, left) = join!(refresh, look);
        page.unwrap();
        assert!(left > 5_000, "{left} ms are left");
    });
}

#[test]
fn a_refresh_that_lost_its_lease_to_nobody_still_says_how_it_went() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        let session = world.sign_in("u1").await;
        let (client, other) = (world.client(&session).await, world.client(&session).await);
        let began = wait_in_query(&world);
        world.back_end.fail([Fault::LostAnswer]);
        let refresh = world.pull(&session, &client, "Polled", "");
        let lose = async {
            began.notified().await;
            world.drop_refresh_lease("Polled").await;
            world.back_end.wait_in_query(false);
        };
        let (told, ()) = join!(refresh, lose);
        let error = json!({"query-error": {"message": "the answer was cut"}});
        assert_eq!(told.unwrap()[5]["source-error"], error);
        let told = world.sync(&session, &other, "Polled").await;
        assert_eq!(told[0]["source-error"], error);
        assert_eq!(world.back_end.queries(), 1, "it is not asked at once again");
    });
}

#[test]
fn an_object_that_a_refresh_brings_before_its_creates_link_is_there_once() {
    local(async {
        let world = Rc::new(World::start().await);
        let session = world.sign_in("u1").await;
        let (creator, other) = (world.client(&session).await, world.client(&session).await);
        world.sync(&session, &creator, "Shared").await;
        // The back end has the object, but its answer is lost; before the next attempt somebody refreshes, and the
        // creator itself gets the object as news.
        world.back_end.fail([Fault::LostAnswer; 3]);
        world
            .push(
                &session,
                &creator,
                "Shared",
                json!({"create": {"t": {"name": "x"}}}),
            )
            .await
            .unwrap();
        world.sync(&session, &other, "Shared").await;
        assert_eq!(
            world.sync(&session, &creator, "Shared").await[0],
            json!({"insert": {"b1": {"name": "x"}}})
        );
        world.engine.ports().clock().advance(Duration::from_secs(5));
        work(&world.engine).await;
        let told = json!({
            "insert": {"b1": {"name": "x"}},
            "delete": {"t": {"name": ""}},
            "links": {"t": {"l": "b1"}},
        });
        assert_eq!(
            world.sync(&session, &creator, "Shared").await,
            [told, json!({})]
        );
        assert_eq!(world.back_end.objects().len(), 1);
    });
}

#[test]
fn an_unchanged_answer_is_not_compared_object_by_object() {
    local(async {
        let world = World::start().await;
        for number in 0..200 {
            world.back_end.put(
                &number.to_string(),
                &[("n", "x"), ("text", &"long ".repeat(50))],
            );
        }
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        let before = world.bytes_from_store().await;
        world.sync(&session, &client, "Shared").await;
        let read = world.bytes_from_store().await - before;
        assert!(
            read < 10_000,
            "{read} bytes were read to find out that 50 000 have not changed"
        );
        // A device's change in between means that the digest vouches for nothing any more.
        world
            .push(
                &session,
                &client,
                "Shared",
                json!({"update": {"7": {"n": "mine"}}}),
            )
            .await
            .unwrap();
        world
            .back_end
            .put("7", &[("n", "x"), ("text", &"long ".repeat(50))]);
        let news = json!({"insert": {"7": {"n": "x"}}});
        assert_eq!(
            world.sync(&session, &client, "Shared").await,
            [news, json!({})],
            "the back end took it back"
        );
    });
}
