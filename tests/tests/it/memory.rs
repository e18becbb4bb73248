//! Requests that need much memory: none of them ends an instance, and with it the requests beside it.

use std::thread;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use test_support::{Deployment, Options, Rest};

/// What an instance may use where the settings do not say.
const LIMIT: &str = "128MiB";

/// As many as an instance has at once.
const AT_ONCE: usize = 16;

/// JSON of so many bytes that would be a tree of eighty times as many.
fn heavy(bytes: usize) -> String {
    let item = r#"{"":0},"#;
    format!(r#"{{"x":[{}{{}}]}}"#, item.repeat(bytes / item.len()))
}

/// Sends a request so many times at once, and returns the statuses.
fn at_once(times: usize, send: impl Fn() -> StatusCode + Sync) -> Vec<StatusCode> {
    thread::scope(|scope| {
        let sent: Vec<_> = (0..times).map(|_| scope.spawn(&send)).collect();
        sent.into_iter()
            .map(|sent| sent.join().expect("an answer"))
            .collect()
    })
}

fn start() -> Deployment {
    let mut deployment = Deployment::start(Options::default());
    deployment.restart_with_memory_limit(LIMIT);
    deployment
}

#[test]
fn a_body_of_nobody_is_not_read_into_a_tree() {
    let deployment = start();
    let body = heavy(14 << 20);
    let anonymous = deployment.rest();
    for (path, expected) in [
        ("/rc/v1/users", StatusCode::PAYLOAD_TOO_LARGE),
        ("/rc/v1/app/login", StatusCode::PAYLOAD_TOO_LARGE),
        (
            "/app/v1/Product/push_objects",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("/app/v1/Product", StatusCode::UNAUTHORIZED),
        ("/api/v1/users", StatusCode::UNAUTHORIZED),
    ] {
        let answer = anonymous.send(Method::POST, path, body.clone());
        assert_eq!(answer.status(), expected, "{path}");
    }
}

#[test]
fn bodies_that_become_too_much_are_refused_while_others_are_answered() {
    let deployment = start();
    deployment.create_user("anna");
    let device = deployment.rest_of_device("anna");
    let heavy = format!(r#"{{"create":{}}}"#, heavy(14 << 20));
    let poll = || {
        device
            .send(Method::GET, "/app/v1/Product?p_size=1", "")
            .status()
    };
    assert_eq!(poll(), StatusCode::OK);
    let (refused, polled) = thread::scope(|scope| {
        let refused = scope.spawn(|| {
            at_once(AT_ONCE, || {
                device
                    .send(Method::POST, "/app/v1/Product", heavy.clone())
                    .status()
            })
        });
        let polled: Vec<_> = (0..50).map(|_| poll()).collect();
        (refused.join().expect("answers"), polled)
    });
    let is_refusal = |status: &StatusCode| {
        matches!(
            *status,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::SERVICE_UNAVAILABLE
        )
    };
    assert!(refused.iter().all(is_refusal), "{refused:?}");
    assert!(
        refused.contains(&StatusCode::PAYLOAD_TOO_LARGE),
        "{refused:?}"
    );
    assert!(polled.iter().all(StatusCode::is_success), "{polled:?}");
}

/// Objects of a size, by id.
fn objects(ids: impl Iterator<Item = usize>, bytes: usize) -> Value {
    let objects = ids.map(|id| (format!("o{id:03}"), json!({"text": "x".repeat(bytes)})));
    Value::Object(objects.collect())
}

/// Pulls to the end; the objects, and the bytes of the largest page.
fn pull_all(device: &Rest) -> (Map<String, Value>, usize) {
    let (mut all, mut largest, mut token) = (Map::new(), 0, String::new());
    loop {
        let path = format!("/app/v1/Fed?p_size=2000&token={token}");
        let answer = device.send(Method::GET, &path, "");
        assert_eq!(answer.status(), StatusCode::OK);
        largest = largest.max(answer.body().len());
        let page: Value = serde_json::from_slice(answer.body()).expect("a page");
        let parts = page.as_array().expect("an array");
        if let Some(inserted) = parts[5].get("insert").and_then(Value::as_object) {
            all.extend(inserted.clone());
        }
        token = parts[1]["token"].as_str().expect("a token").to_owned();
        if token.is_empty() {
            return (all, largest);
        }
    }
}

#[test]
fn pages_are_cut_by_bytes_and_every_device_comes_to_the_end() {
    let deployment = start();
    deployment.create_user("anna");
    for part in 0..3 {
        let objects = objects(part * 20..(part + 1) * 20, 450_000);
        deployment.admin().push_objects("Fed", "anna", &objects);
    }
    let devices: Vec<_> = (0..AT_ONCE)
        .map(|_| deployment.rest_of_device("anna"))
        .collect();
    thread::scope(|scope| {
        let pulls: Vec<_> = devices
            .iter()
            .map(|device| scope.spawn(|| pull_all(device)))
            .collect();
        for pull in pulls {
            let (all, largest) = pull.join().expect("a pull");
            assert_eq!(all.len(), 60);
            assert!(largest < 5 << 20, "{largest}");
        }
    });
}

/// Statuses of requests of which some may have to come again.
fn assert_served(what: &str, statuses: &[StatusCode]) {
    let is_answer =
        |status: &&StatusCode| status.is_success() || **status == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(
        statuses.iter().filter(is_answer).count(),
        statuses.len(),
        "{what}: {statuses:?}"
    );
    assert!(
        statuses.iter().any(StatusCode::is_success),
        "{what}: {statuses:?}"
    );
}

#[test]
fn the_largest_requests_that_are_permitted_are_served_or_come_again() {
    let deployment = start();
    deployment.create_user("anna");
    let device = deployment.rest_of_device("anna");
    let (api, admin) = (deployment.api(), deployment.admin().rest());
    let large = objects(0..30, 500_000);
    let fed = json!({"user_id": "anna", "source_id": "Fed", "objects": large}).to_string();
    let created = json!({"create": large}).to_string();
    let set = json!({"data": large}).to_string();
    let changed = json!({"merge": large}).to_string();
    let requests: [(&str, &Rest, Method, &str, &str); 9] = [
        (
            "feed",
            admin,
            Method::POST,
            "/app/v1/Fed/push_objects",
            &fed,
        ),
        ("push", &device, Method::POST, "/app/v1/Fed", &created),
        (
            "document",
            admin,
            Method::POST,
            "/rc/v1/users/anna/sources/Fed/docs/md",
            &set,
        ),
        (
            "batch",
            &api,
            Method::POST,
            "/api/v1/sources/Fed/users/anna/objects",
            &changed,
        ),
        ("pull", &device, Method::GET, "/app/v1/Fed?p_size=2000", ""),
        (
            "whole",
            admin,
            Method::GET,
            "/rc/v1/users/anna/sources/Fed/docs/md",
            "",
        ),
        (
            "part",
            &api,
            Method::GET,
            "/api/v1/sources/Fed/users/anna/objects?limit=1000",
            "",
        ),
        (
            "what it has",
            &api,
            Method::GET,
            "/api/v1/sources/Fed/users/anna",
            "",
        ),
        ("sources", &api, Method::GET, "/api/v1/sources", ""),
    ];
    for (what, rest, method, path, body) in requests {
        let send = || rest.send(method.clone(), path, body.to_owned()).status();
        assert_served(what, &[send()]);
        assert_served(what, &at_once(AT_ONCE, send));
    }
}
