//! A store that went back in time: restored from a backup, or taken over by a replica that was behind.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set up its world has failed"
)]

use serde_json::{Value, json};
use sync_core::{ClientId, Session};
use test_support::{Backup, World, local};

async fn feed(world: &World, objects: Value) {
    let objects = serde_json::from_value(objects).expect("objects");
    let fed = world.engine.feed_objects("Pushed", "app", objects).await;
    fed.expect("to feed");
}

async fn pull(world: &World, session: &Session, client: &ClientId, token: &str) -> Value {
    let page = world.pull(session, client, "Pushed", token).await;
    page.expect("a page")
}

fn token(page: &Value) -> &str {
    page[1]["token"].as_str().expect("a token")
}

/// A client that has everything, of a store that was backed up then; and the token of a page that brought it a ghost since.
async fn haunted() -> (World, Session, ClientId, Backup, String) {
    let world = World::start().await;
    let session = world.sign_in("u1").await;
    let client = world.client(&session).await;
    feed(&world, json!({"1": {"n": "one"}})).await;
    world.sync(&session, &client, "Pushed").await;
    let backup = world.backup().await;
    feed(&world, json!({"ghost": {"n": "x"}, "late": {"n": "x"}})).await;
    let page = pull(&world, &session, &client, "").await;
    assert_eq!(
        page[5]["insert"],
        json!({"ghost": {"n": "x"}, "late": {"n": "x"}})
    );
    let future = token(&page).to_owned();
    (world, session, client, backup, future)
}

#[test]
fn a_token_of_the_future_makes_its_device_start_over() {
    local(async {
        let (world, session, client, backup, future) = haunted().await;
        world.restore(&backup).await;

        let told = pull(&world, &session, &client, &future).await;
        assert_eq!(told[5], json!({"schema-changed": "true"}));
        let again = pull(&world, &session, &client, &future).await;
        assert_eq!(again, told, "its answer was lost");
        let all = pull(&world, &session, &client, token(&told)).await;
        assert_eq!(all[5], json!({"insert": {"1": {"n": "one"}}}));
        let again = pull(&world, &session, &client, token(&told)).await;
        assert_eq!(again, all, "its answer was lost too");
        let end = pull(&world, &session, &client, token(&all)).await;
        assert_eq!(end[5], json!({}));
        let late = pull(&world, &session, &client, &future).await;
        assert_eq!(late[5], json!({}), "a token of a life that is over");
    });
}

#[test]
fn it_does_so_also_where_the_store_has_gone_on_past_the_token() {
    local(async {
        let (world, session, client, backup, future) = haunted().await;
        world.restore(&backup).await;
        feed(
            &world,
            json!({"2": {"n": "2"}, "3": {"n": "3"}, "4": {"n": "4"}}),
        )
        .await;

        let told = pull(&world, &session, &client, &future).await;
        assert_eq!(told[5], json!({"schema-changed": "true"}));
        let all = pull(&world, &session, &client, token(&told)).await;
        let ids = all[5]["insert"].as_object().unwrap().keys();
        assert_eq!(ids.collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    });
}

#[test]
fn it_does_so_also_where_the_store_knows_nothing_of_its_cursor() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let (first, late) = (world.client(&session).await, world.client(&session).await);
        feed(&world, json!({"1": {"n": "one"}})).await;
        world.sync(&session, &first, "Pushed").await;
        let backup = world.backup().await;
        let page = pull(&world, &session, &late, "").await;
        world.restore(&backup).await;

        let told = pull(&world, &session, &late, token(&page)).await;
        assert_eq!(told[5], json!({"schema-changed": "true"}));
        let all = pull(&world, &session, &late, token(&told)).await;
        assert_eq!(all[5], json!({"insert": {"1": {"n": "one"}}}));
    });
}

#[test]
fn others_go_on() {
    local(async {
        let (world, session, client, backup, future) = haunted().await;
        world.restore(&backup).await;
        let other = world.client(&session).await;
        world.sync(&session, &other, "Pushed").await;
        pull(&world, &session, &client, &future).await;
        feed(&world, json!({"2": {"n": "two"}})).await;
        let page = pull(&world, &session, &other, "").await;
        assert_eq!(page[5], json!({"insert": {"2": {"n": "two"}}}));
    });
}

#[test]
fn a_page_that_comes_again_shorter_is_acknowledged_by_either_token() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        feed(
            &world,
            json!({"1": {"n": "1"}, "2": {"n": "2"}, "3": {"n": "3"}}),
        )
        .await;
        let sized = async |size, token: &str| {
            let page = world.pull_pages_of(size, &session, &client, "Pushed", token);
            page.await.expect("a page")
        };
        let long = sized(2, "").await;
        let short = sized(1, "").await;
        let third = json!({"insert": {"3": {"n": "3"}}});
        assert_eq!(sized(2, token(&long)).await[5], third);
        assert_eq!(sized(2, token(&short)).await[5], third, "it went on");
    });
}
