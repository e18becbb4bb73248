//! What it costs the store to ask a back end that has nothing new.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a world that cannot be made is a failed test"
)]

use serde_json::{Value, json};
use test_support::local;

use super::World;

/// How many changes the store has made since it began.
fn changes(world: &World) -> u64 {
    let said = world.redis.tell("INFO persistence");
    let count = said
        .lines()
        .find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
    let count = count.and_then(|count| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("no count: {said}"))
}

/// Products, as the back end lists them.
fn list(count: u32) -> String {
    let products =
        (0..count).map(|id| json!({"id": id, "name": format!("product {id}"), "price": 1}));
    Value::from_iter(products).to_string()
}

/// What a poll changes in the store, and how many round trips it takes, if the back end has so many objects and answers this.
async fn cost(count: u32, status: u16) -> (u64, usize) {
    let world = World::start("").await;
    let body = list(count);
    let tag = [("etag", "\"1\"")];
    world.answer(200, &tag, &body);
    let mut page = world.pull("").await;
    while page[2]["count"] != 0 {
        page = world
            .pull(page[1]["token"].as_str().expect("a token"))
            .await;
    }
    // What a client costs once a day, and a script that the store does not know yet.
    world.answer(status, &[], if status == 304 { "" } else { &body });
    world.pull("").await;
    world.answer(status, &[], if status == 304 { "" } else { &body });
    let before = changes(&world);
    let redis = &world.engine.ports().redis;
    let (told, trips) = redis.in_round_trips(world.pull("")).await;
    assert_eq!(told[5].get("source-error"), None, "{told}");
    (changes(&world) - before, trips)
}

#[test]
fn a_poll_that_brings_nothing_new_writes_no_object() {
    local(async {
        for (status, most) in [(304, 6), (200, 7)] {
            let few = cost(1, status).await;
            let many = cost(400, status).await;
            assert_eq!(
                few.0, many.0,
                "{status}: what is written grows with the objects"
            );
            // The lease, and when the back end was asked, how long it took, and what it answered.
            assert!(few.0 <= most, "{status}: {few:?}");
            if status == 304 {
                assert_eq!(few.1, many.1, "{status}: the round trips grow");
            }
        }
    });
}
