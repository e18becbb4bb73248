//! The network fails at every command of every kind of request. Whoever is told that it is done finds it done; whoever is told to
//! come again does so with the same request, and in the end it is done, and done once.

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use redis::Commands as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sync_jobs::JobState;
use sync_proto::{CLIENT_ID_HEADER, ERROR_CODE_HEADER};
use test_support::{
    Deployment, JobQueue, NetworkFault, Options, Rest, json_of, password_of, text_of, until,
};

use super::IMPATIENT;
use crate::bad_input::{Bad, Server, fill, usual};

const SETTINGS: &str = r#"
[sources.Told]
adapter = "push-only"
partition = "app"
[sources.Told.hook]
secret = "hook-secret"
secret_header = "X-Hook-Secret"
records = "$.items"
"#;

/// A deployment, and who asks it for something.
struct Callers {
    deployment: Deployment,
    api: Rest,
    /// Back ends that speak the old protocol.
    plugin: Rest,
    /// A device of anna's with the old protocol.
    device: Rest,
    client: String,
    /// A device of anna's with our own.
    library: Rest,
}

/// What is sent, until it is done.
struct Call {
    rest: Rest,
    method: Method,
    path: String,
    body: Vec<u8>,
}

impl Call {
    fn new(rest: &Rest, method: Method, path: impl Into<String>, body: &Value) -> Self {
        Self {
            rest: rest.clone(),
            method,
            path: path.into(),
            body: body.to_string().into(),
        }
    }

    fn post(rest: &Rest, path: impl Into<String>, body: &Value) -> Self {
        Self::new(rest, Method::POST, path, body)
    }
}

/// A kind of request: what is sent for a trial of some name, and what has to be so afterwards, given the answer.
type Kind = (
    &'static str,
    fn(&Callers, &str) -> Call,
    fn(&Callers, &str, &str),
);

impl Callers {
    fn new() -> Self {
        let deployment = Deployment::start(Options {
            settings: SETTINGS,
            ..IMPATIENT
        });
        deployment.create_user("anna");
        deployment.create_user("ben");
        let device = deployment.rest_of("anna");
        let client = device.register_client(&Value::Null);
        let login = json!({"login": "anna", "password": password_of("anna")});
        let session = deployment
            .rest()
            .expect(201, Method::POST, "/sync/v1/session", &login);
        let access = json_of(&session)["access"].clone();
        Self {
            api: deployment.api(),
            plugin: deployment.admin().rest().clone(),
            device: device.with_header(CLIENT_ID_HEADER, &client),
            client,
            library: deployment
                .rest()
                .with_bearer(access.as_str().expect("a token")),
            deployment,
        }
    }

    /// `/api/v1`, for a request that may be repeated.
    fn once(&self, name: &str) -> Rest {
        self.api.clone().with_header("idempotency-key", name)
    }

    /// What has this name in a list of `/api/v1`.
    fn listed(&self, path: &str, field: &str, name: &str) -> usize {
        let list = self.api.get(path);
        let items = list["items"].as_array().expect("a list");
        items.iter().filter(|item| item[field] == name).count()
    }

    /// Lets the time pass after which jobs do what a request has begun, and somebody ask for something: whoever does has jobs begun
    /// that are due.
    fn let_time_pass(&self) {
        self.deployment.expire_leases();
        let mut redis = self.deployment.redis_connection();
        for queue in self.deployment.keys("*{jobs}:delayed:*") {
            let jobs: Vec<String> = redis.zrange(&queue, 0, -1).expect("what is for later");
            for job in jobs {
                // One that has begun meanwhile is not there any more.
                let mut due = redis::cmd("ZADD");
                due.arg(&queue).arg("XX").arg(0).arg(job);
                let _: i64 = due.query(&mut redis).expect("to let it be due");
            }
        }
        self.api.get("/api/v1/users?limit=1");
    }

    /// Waits until a device that begins sees so many objects of this name, and never more: what was taken in may be carried out later.
    fn until_seen(&self, source: &str, name: &str, count: usize) {
        until(&format!("{count} objects with the name {name}"), || {
            let mut device = self.deployment.device("anna");
            device.sync(source).expect("to sync");
            let objects = device.objects(source);
            let seen = objects.values().filter(|it| it["name"] == name).count();
            assert!(seen <= 1, "{seen} objects with the name {name}");
            (seen == count).then_some(())
        });
    }
}

const KINDS: &[Kind] = &[
    (
        "a user is made",
        |callers, name| {
            let user = json!({"login": name, "password": "as long as it is"});
            Call::post(&callers.once(name), "/api/v1/users", &user)
        },
        |callers, name, _| {
            callers.api.get(&format!("/api/v1/users/{name}"));
        },
    ),
    (
        "a user's password is changed",
        |callers, name| {
            let password = json!({"password": name});
            Call::new(
                &callers.once(name),
                Method::PATCH,
                "/api/v1/users/ben",
                &password,
            )
        },
        |callers, name, _| {
            let login = json!({"login": "ben", "password": name});
            let rest = callers.deployment.rest();
            rest.expect(200, Method::POST, "/rc/v1/app/login", &login);
        },
    ),
    (
        "a user is deleted who has a device",
        |callers, name| {
            callers.deployment.create_user(name);
            let mut device = callers.deployment.device(name);
            device.sync("Note").expect("to sync");
            let path = format!("/api/v1/users/{name}");
            Call::new(&callers.once(name), Method::DELETE, path, &json!({}))
        },
        |callers, name, _| {
            until("all of the user to be gone", || {
                let left = callers.deployment.keys(&format!("*{name}*"));
                left.iter()
                    .all(|key| key.contains("idempotency"))
                    .then_some(())
            });
        },
    ),
    (
        "a token is made",
        |callers, name| {
            let token = json!({"name": name, "scopes": ["users:read"]});
            Call::post(&callers.api, "/api/v1/tokens", &token)
        },
        |callers, _, answer| {
            let token: Value = serde_json::from_str(answer).expect("JSON");
            let token = token["token"].as_str().expect("a token");
            let its = callers.deployment.rest().with_bearer(token);
            its.get("/api/v1/users?limit=1");
        },
    ),
    (
        "an administrator is made",
        |callers, name| {
            let one = json!({"login": name, "password": "as long as it is", "role": "viewer"});
            Call::post(&callers.once(name), "/api/v1/administrators", &one)
        },
        |callers, name, _| {
            let path = "/api/v1/administrators?limit=200";
            assert_eq!(callers.listed(path, "login", name), 1);
        },
    ),
    (
        "a source is set",
        |callers, name| {
            let interval = json!({"poll_interval": number_of(name)});
            let path = "/api/v1/sources/Note";
            Call::new(&callers.once(name), Method::PATCH, path, &interval)
        },
        |callers, name, _| {
            let source = callers.api.get("/api/v1/sources/Note");
            assert_eq!(source["poll_interval"], number_of(name));
        },
    ),
    (
        "a ping is sent",
        |callers, name| {
            let ping = json!({"users": ["anna"], "message": name});
            Call::post(&callers.once(name), "/api/v1/pings", &ping)
        },
        |callers, name, _| {
            let queue = JobQueue::new(&callers.deployment.redis_url(), "push");
            let jobs = JobState::ALL
                .into_iter()
                .flat_map(|state| queue.jobs(state));
            let pings = jobs.filter(|job| job.name == "ping" && job.payload.contains(name));
            assert_eq!(pings.count(), 1);
        },
    ),
    (
        "a queue is paused",
        |callers, name| {
            let paused = json!({"paused": number_of(name).is_multiple_of(2)});
            let path = "/api/v1/queues/push";
            Call::new(&callers.once(name), Method::PATCH, path, &paused)
        },
        |callers, name, _| {
            let queues = callers.api.get("/api/v1/queues");
            let queues = queues["items"].as_array().expect("a list");
            let queue = queues.iter().find(|queue| queue["name"] == "push");
            assert_eq!(
                queue.expect("it")["paused"],
                number_of(name).is_multiple_of(2)
            );
        },
    ),
    (
        "an object is made by the API",
        |callers, name| {
            let path = "/api/v1/sources/Board/users/anna/objects";
            let object = json!({"merge": {name: {"name": name}}});
            Call::post(&callers.once(name), path, &object)
        },
        |callers, name, _| callers.until_seen("Board", name, 1),
    ),
    (
        "objects are pushed by a back end",
        |callers, name| {
            let objects = json!({"user_id": "anna", "objects": {name: {"name": name}}});
            Call::post(&callers.plugin, "/app/v1/Board/push_objects", &objects)
        },
        |callers, name, _| callers.until_seen("Board", name, 1),
    ),
    (
        "objects are deleted by a back end",
        |callers, name| {
            let objects = json!({name: {"name": name}});
            let admin = callers.deployment.admin();
            admin.push_objects("Board", "anna", &objects);
            let deletes = json!({"user_id": "anna", "objects": [name]});
            Call::post(&callers.plugin, "/app/v1/Board/push_deletes", &deletes)
        },
        |callers, name, _| callers.until_seen("Board", name, 0),
    ),
    (
        "a hook is called",
        |callers, name| {
            let hook = callers.deployment.rest();
            let hook = hook.with_header("x-hook-secret", "hook-secret");
            let records = json!({"items": [{"id": name, "name": name}]});
            Call::post(&hook, "/hooks/Told", &records)
        },
        |callers, name, _| callers.until_seen("Told", name, 1),
    ),
    (
        "a device registers",
        |callers, _| {
            let device = callers.deployment.rest_of("anna");
            Call::post(&device, "/rc/v1/clients", &json!({}))
        },
        |callers, _, answer| {
            let answer: Value = serde_json::from_str(answer).expect("JSON");
            let client = answer["client"]["client_id"].as_str().expect("an id");
            let device = callers.deployment.rest_of("anna");
            let device = device.with_header(CLIENT_ID_HEADER, client);
            assert_eq!(
                device.send(Method::GET, "/app/v1/Board", "").status(),
                StatusCode::OK
            );
        },
    ),
    (
        "a device of old sends a change",
        |callers, name| {
            let change =
                json!({"source_name": "Board", "create": {format!("t-{name}"): {"name": name}}});
            Call::post(&callers.device, "/app/v1/Board", &change)
        },
        |callers, name, _| {
            callers.let_time_pass();
            callers.until_seen("Board", name, 1);
        },
    ),
    (
        "a device of old searches",
        |callers, name| {
            let search = json!({"sources": [{"name": "Probe"}], "search": {"name": name}});
            Call::post(&callers.device, "/rc/v1/app/search", &search)
        },
        |_, _, _| {},
    ),
    (
        "a device asks for a file of everything",
        |callers, _| {
            let sources = json!({"sources": ["Board"], "partition": "app"});
            Call::post(&callers.device, "/rc/v1/app/bulk_data", &sources)
        },
        |_, _, answer| {
            let answer: Value = serde_json::from_str(answer).expect("JSON");
            let result = answer["result"].as_str().expect("a result");
            assert!(["wait", "url"].contains(&result), "{answer}");
        },
    ),
    (
        "a device is reset by an administrator",
        |callers, name| {
            let path = format!("/api/v1/clients/{}/reset", callers.client);
            Call::post(&callers.once(name), path, &json!({"sources": ["Board"]}))
        },
        |_, _, _| {},
    ),
    (
        "a device of the library signs in",
        |callers, _| {
            let login = json!({"login": "anna", "password": password_of("anna")});
            Call::post(&callers.deployment.rest(), "/sync/v1/session", &login)
        },
        |callers, _, answer| {
            let session: Value = serde_json::from_str(answer).expect("JSON");
            let access = session["access"].as_str().expect("a token");
            let device = callers.deployment.rest().with_bearer(access);
            let sync = json!({"have": {"Board": null}});
            device.expect(200, Method::POST, "/sync/v1/sync", &sync);
        },
    ),
    (
        "a device of the library sends a change",
        |callers, name| {
            let change = json!({
                "id": format!("c-{name}"), "source": "Board", "op": "create",
                "object": name, "set": {"name": name},
            });
            let changes = json!({"changes": [change]});
            Call::post(&callers.library, "/sync/v1/sync", &changes)
        },
        |callers, name, _| {
            callers.deployment.expire_leases();
            let sync = json!({"have": {"Board": null}});
            callers
                .library
                .expect(200, Method::POST, "/sync/v1/sync", &sync);
            callers.until_seen("Board", name, 1);
        },
    ),
    (
        "a file is sent",
        |callers, name| {
            let mut call = Call::new(
                &callers.library,
                Method::PUT,
                format!("/sync/v1/blobs/{}", digest_of(name)),
                &Value::Null,
            );
            call.body = name.into();
            call
        },
        |callers, name, _| {
            let path = format!("/sync/v1/blobs/{}", digest_of(name));
            let file = callers.library.send(Method::GET, &path, "");
            assert_eq!(text_of(&file), name);
        },
    ),
    (
        "a refused change is tried again",
        |callers, name| {
            let back_end = callers.deployment.back_end();
            back_end.fault(&json!({"effect": {"error": {"status": 422}}, "method": "POST"}));
            let change = json!({
                "id": format!("c-{name}"), "source": "Product", "op": "create",
                "object": name, "set": {"name": name},
            });
            let changes = json!({"changes": [change]});
            let library = &callers.library;
            library.expect(200, Method::POST, "/sync/v1/sync", &changes);
            back_end.heal();
            let refused = callers.api.get("/api/v1/changes?state=refused&sort=-sent");
            let refused = &refused["items"][0];
            assert_eq!(refused["object"], name);
            let refused = refused["id"].as_str().expect("a change");
            let path = format!("/api/v1/changes/{refused}/retry");
            Call::post(&callers.once(name), path, &json!({}))
        },
        |callers, name, _| {
            let made = || {
                let products = callers.deployment.back_end().objects("products");
                products.values().filter(|it| it["name"] == name).count()
            };
            until("the change to be done", || {
                callers.let_time_pass();
                (made() > 0).then_some(())
            });
            assert_eq!(made(), 1);
        },
    ),
];

/// A number that is a trial's own, from the digits its name ends with.
fn number_of(name: &str) -> u64 {
    let digits = name.rsplit('-').next().expect("a part");
    60 + digits.parse::<u64>().expect("a number")
}

fn digest_of(name: &str) -> String {
    Sha256::digest(name)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What a request that is sent again is told of what was done before.
const WAS_DONE: [&str; 4] = ["user_exists", "unknown_user", "not_found", "wrong_state"];

/// Whether an answer has this error, which APIs of old have in a header.
fn says(answer: &Response<Bytes>, code: &str) -> bool {
    let header = answer.headers().get(ERROR_CODE_HEADER);
    let in_body = || text_of(answer).starts_with(&format!("{{\"error\":{{\"code\":\"{code}\""));
    header.map_or_else(in_body, |header| header == code)
}

/// What was sent is done, or has to be sent again later: says which, with the answer.
fn send(what: &str, call: &Call, is_again: bool) -> Option<String> {
    let answer = call
        .rest
        .send(call.method.clone(), &call.path, call.body.clone());
    let text = text_of(&answer);
    let was_done = || WAS_DONE.iter().any(|code| says(&answer, code));
    if answer.status().is_success() || is_again && was_done() {
        return Some(text);
    }
    let may_come_again =
        says(&answer, "unavailable") || is_again && says(&answer, "request_in_progress");
    assert!(may_come_again, "{what}: {answer:?} {text}");
    None
}

#[test]
fn a_network_that_fails_at_any_command_of_any_request_loses_and_doubles_nothing() {
    let callers = Callers::new();
    for (kind, (what, call, check)) in KINDS.iter().enumerate() {
        let mut trials = 0;
        for fault in NetworkFault::ALL {
            for at in 1.. {
                trials += 1;
                let name = format!("trial-{kind}-{trials:04}");
                let what = format!("{what}, {fault:?} at command {at} ({name})");
                let call = call(&callers, &name);
                callers.deployment.network().strike(at, fault);
                let answer = send(&what, &call, false);
                let has_struck = callers.deployment.network().calm();
                let answer = answer.unwrap_or_else(|| until(&what, || send(&what, &call, true)));
                check(&callers, &name, &answer);
                if !has_struck {
                    assert!(at > 1, "{what}: it struck nothing");
                    break;
                }
            }
        }
    }
}

/// Addresses of devices of old, which say in the query what they ask for.
const OLD_ADDRESSES: [&str; 3] = [
    "/application?client_id={client}&source_name=Board",
    "/api/application/query?client_id={client}&source_name=Board",
    "/application/search?client_id={client}&sources[][name]=Probe",
];

/// A stream that goes on by itself, and what says in its own form whether the store answers: both have tests of their own.
const UNASKED: [&str; 2] = ["/sync/v1/events", "/ready"];

#[test]
fn a_network_that_fails_at_any_command_of_any_question_is_told_as_that() {
    let server = Server::start_with(IMPATIENT);
    let routes = sync_handler::routes().filter_map(|(method, template)| {
        (method == Method::GET && !UNASKED.contains(&template)).then_some(template)
    });
    for template in routes.chain(OLD_ADDRESSES) {
        let path = fill(template, &|name| match name {
            "client" => server.client_id.clone(),
            name => usual(name).to_owned(),
        });
        let usual = server.send(&Bad::get(&path)).status();
        for fault in [
            NetworkFault::LostCommand,
            NetworkFault::LostAnswer,
            NetworkFault::HalfAnswer,
        ] {
            for at in 1.. {
                server.deployment.network().strike(at, fault);
                let answer = server.send(&Bad::get(&path));
                let has_struck = server.deployment.network().calm();
                let text = text_of(&answer);
                let what = format!("{template}, {fault:?} at command {at}: {answer:?} {text}");
                if answer.status() != usual {
                    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{what}");
                    assert!(answer.headers().contains_key(header::RETRY_AFTER), "{what}");
                }
                if !has_struck {
                    break;
                }
            }
        }
    }
}
