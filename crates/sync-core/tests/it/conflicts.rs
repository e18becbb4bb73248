//! Changes that devices make to what others have changed meanwhile.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use serde_json::{Value, json};
use sync_core::{ClientId, Session};
use test_support::{Fault, World, local};

/// Two devices of a user have the same objects; then the other changes the name of one.
async fn start(rule: &str) -> (World, Session, [ClientId; 2]) {
    let mut world = World::start().await;
    let settings = format!(
        "[sources.Shared]\nadapter = \"rust\"\nrust = \"back-end\"\npartition = \"app\"\npoll_interval = 0\n{rule}"
    );
    world.engine = world.another(Some(&settings), 2).await;
    world.back_end.put("1", &[("name", "a"), ("price", "1")]);
    world.back_end.put("2", &[("name", "b"), ("price", "2")]);
    let session = world.sign_in("u1").await;
    let clients = [world.client(&session).await, world.client(&session).await];
    for client in &clients {
        world.sync(&session, client, "Shared").await;
    }
    let change = json!({"update": {"1": {"name": "theirs"}}});
    world
        .push(&session, &clients[1], "Shared", change)
        .await
        .unwrap();
    (world, session, clients)
}

async fn pushed(world: &World, session: &Session, client: &ClientId, changes: Value) -> Value {
    world
        .push(session, client, "Shared", changes)
        .await
        .unwrap();
    world.sync(session, client, "Shared").await.remove(0)
}

#[test]
fn without_a_rule_a_change_goes_to_the_back_end_whose_word_counts() {
    local(async {
        for rule in ["", "conflicts = \"client-wins\""] {
            let (world, session, [mine, _]) = start(rule).await;
            let told = pushed(
                &world,
                &session,
                &mine,
                json!({"update": {"1": {"name": "mine"}}}),
            )
            .await;
            assert_eq!(world.back_end.get("1").unwrap()["name"], "mine");
            assert_eq!(told.get("update-error"), None);
        }
    });
}

#[test]
fn where_the_server_wins_a_change_to_what_has_changed_is_refused_and_taken_back() {
    local(async {
        let (world, session, [mine, theirs]) = start("conflicts = \"server-wins\"").await;
        let writes = world.back_end.writes();
        let told = pushed(
            &world,
            &session,
            &mine,
            json!({"update": {"1": {"name": "mine", "price": "9"}}, "delete": {"1": {}}}),
        )
        .await;
        assert_eq!(
            world.back_end.writes(),
            writes,
            "the back end was not asked"
        );
        let message = "somebody else has changed this meanwhile: name";
        assert_eq!(told["update-error"]["1-error"]["message"], message);
        assert_eq!(told["delete-error"]["1-error"]["message"], message);
        assert_eq!(told["insert"]["1"]["name"], "theirs");
        // What nobody has changed, what it has seen by now, and what it wants as it is already.
        let told = pushed(
            &world,
            &session,
            &mine,
            json!({"update": {"1": {"name": "mine"}, "2": {"name": "c"}}}),
        )
        .await;
        assert_eq!(told, json!({}));
        assert_eq!(world.back_end.get("1").unwrap()["name"], "mine");
        let told = pushed(
            &world,
            &session,
            &theirs,
            json!({"update": {"1": {"name": "mine", "price": "7"}}}),
        )
        .await;
        assert_eq!(told.get("update-error"), None);
        assert_eq!(world.back_end.get("1").unwrap()["price"], "7");
        // Its own changes are in nobody's way, also before it has acknowledged anything.
        for price in ["8", "9"] {
            let change = json!({"update": {"1": {"price": price}}});
            world
                .push(&session, &theirs, "Shared", change)
                .await
                .unwrap();
        }
        assert_eq!(world.back_end.get("1").unwrap()["price"], "9");
    });
}

#[test]
fn where_fields_are_merged_only_what_others_have_changed_stays() {
    local(async {
        let (world, session, [mine, _]) = start("conflicts = \"field-merge\"").await;
        // Also if the first attempt fails.
        world.back_end.fail([Fault::Unreachable]);
        let told = pushed(
            &world,
            &session,
            &mine,
            json!({"update": {"1": {"name": "mine", "price": "9"}}}),
        )
        .await;
        let merged = world.back_end.get("1").unwrap();
        assert_eq!(
            (merged["name"].as_str(), merged["price"].as_str()),
            ("theirs", "9")
        );
        assert_eq!(told["insert"]["1"]["name"], "theirs");
        assert_eq!(told.get("update-error"), None);
    });
}

#[test]
fn of_a_change_that_loses_everything_the_back_end_hears_nothing() {
    local(async {
        let (world, session, [mine, _]) = start("conflicts = \"field-merge\"").await;
        let writes = world.back_end.writes();
        let told = pushed(
            &world,
            &session,
            &mine,
            json!({"update": {"1": {"name": "mine"}}}),
        )
        .await;
        assert_eq!(world.back_end.writes(), writes);
        assert_eq!(told["insert"]["1"], json!({"name": "theirs"}));
        let told = pushed(&world, &session, &mine, json!({"delete": {"1": {}}})).await;
        assert_eq!(world.back_end.get("1"), None);
        assert_eq!(told, json!({}));
    });
}
