use std::time::{Duration, Instant};

use futures_util::future::join_all;

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

#[tokio::test]
async fn a_busy_loop_is_a_504_and_leaves_room_for_others() {
    let host = Host::start(&probe(""), &TIMEOUT);
    // More loops than the machine has processors.
    let loops = std::thread::available_parallelism().unwrap().get() + 2;
    let looping = join_all((0..loops).map(|_| host.answer("/loop")));
    let others = async {
        for _ in 0..20 {
            host.text("/count").await;
        }
        Instant::now()
    };
    let (looping, others_answered) = tokio::join!(
        async {
            let answers = looping.await;
            (answers, Instant::now())
        },
        others
    );
    let (answers, loops_answered) = looping;
    assert!(
        answers.iter().all(|(status, _)| *status == 504),
        "{answers:?}"
    );
    assert!(
        others_answered < loops_answered,
        "the others had to wait for the loops"
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
    let host = Host::start(&probe(""), &["--request-timeout", "1s"]);
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
