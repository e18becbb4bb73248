use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::world::{Host, probe};

/// Long enough for a request that does nothing, on a busy machine; short enough to wait for.
const TIMEOUT: [&str; 2] = ["--request-timeout", "2s"];

#[tokio::test]
async fn a_trap_is_a_500_and_the_next_request_is_answered() {
    let host = Host::start(&probe(""), &[]);
    assert_eq!(host.answer("/trap").await, (500, String::new()));
    host.stderr.wait_for("the instance failed");
    assert_eq!(host.text("/count").await, "1");
}

#[tokio::test]
async fn a_component_that_waits_for_ever_is_a_504() {
    let host = Host::start(&probe(""), &TIMEOUT);
    let started = Instant::now();
    assert_eq!(host.answer("/hang").await, (504, String::new()));
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(host.text("/count").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_loop_is_a_504_and_leaves_room_for_others() {
    let host = Arc::new(Host::start(&probe(""), &["--request-timeout", "4s"]));
    // More loops than the machine has processors.
    let loops = std::thread::available_parallelism().unwrap().get() + 1;
    let mut looping = JoinSet::new();
    for _ in 0..loops {
        let host = Arc::clone(&host);
        looping.spawn(async move { host.answer("/loop").await });
    }
    host.stderr.wait_for_nth("looping", loops - 1);
    host.text("/count").await;
    assert!(
        looping.try_join_next().is_none(),
        "another request had to wait for a loop"
    );
    let answers = looping.join_all().await;
    assert!(
        answers.iter().all(|(status, _)| *status == 504),
        "{answers:?}"
    );
}

#[tokio::test]
async fn too_much_memory_fails_the_request_only() {
    let host = Host::start(&probe(""), &["--memory-limit", "64MiB"]);
    assert_eq!(host.text("/allocate?mib=40").await, (40 << 20).to_string());
    assert_eq!(host.answer("/allocate?mib=80").await, (500, String::new()));
    assert_eq!(host.text("/count").await, "1");
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut() {
    let host = Host::start(&probe(""), &["--response-timeout", "1s"]);
    let mut response = host
        .get("/slow?chunks=1000000&ms=100")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let cut = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(cut, "an incomplete body must not look complete");
}

#[tokio::test]
async fn a_body_may_take_longer_than_its_head() {
    let host = Host::start(&probe(""), &["--request-timeout", "1s"]);
    let response = host.get("/slow?chunks=30&ms=100").send().await.unwrap();
    assert!(response.text().await.is_ok());
}
