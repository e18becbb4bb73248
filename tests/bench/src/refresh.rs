//! What a refresh takes that reads and compares a large answer of a `rest` back end and finds next to nothing new, compared with a
//! native program that reads the same answer as JSON.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a program that cannot set up its world has nothing to say"
)]

use std::time::Duration;

use redis::Commands as _;
use serde_json::{Value, json};
use test_support::{Deployment, Device, Options, Rest};

use crate::machine::Cpu;
use crate::report::Budget;

/// Records of the answer.
const RECORDS: u32 = 100_000;

/// What every instance may use, as the host and as the settings say it.
const MEMORY: &str = "256MiB";
const MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// How often both are timed, in turn.
const ROUNDS: usize = 5;

/// After how many syncs something new must have come.
const MOST_SYNCS: usize = 20;

/// The most that a refresh may take, with the back end's answer in it.
const MOST_SECONDS: f64 = 2.0;

/// The most processor time of the host for a record.
const MOST_MICROS: f64 = 5.0;

/// How many times as much processor time as natively reading the answer as JSON.
const MOST_RATIO: f64 = 5.0;

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

/// What a refresh took.
#[derive(Debug, Clone, Copy)]
struct Refresh {
    /// By the server's own clock.
    seconds: f64,
    /// Processor time of the host.
    cpu: f64,
}

/// Measures it, on a server of its own.
pub(crate) fn measure() -> [Budget; 5] {
    let mut deployment = Deployment::start(Options {
        products: RECORDS,
        instance_memory_bytes: MEMORY_BYTES,
        settings: SETTINGS,
        ..Options::default()
    });
    deployment.restart_with_memory_limit(MEMORY);
    deployment.create_user("anna");
    let mut device = deployment.device("anna");
    let first = device.sync("Large").expect("a first sync");
    assert_eq!(device.objects("Large").len(), RECORDS as usize, "{first:?}");

    let (mut unchanged, mut compared, mut natively) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        unchanged.push(refresh(&deployment, &mut device, |_| true));
        // One record is another, so that all of them are compared.
        let id = (round + 1).to_string();
        let brand = format!("round {round}");
        let change = json!({"brand": &brand});
        deployment.back_end().update("products", &id, &change);
        let has_change = |device: &Device| {
            let object = device.get("Large", &id);
            object.is_some_and(|object| object["brand"] == brand)
        };
        compared.push(refresh(&deployment, &mut device, has_change));
        natively.push(read_natively(&deployment));
    }
    let seconds = |of: &[Refresh]| middle(of.iter().map(|it| it.seconds));
    let micros = |of: &[Refresh]| middle(of.iter().map(|it| it.cpu * 1e6 / f64::from(RECORDS)));
    let ratios = compared.iter().zip(&natively);
    let ratio = middle(ratios.map(|(refresh, natively)| refresh.cpu / natively));
    [
        Budget::at_most(
            "100 000 records of rest that are the same: time of a refresh",
            seconds(&unchanged),
            MOST_SECONDS,
            "s",
        ),
        Budget::at_most(
            &format!("100 000 records of rest, one changed: time of a refresh within {MEMORY}"),
            seconds(&compared),
            MOST_SECONDS,
            "s",
        ),
        Budget::at_most(
            "a record of rest in an answer that is the same: processor time of the host",
            micros(&unchanged),
            MOST_MICROS,
            "µs",
        ),
        Budget::at_most(
            "a record of rest that is compared and the same: processor time of the host",
            micros(&compared),
            MOST_MICROS,
            "µs",
        ),
        Budget::at_most(
            "the same, compared with reading the answer natively as JSON",
            ratio,
            MOST_RATIO,
            "×",
        ),
    ]
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Has the back end asked, until that has brought what is new: on a machine that is busy with other work, a sync may give up waiting.
fn refresh(
    deployment: &Deployment,
    device: &mut Device,
    is_done: impl Fn(&Device) -> bool,
) -> Refresh {
    let host = deployment.host_id().expect("the host runs");
    let before = Cpu::of(host, host).expect("its processor time");
    for syncs in 0.. {
        assert!(syncs < MOST_SYNCS, "nothing new comes");
        let report = device.sync("Large").expect("a sync");
        let errors = &report.applied.source_errors;
        assert!(errors.is_empty(), "{errors:?}");
        if is_done(device) {
            break;
        }
    }
    let after = Cpu::of(host, host).expect("its processor time");
    let mut store = deployment.redis_connection();
    let took: u64 = store
        .hget("rhosync:1:{Large/app}:head", "took")
        .expect("how long it took");
    Refresh {
        seconds: Duration::from_millis(took).as_secs_f64(),
        cpu: (after - before).server.as_secs_f64(),
    }
}

/// Reads the answer as JSON; answers how much processor time that took, in seconds.
fn read_natively(deployment: &Deployment) -> f64 {
    let shop = Rest::new(deployment.back_end().url().to_owned());
    let answer = shop.get("/v2/changes").to_string();
    let of_this = || Cpu::of(0, 0).map_or(0.0, |cpu| cpu.load.as_secs_f64());
    let before = of_this();
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let took = of_this() - before;
    let records = answer["data"].as_array().map(Vec::len);
    assert_eq!(records, Some(RECORDS as usize), "all of them");
    took
}
