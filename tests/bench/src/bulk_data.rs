//! How long a bulk data file takes to make, compared with the program `sqlite3` that imports the same rows and makes the same
//! indexes, and in how much memory.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a program that cannot set up its world has nothing to say"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use http::{Method, header};
use serde_json::{Map, Value, json};
use sync_jobs::JobState;
use test_support::{Deployment, JobQueue, Options, Rest, password_of, until};

use crate::report::Budget;

/// Objects of the source, and attributes of each.
const OBJECTS: usize = 100_000;
const ATTRIBUTES: [&str; 7] = [
    "name", "brand", "price", "sku", "quantity", "colour", "note",
];

/// Objects of one call that loads data.
const CHUNK: usize = 2_000;

/// What every instance may use.
const MEMORY: &str = "256MiB";

/// How often both are timed, in turn.
const ROUNDS: usize = 3;

/// How much longer than `sqlite3` it may take.
const MOST: f64 = 3.0;

/// What `sqlite3` does. The tables are those of a file, the rows come from a file of comma-separated values.
const IMPORT: &str = "\
CREATE TABLE object_values (source_id BIGINT, attrib varchar(255), object varchar(255), value varchar);
.mode csv
.import values.csv object_values
CREATE INDEX by_src_id ON object_values (source_id);
CREATE UNIQUE INDEX by_src_object ON object_values (object, attrib, source_id);
CREATE INDEX by_src_value ON object_values (attrib, source_id, value);
";

fn value(attribute: &str, number: usize) -> String {
    format!("{attribute} of product {number}")
}

/// Measures it, on a server of its own.
pub(crate) fn measure() -> [Budget; 2] {
    let mut deployment = Deployment::start(Options {
        products: 0,
        ..Options::default()
    });
    deployment.create_user("anna");
    for begin in (0..OBJECTS).step_by(CHUNK) {
        let objects = (begin..OBJECTS.min(begin + CHUNK)).map(|number| {
            let attributes = ATTRIBUTES.map(|name| (name.to_owned(), json!(value(name, number))));
            let attributes = Value::Object(attributes.into_iter().collect());
            (format!("p{number:06}"), attributes)
        });
        let objects = Value::Object(objects.collect::<Map<_, _>>());
        deployment.admin().push_objects("Board", "anna", &objects);
    }
    deployment.restart_with_memory_limit(MEMORY);
    deployment.until_listening("rhosync:jobs:bulk");

    let folder = tempfile::tempdir().expect("a folder");
    let mut rows = String::new();
    for number in 0..OBJECTS {
        for name in ATTRIBUTES {
            // Writing to a string cannot fail.
            let _ = writeln!(rows, "1,{name},p{number:06},{}", value(name, number));
        }
    }
    fs::write(folder.path().join("values.csv"), rows).expect("to write the rows");

    let (mut ratios, mut times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ours = make(&deployment);
        let theirs = import(folder.path());
        ratios.push(ours / theirs);
        times.push(ours);
    }
    for values in [&mut ratios, &mut times] {
        values.sort_by(f64::total_cmp);
    }
    let time = Budget::at_most(
        "bulk data of 100 000 objects: time, compared with sqlite3's import",
        ratios[ROUNDS / 2],
        MOST,
        "×",
    );
    // With less, the job would have failed, and this with it.
    let memory = Budget {
        what: "bulk data of 100 000 objects: memory".to_owned(),
        measured: format!("made within {MEMORY}, in {:.1} s", times[ROUNDS / 2]),
        aim: format!("≤ {MEMORY}"),
        is_met: true,
    };
    [time, memory]
}

/// Has a file made; answers how long the job took, in seconds.
fn make(deployment: &Deployment) -> f64 {
    deployment.forget_keys("*:bulk-data:*");
    let queue = JobQueue::new(&deployment.redis_url(), "bulk");
    let rest = Rest::json(deployment.url());
    let login = json!({"login": "anna", "password": password_of("anna")});
    let answer = rest.send(Method::POST, "/rc/v1/app/login", login.to_string());
    let cookie = answer.headers()[header::SET_COOKIE].to_str();
    let cookie = cookie.expect("a cookie").split(';').next();
    let rest = rest.with_header("cookie", cookie.unwrap_or_default());
    let client: Value =
        serde_json::from_slice(&rest.call(Method::POST, "/rc/v1/clients", None)).expect("a client");
    let id = client["client"]["client_id"].as_str().expect("an id");
    let rest = rest.with_header("x-rhoconnect-client-id", id);
    let wanted = json!({"partition": "app", "sources": ["Board"]});
    until("a file", || {
        let answer = rest.call(Method::POST, "/rc/v1/app/bulk_data", Some(&wanted));
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        answer["url"].as_str().map(str::to_owned)
    });
    queue.until_empty();
    let jobs = queue.jobs(JobState::Done);
    let last = jobs
        .iter()
        .filter(|job| job.result.as_ref().is_some_and(|it| it.contains("bytes")));
    let last = last.max_by_key(|job| job.ended).expect("the job");
    let begin = last.started.expect("its begin");
    let end = last.ended.expect("its end");
    (end.0 - begin.0) as f64 / 1_000.0
}

/// Lets `sqlite3` import the rows; answers how long it took, in seconds.
fn import(folder: &Path) -> f64 {
    let _ = fs::remove_file(folder.join("imported.sqlite"));
    let script = folder.join("import.sql");
    fs::write(&script, IMPORT).expect("to write the script");
    let begin = Instant::now();
    let status = Command::new("sqlite3")
        .args(["imported.sqlite", ".read import.sql"])
        .current_dir(folder)
        .status();
    assert!(status.expect("sqlite3").success(), "sqlite3 failed");
    begin.elapsed().as_secs_f64()
}
