//! The switches under `/_control`.

use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};
use shop::{Amounts, Config, Shop, StartError};
use sync_client::rhoconnect::TransportError;
use test_support::until;
use tokio::runtime::Runtime;

use crate::world::{World, header, json};

const TEN: Amounts = Amounts {
    products: 10,
    customers: 3,
};

#[test]
fn errors_strike_as_often_as_told_and_before_anything_is_written() {
    let world = World::with(TEN);
    let fault = json!({
        "effect": {"error": {"status": 503, "retry_after": 2}}, "method": "POST", "path": "/products", "times": 2,
    });
    world.control("faults", &fault);

    for _ in 0..2 {
        let failed = world.post("/products", &json!({"name": "Lamp"}));
        assert_eq!(header(&failed, "retry-after"), Some("2"));
        assert_eq!(json(failed, 503), json!({"error": "injected fault"}));
    }
    assert_eq!(world.get("/products").status(), 200);
    assert_eq!(
        world.post("/customers", &json!({"name": "Noah"})).status(),
        201
    );
    assert_eq!(
        world.post("/products", &json!({"name": "Lamp"})).status(),
        201
    );

    let control = world.read("/_control");
    assert_eq!(control["records"], json!({"products": 11, "customers": 4}));
    assert_eq!(control["faults"][0]["fired"], 2);
    assert_eq!(
        control["counters"]["calls"],
        json!({"GET /products": 1, "POST /customers": 1, "POST /products": 3})
    );
}

#[test]
fn a_dropped_answer_loses_the_answer_but_not_the_write() {
    let world = World::with(TEN);
    world.control(
        "faults",
        &json!({"effect": "drop", "method": "POST", "times": 1}),
    );
    let lamp = json!({"name": "Lamp"});

    let lost = world.keyed("k");
    let lost = lost.try_send(Method::POST, "/products", lamp.to_string());
    assert_cut(lost);
    assert_eq!(world.read("/products/11")["name"], "Lamp");

    let again = world.post_once("k", "/products", &lamp);
    assert_eq!(header(&again, "idempotent-replayed"), Some("true"));
    assert_eq!(json(again, 201)["id"], 11);
}

#[test]
fn an_error_after_the_write_looks_like_a_failure_and_is_none() {
    let world = World::with(TEN);
    let fault = json!({"effect": {"error": {"status": 500}}, "stage": "after", "times": 1});
    world.control("faults", &fault);
    let deleted = world.delete("/products/1");
    assert_eq!(deleted.status(), 500);
    assert_eq!(world.get("/products/1").status(), 404);
}

#[test]
fn a_hanging_call_never_answers_and_does_not_keep_the_store_from_stopping() {
    let world = World::with(TEN);
    world.control(
        "faults",
        &json!({"effect": "hang", "path": "/products", "times": 1}),
    );

    let rest = world.rest.clone();
    let hanging = thread::spawn(move || rest.try_send(Method::GET, "/products", ""));
    until("the call to hang", || {
        (world.read("/_control")["faults"][0]["fired"] == 1).then_some(())
    });
    assert_eq!(world.get("/products").status(), 200, "others are answered");
    assert!(!hanging.is_finished());

    world.stop();
    assert_cut(hanging.join().unwrap());
}

/// Checks that the connection ended, not that somebody has waited for too long.
fn assert_cut(answer: Result<Response<Bytes>, TransportError>) {
    let error = answer.unwrap_err().0.to_string();
    assert!(!error.contains("timeout"), "{error}");
}

#[test]
fn a_delay_takes_that_long_and_the_call_goes_on() {
    let world = World::with(TEN);
    world.control("faults", &json!({"effect": {"delay": {"ms": 40}}}));
    world.control(
        "faults",
        &json!({"effect": {"delay": {"ms": 40}}, "stage": "after"}),
    );
    let start = Instant::now();
    assert_eq!(world.get("/products/1").status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[test]
fn a_ratio_of_calls_fails_the_same_way_in_every_run() {
    let run = || {
        let world = World::with(TEN);
        let fault = json!({"effect": {"error": {"status": 502}}, "ratio": 0.5, "seed": 42});
        world.control("faults", &fault);
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(world.get("/products/1").status().as_u16());
        }
        statuses
    };
    let statuses = run();
    assert!(
        statuses.contains(&502) && statuses.contains(&200),
        "{statuses:?}"
    );
    assert_eq!(run(), statuses);
}

#[test]
fn a_reset_brings_back_the_first_day() {
    let world = World::with(TEN);
    let first_day = (world.read("/products"), world.read("/_control"));
    let etag = header(&world.get("/products"), "etag").unwrap().to_owned();

    world.delete("/products/1");
    world.post_once("k", "/products", &json!({"name": "Lamp"}));
    world.control("idempotency", &json!({"enabled": false}));
    world.control("seed", &json!({"products": 1000, "customers": 2}));
    world.control("faults", &json!({"effect": "hang"}));
    let records = json!({"products": 1010, "customers": 5});
    assert_eq!(world.read("/_control")["records"], records);

    world.control("reset", &Value::Null);
    let mut control = world.read("/_control");
    assert_eq!(control["counters"]["calls"], json!({}));
    control["counters"]["calls"] = first_day.1["counters"]["calls"].clone();
    assert_eq!((world.read("/products"), control), first_day);

    assert_eq!(
        world.get_unless(&etag, "/products").status(),
        200,
        "an old ETag means nothing any more"
    );
    let created = world.post_once("k", "/products", &json!({"name": "Lamp"}));
    assert_eq!(header(&created, "idempotent-replayed"), None);
}

#[test]
fn faults_can_be_cleared_and_misspelt_ones_are_refused() {
    let world = World::with(TEN);
    world.control("faults", &json!({"effect": {"error": {"status": 500}}}));
    assert_eq!(world.get("/products").status(), 500);
    world.delete("/_control/faults");
    assert_eq!(world.get("/products").status(), 200);

    for bad in [
        json!({"effect": "explode"}),
        json!({"effect": "drop", "tims": 1}),
        json!({"effect": "drop", "ratio": 1.5}),
        json!({"effect": {"error": {"status": 200}}}),
    ] {
        assert_eq!(world.post("/_control/faults", &bad).status(), 400, "{bad}");
    }
}

#[test]
fn the_switches_are_off_unless_asked_for_and_never_open_to_the_network() {
    let world = World::start(Config {
        control: false,
        seed: TEN,
        ..Config::default()
    });
    assert_eq!(world.get("/_control").status(), 404);
    assert_eq!(world.post("/_control/reset", &json!({})).status(), 404);

    let listen = "0.0.0.0:0".parse().unwrap();
    let start = Shop::start(Config {
        listen,
        ..Config::default()
    });
    let error = Runtime::new().unwrap().block_on(start).unwrap_err();
    assert!(matches!(error, StartError::ControlExposed(_)), "{error}");
}
