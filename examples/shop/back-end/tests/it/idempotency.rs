//! Writes with an `Idempotency-Key`.

use crate::world::{World, header, json};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use shop::{Amounts, Config, Location};

const NONE: Amounts = Amounts {
    products: 0,
    customers: 0,
};

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer_and_does_nothing() {
    let world = World::with(NONE).await;
    let lamp = json!({"name": "Lamp"});

    let first = world.post_once("k1", "/products", &lamp).await;
    assert_eq!(header(&first, "idempotent-replayed"), None);
    let location = header(&first, "location").unwrap().to_owned();
    let first = json(first, 201).await;

    let again = world.post_once("k1", "/products", &lamp).await;
    assert_eq!(header(&again, "idempotent-replayed"), Some("true"));
    assert_eq!(header(&again, "location"), Some(&*location));
    assert_eq!(json(again, 201).await, first);

    // Another key, another path, another method: other requests.
    assert_eq!(
        json(world.post_once("k2", "/products", &lamp).await, 201).await["id"],
        2
    );
    assert_eq!(
        json(world.post_once("k1", "/customers", &lamp).await, 201).await["id"],
        1
    );
    for replayed in [None, Some("true")] {
        let delete = world
            .request(Method::DELETE, &location)
            .header("Idempotency-Key", "k1");
        let deleted = delete.send().await.unwrap();
        assert_eq!(
            (
                deleted.status().as_u16(),
                header(&deleted, "idempotent-replayed")
            ),
            (204, replayed)
        );
    }

    let writes = &world.read("/_control").await["counters"]["writes"];
    assert_eq!(
        (&writes["applied"], &writes["replayed"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(writes["by_key"], json!({"distinct": 4, "duplicate": 0}));
}

#[tokio::test]
async fn concurrent_twins_make_one_record() {
    let world = World::with(NONE).await;
    let lamp = json!({"name": "Lamp"});
    let twins = (0..8).map(|_| world.post_once("k", "/products", &lamp));
    for response in join_all(twins).await {
        assert_eq!(json(response, 201).await["id"], 1);
    }
    assert_eq!(world.read("/products").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_write_is_not_remembered() {
    let world = World::with(NONE).await;
    assert_eq!(
        world
            .post_once("k", "/products", &json!({"name": ""}))
            .await
            .status(),
        422
    );
    assert_eq!(
        world
            .post_once("k", "/products", &json!({"name": "Lamp"}))
            .await
            .status(),
        201
    );
}

#[tokio::test]
async fn an_unusable_key_is_refused_rather_than_ignored() {
    let world = World::with(NONE).await;
    for key in ["", &"k".repeat(256)] {
        let response = world
            .post_once(key, "/products", &json!({"name": "Lamp"}))
            .await;
        assert_eq!(response.status(), 400);
    }
}

#[tokio::test]
async fn outcomes_are_remembered_across_a_restart() {
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

    let world = World::start(config.clone()).await;
    let first = json(world.post_once("k", "/products", &lamp).await, 201).await;
    world.shop.stop().await;

    let world = World::start(config).await;
    assert_eq!(
        json(world.post_once("k", "/products", &lamp).await, 201).await,
        first
    );
    let products = world.read("/products").await;
    assert_eq!(
        products.as_array().unwrap().len(),
        6,
        "seeded once, created once"
    );
}

#[tokio::test]
async fn a_store_told_to_ignores_keys_and_counts_the_damage() {
    let world = World::with(NONE).await;
    world
        .control("idempotency", &json!({"enabled": false}))
        .await;
    for id in 1..=3 {
        let created = world
            .post_once("k", "/products", &json!({"name": "Lamp"}))
            .await;
        assert_eq!(json(created, 201).await["id"], id);
    }
    let control = world.read("/_control").await;
    assert_eq!(control["idempotency"], false);
    let writes = &control["counters"]["writes"];
    assert_eq!(writes["by_key"], json!({"distinct": 1, "duplicate": 2}));
    assert_eq!(
        writes["creates_by_body"],
        json!({"distinct": 1, "duplicate": 2})
    );
}
