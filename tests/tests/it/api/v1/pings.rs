//! Pings, from a call of the REST API to what a push service gets.

use http::Method;
use serde_json::{Value, json};
use sync_jobs::{JobDetails, JobState};
use test_support::{Deployment, JobQueue, Options, Rest, json_of, until};

/// Apple's service, which the plugin stands in for. Google's is not set up.
const SETTINGS: &str = concat!(
    "[sources.Told]\nadapter = \"push-only\"\npush_notify = true\n\n",
    "[sources.ToldAll]\nadapter = \"push-only\"\npartition = \"app\"\npush_notify = true\n\n",
    "[ping]\nwindow_seconds = 0\n\n[ping.apns]\nteam_id = \"T\"\nkey_id = \"K\"\ntopic = \"com.example.app\"\n",
    "url = { variable = \"plugin_url\" }\nkey = '''\n",
    include_str!("../../../../../crates/sync-core/tests/it/push_services/apns.pem"),
    "'''\n",
);

struct Server {
    deployment: Deployment,
    queue: JobQueue,
    api: Rest,
}

impl Server {
    fn start() -> Self {
        let deployment = Deployment::start(Options {
            products: 0,
            settings: SETTINGS,
            ..Options::default()
        });
        deployment.create_user("anna");
        deployment.until_listening("rhosync:jobs:push");
        Self {
            queue: JobQueue::new(&deployment.redis_url(), "push"),
            api: deployment.api(),
            deployment,
        }
    }

    /// Registers a client of anna's.
    fn client(&self, description: &Value) -> String {
        let rest = self.deployment.rest_of("anna");
        rest.register_client(description)
    }

    fn ping(&self, message: &str) {
        let ping = json!({"users": ["anna"], "message": message, "sources": ["Note"]});
        self.api.expect(202, Method::POST, "/api/v1/pings", &ping);
    }

    /// What the service has got: tokens and what is shown.
    fn pushed(&self) -> Vec<(String, String)> {
        let control = self.deployment.plugin().control();
        let pushes = control.get("/pushes");
        let pushes = pushes.as_array().expect("a list").iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let shown =
            pushes.map(|push| (text(&push["token"]), text(&push["payload"]["aps"]["alert"])));
        shown.collect()
    }

    fn refuse_next(&self, refusal: &Value) {
        let control = self.deployment.plugin().control();
        control.call(Method::POST, "/push-refusals", Some(refusal));
    }

    fn push_jobs(&self, state: JobState) -> Vec<JobDetails> {
        let jobs = self.queue.jobs(state).into_iter();
        jobs.filter(|job| job.name == "push").collect()
    }
}

#[test]
fn a_ping_reaches_each_device_once() {
    let server = Server::start();
    for (kind, pin, phone) in [
        ("Apple", "a1", "phone-1"),
        ("iphone", "a2", "phone-1"),
        ("Apple", "a3", ""),
        ("Apple", "", "phone-4"),
        ("blackberry", "a5", ""),
    ] {
        let device = json!({"device_type": kind, "device_pin": pin, "phone_id": phone});
        server.client(&device);
    }
    server.ping("hello");
    server.queue.until_empty();
    let mut pushed = server.pushed();
    pushed.sort();
    let tokens: Vec<_> = pushed.iter().map(|(token, _)| token.as_str()).collect();
    assert_eq!(tokens, ["a2", "a3"], "the newest client of a phone");
    assert!(
        pushed.iter().all(|(_, shown)| shown == "hello"),
        "{pushed:?}"
    );
}

#[test]
fn a_device_the_service_does_not_know_any_more_is_not_pushed_to_again() {
    let server = Server::start();
    let client = server.client(&json!({"device_type": "Apple", "device_pin": "a1"}));
    server.refuse_next(&json!({"status": 410, "body": "{\"reason\":\"Unregistered\"}"}));
    server.ping("one");
    server.queue.until_empty();
    let shown = server.api.get(&format!("/api/v1/clients/{client}"));
    assert!(shown["device"].get("device_pin").is_none(), "{shown}");
    server.ping("two");
    server.queue.until_empty();
    assert_eq!(server.pushed(), []);
}

#[test]
fn a_push_the_service_cannot_take_now_is_sent_again_alone() {
    let server = Server::start();
    for pin in ["a1", "a2"] {
        server.client(&json!({"device_type": "Apple", "device_pin": pin}));
    }
    server.refuse_next(&json!({"status": 503, "retry_after": 2}));
    server.ping("hello");
    until("the first push", || {
        (server.pushed().len() == 1).then_some(())
    });
    let delayed = until("the other one to wait", || {
        server.push_jobs(JobState::Delayed).pop()
    });
    let error = delayed.errors.last().expect("an error");
    assert!(error.error.contains("503"), "{error:?}");
    until("the other push", || {
        // Whoever asks for something has what is due looked after.
        server.deployment.rest().get("/health");
        (server.pushed().len() == 2).then_some(())
    });
    server.queue.until_empty();
    let mut pushed = server.pushed();
    pushed.sort();
    let tokens: Vec<_> = pushed.iter().map(|(token, _)| token.as_str()).collect();
    assert_eq!(tokens, ["a1", "a2"]);
}

#[test]
fn a_service_that_is_not_set_up_costs_no_job_and_is_named() {
    let server = Server::start();
    server.client(&json!({"device_type": "Android", "device_pin": "a1"}));
    server.client(&json!({"device_type": "Apple", "device_pin": "a2"}));
    server.ping("hello");
    server.queue.until_empty();
    let jobs = server.queue.jobs(JobState::Done);
    let ping = jobs.iter().find(|job| job.name == "ping").expect("a ping");
    let result = "2 devices, 1 of them not pinged: ping.fcm is not set up";
    assert_eq!(ping.result.as_deref(), Some(result));
    assert_eq!(server.push_jobs(JobState::Done).len(), 1, "Apple's");
    assert_eq!(server.push_jobs(JobState::Dead), []);
}

#[test]
fn the_old_call_pings_too() {
    let server = Server::start();
    server.client(&json!({"device_type": "Apple", "device_pin": "a1"}));
    let ping = json!({"user_id": "anna", "message": "old", "badge": "3", "vibrate": ""});
    let admin = server.deployment.admin().rest();
    admin.call(Method::POST, "/rc/v1/users/ping", Some(&ping));
    server.queue.until_empty();
    assert_eq!(server.pushed(), [("a1".to_owned(), "old".to_owned())]);
}

#[test]
fn devices_are_woken_when_a_back_end_has_changed_something_that_is_theirs() {
    let server = Server::start();
    server.client(&json!({"device_type": "Apple", "device_pin": "a1"}));
    server.deployment.create_user("ben");
    let admin = server.deployment.admin();
    let objects = json!({"n1": {"text": "new"}});
    let woken = || {
        server.queue.until_empty();
        let pushes = server.deployment.plugin().control().get("/pushes");
        let pushes = pushes.as_array().expect("a list").iter();
        let told = pushes.map(|push| push["payload"]["do_sync"][0].clone());
        told.collect::<Vec<_>>()
    };
    admin.push_objects("Told", "ben", &objects);
    assert_eq!(woken(), [] as [Value; 0], "that is somebody else's");
    admin.push_objects("Told", "anna", &objects);
    assert_eq!(woken(), ["Told"]);
    admin.push_objects("Told", "anna", &objects);
    assert_eq!(woken(), ["Told"], "nothing has changed");
    admin.push_deletes("Told", "anna", &["n1"]);
    assert_eq!(woken(), ["Told", "Told"]);
    admin.push_objects("ToldAll", "ben", &objects);
    assert_eq!(woken(), ["Told", "Told", "ToldAll"]);
}

#[test]
fn what_became_of_a_ping_and_a_push_service_can_be_seen() {
    let server = Server::start();
    let apple = json!({"device_type": "Apple", "device_pin": "a1"});
    let client = server.client(&apple);
    let android = json!({"device_type": "Android", "device_pin": "g1"});
    server.client(&android);
    let ping = json!({"users": ["anna"], "message": "hello"});
    let sent = json_of(&server.api.expect(202, Method::POST, "/api/v1/pings", &ping));
    until("the push is counted", || {
        let kept = server.api.get("/api/v1/pings");
        let kept = &kept["items"][0];
        assert_eq!(
            (&kept["id"], &kept["by"]),
            (&sent["id"], &json!("rhoadmin"))
        );
        (kept["delivered"] == 1 && kept["unreachable"] == 1).then_some(())
    });
    let alone = json!({"clients": [client], "message": "you"});
    let sent = json_of(
        &server
            .api
            .expect(202, Method::POST, "/api/v1/pings", &alone),
    );
    assert_eq!((&sent["users"], &sent["clients"]), (&json!(0), &json!(1)));
    until("the second push is counted", || {
        let services = server.api.get("/api/v1/push-services");
        (services["items"][0]["delivered"] == 2).then_some(())
    });
    let services = server.api.get("/api/v1/push-services");
    assert_eq!(services["items"][0]["configured"], true, "{services}");
    assert_eq!(
        services["items"][1]["missing"],
        json!(["ping.fcm"]),
        "{services}"
    );

    // The component that has the keys does it.
    let check = |service: &str| {
        let path = format!("/api/v1/push-services/{service}/check");
        json_of(&server.api.expect(200, Method::POST, &path, &Value::Null))
    };
    assert_eq!(check("apns")["ok"], true);
    server.refuse_next(&json!({"status": 403, "body": "{\"reason\":\"InvalidProviderToken\"}"}));
    let refused = check("apns");
    assert_eq!(refused["ok"], false, "{refused}");
    let missing = check("fcm");
    assert_eq!(missing["ok"], false, "{missing}");
}
