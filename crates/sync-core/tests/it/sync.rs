//! What a device sees of the data, from its first sync to its last.

use serde_json::json;
use sync_core::{AccountError, SyncError};
use test_support::{World, local, page};

#[test]
fn a_first_sync_brings_everything_and_then_nothing() {
    local(async {
        let world = World::start().await;
        world
            .back_end
            .put("1", &[("name", "iPhone"), ("price", "199.99")]);
        world.back_end.put("2", &[("name", "G2")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let first = world.pull(&session, &client, "Shared", "").await.unwrap();
        let everything = json!({"1": {"name": "iPhone", "price": "199.99"}, "2": {"name": "G2"}});
        assert_eq!(first, page("3", 2, 0, 2, json!({"insert": everything})));
        let second = world.pull(&session, &client, "Shared", "3").await.unwrap();
        assert_eq!(second, page("", 0, 2, 2, json!({})));
        assert_eq!(world.sync(&session, &client, "Shared").await, [json!({})]);
    });
}

#[test]
fn pages_are_cut_by_objects_and_a_lost_page_comes_again() {
    local(async {
        let world = World::start().await;
        for number in 1..=5 {
            world.back_end.put(&number.to_string(), &[("n", "x")]);
        }
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let pull = async |token: &str| {
            world
                .pull_pages_of(2, &session, &client, "Shared", token)
                .await
                .unwrap()
        };

        let first = pull("").await;
        assert_eq!(first[2], json!({"count": 2}));
        assert_eq!(
            pull("").await,
            first,
            "the answer was lost, so it is asked for again"
        );
        let second = pull("3").await;
        assert_eq!(
            (&second[1], &second[3]),
            (&json!({"token": "5"}), &json!({"progress_count": 2}))
        );
        assert_eq!(
            pull("3").await,
            second,
            "acknowledging twice is acknowledging once"
        );
        let third = pull("5").await;
        assert_eq!(
            (&third[1], &third[2]),
            (&json!({"token": "6"}), &json!({"count": 1}))
        );
        assert_eq!(pull("5").await, third);
        assert_eq!(pull("6").await, page("", 0, 5, 5, json!({})));
        assert_eq!(
            pull("3").await,
            page("", 0, 5, 5, json!({})),
            "an old token moves nothing back"
        );
    });
}

#[test]
fn few_objects_and_many_come_alike() {
    local(async {
        let world = World::start().await;
        for number in 0..40 {
            world.back_end.put(&number.to_string(), &[("n", "x")]);
        }
        let session = world.sign_in("u1").await;
        for size in [31, 32, 33, 40] {
            let client = world.client(&session).await;
            let page = world.pull_pages_of(size, &session, &client, "Shared", "");
            let page = page.await.unwrap();
            let objects = page[5]["insert"].as_object().unwrap();
            assert_eq!(objects.len(), size);
            assert!(objects.values().all(|object| *object == json!({"n": "x"})));
        }
    });
}

#[test]
fn changes_come_attribute_by_attribute() {
    local(async {
        let world = World::start().await;
        world
            .back_end
            .put("1", &[("name", "iPhone"), ("price", "199.99")]);
        world
            .back_end
            .put("2", &[("name", "G2"), ("price", "99.99")]);
        world.back_end.put("3", &[("name", "Fuze")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;

        world
            .back_end
            .put("1", &[("name", "iPhone"), ("price", "149.99")]);
        world.back_end.put("2", &[("name", "G2")]);
        world.back_end.remove("3");
        world.back_end.put("6", &[("name", "Storm")]);
        let news = json!({
            "insert": {"1": {"price": "149.99"}, "6": {"name": "Storm"}},
            "delete": {"2": {"price": ""}, "3": {"name": ""}},
        });
        assert_eq!(
            world.sync(&session, &client, "Shared").await,
            [news, json!({})]
        );
    });
}

#[test]
fn a_device_that_resets_starts_from_nothing_and_old_tokens_do_not_count() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        world.back_end.put("2", &[("n", "x")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world
            .push(
                &session,
                &client,
                "Shared",
                json!({"create": {"t": {"n": "mine"}}}),
            )
            .await
            .unwrap();
        world.sync(&session, &client, "Shared").await;
        world
            .engine
            .reset_client(&session, client.as_str(), None)
            .await
            .unwrap();

        let everything = json!({"insert": {"1": {"n": "x"}, "2": {"n": "x"}, "b1": {"n": "mine"}}});
        for stale in ["", "2", "3", "4"] {
            let page = world
                .pull(&session, &client, "Shared", stale)
                .await
                .unwrap();
            assert_eq!(
                page[5], everything,
                "token {stale:?} was given out before the reset"
            );
        }
        assert_eq!(
            world.sync(&session, &client, "Shared").await,
            [everything, json!({})]
        );
    });
}

#[test]
fn a_client_of_another_user_starts_from_nothing_and_shows_nothing_of_the_others() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        let (alice, bob) = (world.sign_in("alice").await, world.sign_in("bob").await);
        let client = world.client(&alice).await;
        world.sync(&alice, &client, "Shared").await;
        world
            .push(
                &alice,
                &client,
                "Shared",
                json!({"create": {"t": {"n": "secret"}}}),
            )
            .await
            .unwrap();

        let first = world.pull(&bob, &client, "Shared", "2").await.unwrap();
        assert_eq!(
            first[5],
            json!({"insert": {"1": {"n": "x"}, "b1": {"n": "secret"}}}),
            "no link of alice's"
        );
        world.sync(&bob, &client, "Shared").await;
        let back = world.pull(&alice, &client, "Shared", "").await.unwrap();
        assert_eq!(
            back[2],
            json!({"count": 2}),
            "and alice starts from nothing too"
        );
    });
}

#[test]
fn a_users_own_partition_is_its_own() {
    local(async {
        let world = World::start().await;
        let (alice, bob) = (world.sign_in("alice").await, world.sign_in("bob").await);
        let (hers, his) = (world.client(&alice).await, world.client(&bob).await);
        let objects = serde_json::from_value(json!({"n1": {"text": "for alice"}})).unwrap();
        world
            .engine
            .feed_objects("Pushed", "alice", objects)
            .await
            .unwrap();
        assert_eq!(
            world.sync(&bob, &his, "Pushed").await.len(),
            2,
            "this source is shared"
        );
        world
            .push(
                &alice,
                &hers,
                "Own",
                json!({"create": {"t": {"text": "hers"}}}),
            )
            .await
            .unwrap();
        world.back_end.remove("b1");
        assert_eq!(world.sync(&bob, &his, "Own").await, [json!({})]);
    });
}

#[test]
fn what_is_not_valid_is_refused_and_changes_nothing() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("n", "x")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let nobody = "0".repeat(32).parse().unwrap();
        let unknown = world
            .pull(&session, &nobody, "Shared", "")
            .await
            .unwrap_err();
        assert_eq!(unknown, SyncError::UnknownClient);
        world.pull(&session, &client, "Shared", "").await.unwrap();
        assert_eq!(
            world.pull(&session, &client, "Shared", "").await.unwrap()[2],
            json!({"count": 1})
        );
        let refused = world
            .push(
                &session,
                &client,
                "Shared",
                json!({"create": {"a": {"n": "1"}, "b\u{1}": {}}}),
            )
            .await;
        assert!(matches!(refused, Err(SyncError::InvalidId(_))));
        assert_eq!(
            world.back_end.writes(),
            0,
            "not even the valid one was taken in"
        );
    });
}

#[test]
fn a_login_is_limited_and_a_session_of_a_user_that_is_gone_is_none() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let origin = sync_core::Origin("10.0.0.1");
        for _ in 0..10 {
            let failed = world
                .engine
                .accounts()
                .log_in("u1", "wrong", origin)
                .await
                .unwrap_err();
            assert!(matches!(failed, AccountError::LoginFailed { .. }));
        }
        let limited = world
            .engine
            .accounts()
            .log_in("u1", "password", origin)
            .await
            .unwrap_err();
        assert!(matches!(limited, AccountError::TooManyAttempts { .. }));
        world
            .engine
            .accounts()
            .log_in("u1", "password", sync_core::Origin("10.0.0.2"))
            .await
            .unwrap();

        let another = World::start().await;
        let refused = another
            .engine
            .create_client(&session, &Default::default())
            .await
            .unwrap_err();
        assert_eq!(refused, SyncError::Account(AccountError::NotAuthenticated));
    });
}
