//! Jobs, as components do them: who rings, what happens when nobody does, and work that is not done while a device waits.

use http::{Method, header};
use serde_json::{Value, json};
use sync_jobs::JobState;
use test_support::{ADMIN_PASSWORD, Admin, Deployment, JobQueue, Options, json_of, until};

/// The doorbell of the adapter jobs, as the manifest names it.
const DOORBELL: &str = "rhosync:jobs:adapter";

/// Where the adapter jobs are worked on for a request.
const RUN: &str = "/api/v1/jobs/run/adapter";

/// A job that does nothing.
const NOOP: &str = "noop";

/// A source whose calls are jobs.
const QUEUED: &str = r#"
    [sources.Queued]
    adapter = "rest"
    partition = "app"
    poll_interval = 0
    queue = "adapter.queued"

    [sources.Queued.rest]
    url = { variable = "shop_url", path = "/products" }
    types = { price = "number", quantity = "number" }
    update_method = "PATCH"
    timeout_ms = 1000

    [sources.Watched]
    adapter = "rest"
    partition = "app"
    poll_interval = 1
    background = true
    queue = "adapter"

    [sources.Watched.rest]
    url = { variable = "shop_url", path = "/products" }

    [jobs]
    lease_seconds = 1
"#;

fn start(settings: &'static str) -> (Deployment, JobQueue) {
    let deployment = Deployment::start(Options {
        products: 3,
        settings,
        ..Options::default()
    });
    let queue = JobQueue::new(&deployment.redis_url(), "adapter");
    (deployment, queue)
}

#[test]
fn a_job_is_done_when_its_bell_rings() {
    let (deployment, queue) = start("");
    deployment.until_listening(DOORBELL);
    let id = queue.add(0, NOOP, "{}");
    let job = queue.until(&id, JobState::Done);
    assert_eq!(job.attempts, 1);
}

#[test]
fn a_job_whose_ring_nobody_heard_is_found_after_the_next_request() {
    let (mut deployment, queue) = start("");
    deployment.kill_host();
    let id = queue.add(0, NOOP, "{}");
    deployment.start_host();
    deployment.until_listening(DOORBELL);
    assert_eq!(queue.show(&id).state, JobState::Ready, "nobody has rung");
    deployment.rest().get("/health");
    queue.until(&id, JobState::Done);
}

#[test]
fn where_the_store_tells_of_expired_keys_a_job_is_done_in_time_without_any_request() {
    let (deployment, queue) = start("");
    let mut redis = deployment.redis_connection();
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "notify-keyspace-events", "Ex"])
        .query(&mut redis)
        .expect("to configure the store");
    deployment.until_listening("__keyevent@0__:expired");
    let later = queue.add(300, NOOP, "{}");
    queue.until(&later, JobState::Done);
}

#[test]
fn a_request_works_on_jobs_where_nobody_rings() {
    let (mut deployment, queue) = start("");
    let token = Admin::new_token(&deployment.url(), ADMIN_PASSWORD);
    deployment.kill_host();
    let ids = [0; 3].map(|_| queue.add(0, NOOP, "{}"));
    deployment.start_host();
    let anybody = deployment.rest().with_header("authorization", "");
    let stranger = deployment.rest().with_bearer("nonsense");
    let admin = deployment.rest().with_bearer(&token);
    for (rest, method, status) in [
        (&anybody, Method::POST, 401),
        (&stranger, Method::POST, 401),
        (&admin, Method::GET, 405),
    ] {
        let error = json_of(&rest.expect(status, method, RUN, &Value::Null));
        assert!(error["error"]["message"].is_string(), "{error}");
    }
    assert_eq!(queue.show(&ids[0]).state, JobState::Ready);
    let answer = admin.expect(200, Method::POST, RUN, &Value::Null);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(json_of(&answer), json!({"done": 3, "failed": 0}));
    for id in &ids {
        assert_eq!(queue.show(id).state, JobState::Done);
    }
}

#[test]
fn jobs_nobody_knows_are_kept_and_unreadable_ones_are_dead_at_once() {
    let (deployment, queue) = start("");
    deployment.until_listening(DOORBELL);
    let unknown = queue.add(0, "of-tomorrow", "{}");
    let unreadable = queue.add(0, "query", r#"{"source":7}"#);
    let job = queue.until(&unknown, JobState::Delayed);
    assert_eq!(job.attempts, 0, "that does not count");
    assert!(job.errors[0].error.contains("of-tomorrow"), "{job:?}");
    let job = queue.until(&unreadable, JobState::Dead);
    let reason = job.reason.unwrap_or_default();
    assert!(reason.contains("the payload cannot be read"), "{reason}");
}

#[test]
fn a_source_with_a_queue_answers_at_once_and_the_rest_is_done_by_jobs() {
    let (deployment, _) = start(QUEUED);
    let queue = JobQueue::new(&deployment.redis_url(), "adapter.queued");
    deployment.create_user("anna");
    let mut phone = deployment.device("anna");
    let first = phone.sync("Queued").expect("to sync");
    assert_eq!(phone.objects("Queued").len(), 0, "{first:?}: what is there");
    queue.until_empty();
    phone.sync("Queued").expect("to sync");
    assert_eq!(phone.objects("Queued").len(), 3);

    let known = phone.objects("Queued").into_keys().next().expect("one");
    let replica = phone.replica_mut("Queued");
    replica.create([("name", "by a job")]);
    assert!(replica.update(&known, [("name", "changed by a job")]));
    phone.sync("Queued").expect("to sync");
    until("the link", || {
        phone.sync("Queued").expect("to sync");
        let names: Vec<_> = phone
            .objects("Queued")
            .into_values()
            .filter_map(|object| object.get("name").cloned())
            .collect();
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        let in_back_end = deployment.back_end().objects("products");
        let is_done = has("by a job") && has("changed by a job") && in_back_end.len() == 4;
        (is_done && !phone.is_waiting("Queued")).then_some(())
    });
}

#[test]
fn a_watched_source_is_asked_without_any_device_asking() {
    let (deployment, _) = start(QUEUED);
    deployment.create_user("anna");
    let mut phone = deployment.device("anna");
    phone.sync("Watched").expect("to sync");
    until("the first objects", || {
        phone.sync("Watched").expect("to sync");
        (phone.objects("Watched").len() == 3).then_some(())
    });
    deployment
        .back_end()
        .create("products", &json!({"name": "new", "sku": "N-1"}));
    let admin = deployment.api();
    until("the server to have what is new", || {
        let document = admin.get("/api/v1/sources/Watched/users/anna");
        (document["objects"] == json!(4)).then_some(())
    });
}

#[test]
fn a_dead_job_can_be_mended_and_tried_again() {
    let (deployment, queue) = start("");
    deployment.until_listening(DOORBELL);
    let id = queue.add(0, "query", r#"{"source":7}"#);
    queue.until(&id, JobState::Dead);
    let api = deployment.api();
    let path = format!("/api/v1/jobs/{}", id.as_str());
    let shown = api.get(&path);
    assert_eq!(shown["state"], "dead", "{shown}");
    assert_eq!(shown["payload"], json!({"source": 7}));
    let mended = json!({"payload": {"source": "Product", "user": "anna"}});
    api.expect(200, Method::POST, &format!("{path}/retry"), &mended);
    let job = queue.until(&id, JobState::Done);
    assert_eq!(job.result.as_deref(), Some("asked"));
}
