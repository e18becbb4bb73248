//! A hook that the server registers at the shop by itself.

use http::Method;
use redis::Commands as _;
use serde_json::{Value, json};
use test_support::{Deployment, JobQueue, Options};

const SUBSCRIBED: &str = r#"
[sources.Told]
adapter = "push-only"
partition = "app"
[sources.Told.hook]
secret = "hook-secret"
secret_header = "X-Hook-Secret"
records = "$.items"
[sources.Told.hook.subscribe]
url = { variable = "shop_url", path = "/webhooks" }
callback = { variable = "shop_url", path = "/hooks/Told" }
lifetime_seconds = 3600
renew = {}
"#;

/// Does a job as its schedule would have it done.
fn run(deployment: &Deployment, job: &str, payload: &Value) {
    let queue = JobQueue::new(&deployment.redis_url(), "adapter");
    deployment.until_listening("rhosync:jobs:adapter");
    queue.add(0, job, &payload.to_string());
    queue.until_empty();
}

#[test]
fn a_hook_is_registered_renewed_and_removed_with_its_source() {
    let mut deployment = Deployment::start(Options {
        session_secret: "what only the components know",
        settings: SUBSCRIBED,
        ..Options::default()
    });
    deployment.create_user("anna");
    let mut device = deployment.device("anna");
    device.sync("Told").expect("to sync");
    let subscribe = json!({"source": "Told"});
    run(&deployment, "subscribe", &subscribe);
    let webhooks = deployment.back_end().webhooks();
    let webhook = &webhooks["1"];
    assert_eq!(webhook["renewals"], 0, "{webhooks}");
    let callback = webhook["url"].as_str().expect("an address");
    let path = callback.strip_prefix(deployment.back_end().url());

    // What the shop would send.
    let secret = webhook["secret"].as_str().expect("a secret");
    let shop = deployment.rest().with_header("x-hook-secret", secret);
    let body = json!({"items": [{"id": 7, "name": "Lamp"}]}).to_string();
    let answer = shop.send(Method::POST, path.expect("a path"), body);
    assert_eq!(answer.status(), 200);
    device.sync("Told").expect("to sync");
    assert_eq!(device.get("Told", "7").expect("the lamp")["name"], "Lamp");

    // Half of its time is over.
    let mut redis = deployment.redis_connection();
    let key = "rhosync:1:subscription:Told";
    let record: String = redis.get(key).expect("a record");
    let mut record: Value = serde_json::from_str(&record).expect("JSON");
    record["renewed_at"] = json!(0);
    let () = redis.set(key, record.to_string()).expect("to write");
    run(&deployment, "subscribe", &subscribe);
    let webhooks = deployment.back_end().webhooks();
    assert_eq!(webhooks["1"]["renewals"], 1, "{webhooks}");
    assert_eq!(webhooks.as_object().map(serde_json::Map::len), Some(1));

    deployment.restart_with_settings("");
    run(&deployment, "collect", &json!({}));
    assert_eq!(deployment.back_end().webhooks(), json!({}));
    assert_eq!(deployment.keys("rhosync:1:subscription*").len(), 0);
    let log = deployment.host_log();
    assert!(!log.contains("hook-secret"), "{log}");
}
