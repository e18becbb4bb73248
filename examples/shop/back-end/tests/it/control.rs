//! The switches under `/_control`.

use std::time::{Duration, Instant};

use crate::world::{World, header, json};
use reqwest::Method;
use serde_json::{Value, json};
use shop::{Amounts, Config, Shop, StartError};

const TEN: Amounts = Amounts {
    products: 10,
    customers: 3,
};

#[tokio::test]
async fn errors_strike_as_often_as_told_and_before_anything_is_written() {
    let world = World::with(TEN).await;
    let fault = json!({
        "effect": {"error": {"status": 503, "retry_after": 2}}, "method": "POST", "path": "/products", "times": 2,
    });
    world.control("faults", &fault).await;

    for _ in 0..2 {
        let failed = world.post("/products", &json!({"name": "Lamp"})).await;
        assert_eq!(header(&failed, "retry-after"), Some("2"));
        assert_eq!(json(failed, 503).await, json!({"error": "injected fault"}));
    }
    assert_eq!(world.get("/products").await.status(), 200);
    assert_eq!(
        world
            .post("/customers", &json!({"name": "Noah"}))
            .await
            .status(),
        201
    );
    assert_eq!(
        world
            .post("/products", &json!({"name": "Lamp"}))
            .await
            .status(),
        201
    );

    let control = world.read("/_control").await;
    assert_eq!(control["records"], json!({"products": 11, "customers": 4}));
    assert_eq!(control["faults"][0]["fired"], 2);
    assert_eq!(
        control["counters"]["calls"],
        json!({"GET /products": 1, "POST /customers": 1, "POST /products": 3})
    );
}

#[tokio::test]
async fn a_dropped_answer_loses_the_answer_but_not_the_write() {
    let world = World::with(TEN).await;
    world
        .control(
            "faults",
            &json!({"effect": "drop", "method": "POST", "times": 1}),
        )
        .await;
    let lamp = json!({"name": "Lamp"});

    let lost = world
        .keyed("k", "/products", &lamp)
        .send()
        .await
        .unwrap_err();
    assert!(lost.is_request() && !lost.is_timeout(), "{lost:?}");
    assert_eq!(world.read("/products/11").await["name"], "Lamp");

    let again = world.post_once("k", "/products", &lamp).await;
    assert_eq!(header(&again, "idempotent-replayed"), Some("true"));
    assert_eq!(json(again, 201).await["id"], 11);
}

#[tokio::test]
async fn an_error_after_the_write_looks_like_a_failure_and_is_none() {
    let world = World::with(TEN).await;
    let fault = json!({"effect": {"error": {"status": 500}}, "stage": "after", "times": 1});
    world.control("faults", &fault).await;
    let deleted = world
        .request(Method::DELETE, "/products/1")
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 500);
    assert_eq!(world.get("/products/1").await.status(), 404);
}

#[tokio::test]
async fn a_hanging_call_never_answers_and_does_not_keep_the_store_from_stopping() {
    let world = World::with(TEN).await;
    world
        .control(
            "faults",
            &json!({"effect": "hang", "path": "/products", "times": 1}),
        )
        .await;

    let hanging = world.request(Method::GET, "/products").send();
    let hanging = tokio::spawn(hanging);
    let fired = async || world.read("/_control").await["faults"][0]["fired"] == 1;
    while !fired().await {}
    assert_eq!(
        world.get("/products").await.status(),
        200,
        "others are answered"
    );
    assert!(!hanging.is_finished());

    world.shop.stop().await;
    assert!(hanging.await.unwrap().is_err());
}

#[tokio::test]
async fn a_delay_takes_that_long_and_the_call_goes_on() {
    let world = World::with(TEN).await;
    world
        .control("faults", &json!({"effect": {"delay": {"ms": 40}}}))
        .await;
    world
        .control(
            "faults",
            &json!({"effect": {"delay": {"ms": 40}}, "stage": "after"}),
        )
        .await;
    let start = Instant::now();
    assert_eq!(world.get("/products/1").await.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_ratio_of_calls_fails_the_same_way_in_every_run() {
    let run = async || {
        let world = World::with(TEN).await;
        let fault = json!({"effect": {"error": {"status": 502}}, "ratio": 0.5, "seed": 42});
        world.control("faults", &fault).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(world.get("/products/1").await.status().as_u16());
        }
        statuses
    };
    let statuses = run().await;
    assert!(
        statuses.contains(&502) && statuses.contains(&200),
        "{statuses:?}"
    );
    assert_eq!(run().await, statuses);
}

#[tokio::test]
async fn a_reset_brings_back_the_first_day() {
    let world = World::with(TEN).await;
    let first_day = (world.read("/products").await, world.read("/_control").await);
    let etag = header(&world.get("/products").await, "etag")
        .unwrap()
        .to_owned();

    world
        .request(Method::DELETE, "/products/1")
        .send()
        .await
        .unwrap();
    world
        .post_once("k", "/products", &json!({"name": "Lamp"}))
        .await;
    world
        .control("idempotency", &json!({"enabled": false}))
        .await;
    world
        .control("seed", &json!({"products": 1000, "customers": 2}))
        .await;
    world.control("faults", &json!({"effect": "hang"})).await;
    let records = json!({"products": 1010, "customers": 5});
    assert_eq!(world.read("/_control").await["records"], records);

    world.control("reset", &Value::Null).await;
    let mut control = world.read("/_control").await;
    assert_eq!(control["counters"]["calls"], json!({}));
    control["counters"]["calls"] = first_day.1["counters"]["calls"].clone();
    assert_eq!((world.read("/products").await, control), first_day);

    let known = world
        .request(Method::GET, "/products")
        .header("If-None-Match", etag);
    assert_eq!(
        known.send().await.unwrap().status(),
        200,
        "an old ETag means nothing any more"
    );
    let created = world
        .post_once("k", "/products", &json!({"name": "Lamp"}))
        .await;
    assert_eq!(header(&created, "idempotent-replayed"), None);
}

#[tokio::test]
async fn faults_can_be_cleared_and_misspelt_ones_are_refused() {
    let world = World::with(TEN).await;
    world
        .control("faults", &json!({"effect": {"error": {"status": 500}}}))
        .await;
    assert_eq!(world.get("/products").await.status(), 500);
    world
        .request(Method::DELETE, "/_control/faults")
        .send()
        .await
        .unwrap();
    assert_eq!(world.get("/products").await.status(), 200);

    for bad in [
        json!({"effect": "explode"}),
        json!({"effect": "drop", "tims": 1}),
        json!({"effect": "drop", "ratio": 1.5}),
        json!({"effect": {"error": {"status": 200}}}),
    ] {
        assert_eq!(
            world.post("/_control/faults", &bad).await.status(),
            400,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn the_switches_are_off_unless_asked_for_and_never_open_to_the_network() {
    let world = World::start(Config {
        control: false,
        seed: TEN,
        ..Config::default()
    })
    .await;
    assert_eq!(world.get("/_control").await.status(), 404);
    assert_eq!(
        world.post("/_control/reset", &json!({})).await.status(),
        404
    );

    let listen = "0.0.0.0:0".parse().unwrap();
    let error = Shop::start(Config {
        listen,
        ..Config::default()
    })
    .await
    .unwrap_err();
    assert!(matches!(error, StartError::ControlExposed(_)), "{error}");
}
