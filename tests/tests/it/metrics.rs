//! What the real components count, in the real host.

use std::thread;

use http::Method;
use test_support::{Deployment, Options, Rest, text_of, until};

/// The number a sample has; 0 where there is none.
fn number(text: &str, sample: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample));
    line.map_or(0, |number| number.trim().parse().expect("a number"))
}

fn scrape(scraper: &Rest) -> String {
    let answer = scraper.send(Method::GET, "/metrics", "");
    assert_eq!(answer.status(), 200);
    text_of(&answer)
}

#[test]
fn every_request_is_counted_once_whichever_instance_answers_it() {
    const THREADS: u64 = 4;
    const REQUESTS: u64 = 150;
    let deployment = Deployment::start(Options::default());
    let plain = Rest::new(deployment.url());
    let scraper = deployment.api();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..REQUESTS {
                    let answer = plain.send(Method::GET, "/app/v1/Product", "");
                    assert_eq!(answer.status(), 401);
                    assert!(answer.headers().contains_key("x-request-id"));
                }
            });
        }
    });
    let polls =
        r#"rhosync_http_requests_total{method="GET",route="/app/v1/{source}",status="401"}"#;
    until("all requests to be counted", || {
        let counted = number(&scrape(&scraper), polls);
        assert!(counted <= THREADS * REQUESTS, "{counted}");
        (counted == THREADS * REQUESTS).then_some(())
    });
    let text = scrape(&scraper);
    let durations =
        r#"rhosync_http_request_duration_seconds_count{method="GET",route="/app/v1/{source}"}"#;
    assert_eq!(number(&text, durations), THREADS * REQUESTS);
    let logins = r#"rhosync_logins_total{who="administrator",outcome="ok"}"#;
    assert_eq!(number(&text, logins), 1);
    assert!(number(&text, "rhosync_redis_used_memory_bytes") > 100_000);
    assert!(number(&text, "rhosync_redis_keys") > 0);
    // Nothing comes late.
    until("what was scraped to be counted", || {
        let scrapes = r#"rhosync_http_requests_total{method="GET",route="/metrics",status="200"}"#;
        (number(&scrape(&scraper), scrapes) > 2).then_some(())
    });
    assert_eq!(number(&scrape(&scraper), polls), THREADS * REQUESTS);

    let log = deployment.host_log();
    assert!(!log.contains("is lost"), "{log}");
}

#[test]
fn a_devices_work_is_counted_by_source() {
    let deployment = Deployment::start(Options::default());
    deployment.create_user("anna");
    let mut phone = deployment.device("anna");
    phone.sync("Product").expect("to sync");
    let scraper = deployment.api();
    until("the query to be counted", || {
        let text = scrape(&scraper);
        let query =
            r#"rhosync_adapter_calls_total{source="Product",operation="query",outcome="ok"}"#;
        let pulls = r#"rhosync_pulls_total{source="Product"}"#;
        let is_counted = number(&text, query) > 0
            && number(&text, pulls) > 0
            && number(&text, "rhosync_clients") == 1
            && number(&text, "rhosync_users") == 2;
        is_counted.then_some(())
    });
}
