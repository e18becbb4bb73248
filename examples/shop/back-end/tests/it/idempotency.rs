//! Writes with an `Idempotency-Key`.

use std::thread;

use http::Method;
use serde_json::json;
use shop::{Amounts, Config, Location};

use crate::world::{World, header, json};

const NONE: Amounts = Amounts {
    products: 0,
    customers: 0,
};

#[test]
fn the_same_request_again_gets_the_same_answer_and_does_nothing() {
    let world = World::with(NONE);
    let lamp = json!({"name": "Lamp"});

    let first = world.post_once("k1", "/products", &lamp);
    assert_eq!(header(&first, "idempotent-replayed"), None);
    let location = header(&first, "location").unwrap().to_owned();
    let first = json(first, 201);

    let again = world.post_once("k1", "/products", &lamp);
    assert_eq!(header(&again, "idempotent-replayed"), Some("true"));
    assert_eq!(header(&again, "location"), Some(&*location));
    assert_eq!(json(again, 201), first);

    // Another key, another path, another method: other requests.
    assert_eq!(
        json(world.post_once("k2", "/products", &lamp), 201)["id"],
        2
    );
    assert_eq!(
        json(world.post_once("k1", "/customers", &lamp), 201)["id"],
        1
    );
    for replayed in [None, Some("true")] {
        let deleted = world.keyed("k1").send(Method::DELETE, &location, "");
        assert_eq!(
            (
                deleted.status().as_u16(),
                header(&deleted, "idempotent-replayed")
            ),
            (204, replayed)
        );
    }

    let writes = &world.read("/_control")["counters"]["writes"];
    assert_eq!(
        (&writes["applied"], &writes["replayed"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(writes["by_key"], json!({"distinct": 4, "duplicate": 0}));
}

#[test]
fn concurrent_twins_make_one_record() {
    let world = World::with(NONE);
    let lamp = json!({"name": "Lamp"});
    let post = || json(world.post_once("k", "/products", &lamp), 201);
    thread::scope(|scope| {
        let twins: Vec<_> = (0..8).map(|_| scope.spawn(post)).collect();
        for twin in twins {
            assert_eq!(twin.join().unwrap()["id"], 1);
        }
    });
    assert_eq!(world.read("/products").as_array().unwrap().len(), 1);
}

#[test]
fn a_refused_write_is_not_remembered() {
    let world = World::with(NONE);
    assert_eq!(
        world
            .post_once("k", "/products", &json!({"name": ""}))
            .status(),
        422
    );
    assert_eq!(
        world
            .post_once("k", "/products", &json!({"name": "Lamp"}))
            .status(),
        201
    );
}

#[test]
fn an_unusable_key_is_refused_rather_than_ignored() {
    let world = World::with(NONE);
    for key in ["", &"k".repeat(256)] {
        let response = world.post_once(key, "/products", &json!({"name": "Lamp"}));
        assert_eq!(response.status(), 400);
    }
}

#[test]
fn outcomes_are_remembered_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        database: Location::File(folder.path().join("shop.db")),
        seed: Amounts {
            products: 5,
            customers: 0,
        },
        ..Config::default()
    };
    let lamp = json!({"name": "Lamp"});

    let world = World::start(config.clone());
    let first = json(world.post_once("k", "/products", &lamp), 201);
    world.stop();

    let world = World::start(config);
    assert_eq!(json(world.post_once("k", "/products", &lamp), 201), first);
    let products = world.read("/products");
    assert_eq!(
        products.as_array().unwrap().len(),
        6,
        "seeded once, created once"
    );
}

#[test]
fn a_store_told_to_ignores_keys_and_counts_the_damage() {
    let world = World::with(NONE);
    world.control("idempotency", &json!({"enabled": false}));
    for id in 1..=3 {
        let created = world.post_once("k", "/products", &json!({"name": "Lamp"}));
        assert_eq!(json(created, 201)["id"], id);
    }
    let control = world.read("/_control");
    assert_eq!(control["idempotency"], false);
    let writes = &control["counters"]["writes"];
    assert_eq!(writes["by_key"], json!({"distinct": 1, "duplicate": 2}));
    assert_eq!(
        writes["creates_by_body"],
        json!({"distinct": 1, "duplicate": 2})
    );
}
