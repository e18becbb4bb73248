//! Devices send changes to real components.

use http::{Method, StatusCode};
use serde_json::json;
use test_support::{Deployment, Options, until};

/// A source whose devices hardly wait for its back end.
const SETTINGS: &str = r#"
    [sources.Slow]
    adapter = "rest"
    partition = "app"
    poll_interval = -1
    push_wait_ms = 200

    [sources.Slow.rest]
    url = { variable = "shop_url", path = "/products" }
    timeout_ms = 20000
"#;

/// How long the back end takes for a write: far longer than a device waits.
const SLOW_MS: u64 = 5_000;

#[test]
fn a_change_that_takes_long_goes_on_when_its_device_has_its_answer() {
    let deployment = Deployment::start(Options {
        settings: SETTINGS,
        ..Options::default()
    });
    deployment.create_user("anna");
    let rest = deployment.rest_of_device("anna");
    let back_end = deployment.back_end();
    back_end.slow_down_writes(SLOW_MS);
    let changes = json!({"create": {"t1": {"name": "new"}}});
    let pushed = rest.send(Method::POST, "/app/v1/Slow", changes.to_string());
    assert_eq!(pushed.status(), StatusCode::OK);
    assert_eq!(back_end.writes_done(), 0, "the answer did not wait for it");
    until("the write", || (back_end.writes_done() == 1).then_some(()));
    until("the link", || {
        let page = rest.get("/app/v1/Slow");
        page[5]["links"]["t1"]["l"].is_string().then_some(())
    });
    assert_eq!(back_end.write_calls(), 1, "it was not asked again");
}
