//! How long a refresh takes that reads and compares a large answer of a `rest` back end and finds next to nothing new, compared with
//! a native program that fetches the same answer and reads it as JSON.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a program that cannot set up its world has nothing to say"
)]

use std::time::{Duration, Instant};

use redis::Commands as _;
use serde_json::json;
use test_support::{Deployment, Device, Options, Rest};

use crate::report::Budget;

/// Records of the answer.
const RECORDS: u32 = 100_000;

/// What every instance may use, as the host and as the settings say it.
const MEMORY: &str = "256MiB";
const MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// How often both are timed, in turn.
const ROUNDS: usize = 5;

/// The most that it may take: for all of it, and for a record beyond what fetching and reading take natively.
const MOST_SECONDS: f64 = 2.0;
const MOST_MICROS: f64 = 5.0;

const SETTINGS: &str = r#"
[sources.Large]
adapter = "rest"
partition = "app"
poll_interval = 0
pull_wait_ms = 20000
[sources.Large.rest]
url = { variable = "shop_url" }
list = { path = "/v2/changes" }
records = "$.data"
id = "key"
attributes = { name = "$.title", brand = "$.brand", price = "$.price", sku = "$.stock.sku", quantity = "$.stock.quantity", updated_at = "$.changed" }
types = { price = "number", quantity = "number" }
timeout_ms = 20000
"#;

/// Measures it, on a server of its own.
pub(crate) fn measure() -> [Budget; 4] {
    let mut deployment = Deployment::start(Options {
        products: RECORDS,
        instance_memory_bytes: MEMORY_BYTES,
        settings: SETTINGS,
        ..Options::default()
    });
    deployment.restart_with_memory_limit(MEMORY);
    deployment.create_user("anna");
    let mut device = deployment.device("anna");
    device.sync("Large").expect("a first sync");

    let (mut unchanged, mut compared, mut ratios, mut micros) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        unchanged.push(refresh(&deployment, &mut device));
        // One record is another, so that all of them are compared.
        let id = (round + 1).to_string();
        let change = json!({"brand": format!("round {round}")});
        deployment.back_end().update("products", &id, &change);
        let took = refresh(&deployment, &mut device);
        let natively = read_natively(&deployment);
        compared.push(took);
        ratios.push(took / natively);
        micros.push((took - natively) * 1e6 / f64::from(RECORDS));
    }
    let [unchanged, compared, ratio, micros] =
        [unchanged, compared, ratios, micros].map(|mut values| {
            values.sort_by(f64::total_cmp);
            values[ROUNDS / 2]
        });
    [
        Budget::at_most(
            "100 000 records of rest that are the same: time of a refresh",
            unchanged,
            MOST_SECONDS,
            "s",
        ),
        Budget::at_most(
            &format!("100 000 records of rest, one changed: time of a refresh within {MEMORY}"),
            compared,
            MOST_SECONDS,
            "s",
        ),
        Budget::at_most(
            "the same, compared with fetching and reading the answer natively",
            ratio,
            MOST_SECONDS,
            "×",
        ),
        Budget::at_most(
            "a record of rest: beyond fetching and reading natively",
            micros,
            MOST_MICROS,
            "µs",
        ),
    ]
}

/// Has the back end asked; answers how long that took, in seconds, by the server's own clock.
fn refresh(deployment: &Deployment, device: &mut Device) -> f64 {
    device.sync("Large").expect("a sync");
    let mut store = deployment.redis_connection();
    let took: u64 = store
        .hget("rhosync:1:{Large/app}:head", "took")
        .expect("how long it took");
    Duration::from_millis(took).as_secs_f64()
}

/// Fetches the answer and reads it; answers how long that took, in seconds.
fn read_natively(deployment: &Deployment) -> f64 {
    let shop = Rest::new(deployment.back_end().url().to_owned());
    let begin = Instant::now();
    let answer = shop.get("/v2/changes");
    let records = answer["data"].as_array().map(Vec::len);
    assert_eq!(records, Some(RECORDS as usize), "all of them");
    begin.elapsed().as_secs_f64()
}
