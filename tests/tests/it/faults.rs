//! Power cuts: host and Redis are killed at every moment of a push and of a pull. Nothing a device was told is taken in
//! gets lost, nothing is done twice, and everybody ends up with the same.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use http::{Method, StatusCode, header};
use redis::Commands as _;
use serde_json::{Value, json};
use sync_client::rhoconnect::{ClientError, SyncReport};
use sync_proto::ERROR_CODE_HEADER;
use test_support::{
    Deployment, Device, Options, Rest, ShopBackEnd, Source, converge, text_of, until,
};

const PRODUCT: &str = "Product";

/// Writes of one push of [`Work`].
const WRITES: u64 = 6;

/// How long the back end takes before a write is done, and again before it is answered: long enough to be killed in.
const LATENCY_MS: u64 = 25;

/// A moment in the life of a push.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The server has taken the changes in.
    Accepted,
    /// The back end has been asked for so many writes.
    Asked(u64),
    /// The back end has done so many writes, and not answered the last of them.
    Written(u64),
}

impl Moment {
    /// All there are.
    fn all() -> impl Iterator<Item = Self> {
        let asked = (1..=WRITES).map(Self::Asked);
        let written = (1..=WRITES).map(Self::Written);
        std::iter::once(Self::Accepted).chain(asked).chain(written)
    }
}

/// What a device is about to push: two creates, two updates, two deletes.
pub(crate) struct Work {
    made: [String; 2],
    updated: [String; 2],
    removed: [String; 2],
    brand: String,
}

impl Work {
    /// Does it on the device, which is offline so far.
    pub(crate) fn queue(device: &mut Device, name: &str) -> Self {
        let mut ids = device.objects(PRODUCT).into_keys();
        let mut two = || std::array::from_fn(|_| ids.next().expect("enough products"));
        let work = Self {
            made: ["first", "second"].map(|which| format!("{which} of {name}")),
            updated: two(),
            removed: two(),
            brand: format!("brand of {name}"),
        };
        let replica = device.replica_mut(PRODUCT);
        for name in &work.made {
            replica.create([("name", name)]);
        }
        for id in &work.updated {
            assert!(replica.update(id, [("brand", &work.brand)]));
        }
        for id in &work.removed {
            assert!(replica.delete(id));
        }
        work
    }

    /// Checks that the back end has it, each thing once.
    pub(crate) fn assert_done(&self, back_end: &ShopBackEnd) {
        let objects = back_end.objects("products");
        for name in &self.made {
            let count = objects.values().filter(|it| it["name"] == *name).count();
            assert_eq!(count, 1, "{name} is there {count} times");
        }
        for id in &self.updated {
            assert_eq!(objects[id]["brand"], self.brand);
        }
        for id in &self.removed {
            assert!(!objects.contains_key(id), "{id} is still there");
        }
    }
}

/// A phone that pushes, and one of somebody else who looks on.
pub(crate) fn two_devices(deployment: &Deployment) -> [Device; 2] {
    for user in ["anna", "ben"] {
        deployment.create_user(user);
    }
    let mut devices = ["anna", "ben"].map(|user| deployment.device(user));
    for device in &mut devices {
        device.sync(PRODUCT).expect("to sync");
    }
    devices
}

pub(crate) fn converge_two(deployment: &Deployment, [one, two]: &mut [Device; 2]) {
    converge(deployment, Source::PRODUCTS, &mut [one, two]);
}

/// Lets the device sync, and strikes at a moment of it; if the sync is over before, then right after it.
fn strike(
    deployment: &mut Deployment,
    device: &mut Device,
    moment: Moment,
    blow: impl FnOnce(&mut Deployment),
) -> Result<SyncReport, ClientError> {
    let back_end = deployment.back_end().clone();
    let (asked, written) = (back_end.write_calls(), back_end.writes_done());
    let mut redis = deployment.redis_connection();
    let mut is_there = move || match moment {
        Moment::Accepted => {
            let waiting: Vec<String> = redis.keys("*}:cud:*").expect("the keys");
            !waiting.is_empty()
        }
        Moment::Asked(count) => back_end.write_calls() - asked >= count,
        Moment::Written(count) => back_end.writes_done() - written >= count,
    };
    thread::scope(|scope| {
        let sync = scope.spawn(|| device.sync(PRODUCT));
        until("the moment to strike", || {
            (is_there() || sync.is_finished()).then_some(())
        });
        blow(deployment);
        sync.join().expect("the sync to end")
    })
}

#[test]
fn a_host_killed_at_any_moment_of_a_push_loses_and_doubles_nothing() {
    let mut deployment = Deployment::start(Options::default());
    let mut devices = two_devices(&deployment);
    deployment.back_end().slow_down_writes(LATENCY_MS);
    let mut cut_short = 0_u32;
    for moment in Moment::all() {
        let work = Work::queue(&mut devices[0], &format!("{moment:?}"));
        let result = strike(
            &mut deployment,
            &mut devices[0],
            moment,
            Deployment::kill_host,
        );
        if let Err(error) = result {
            assert!(error.is_offline(), "{error}");
            cut_short += 1;
        }
        deployment.start_host();
        deployment.expire_leases();
        converge_two(&deployment, &mut devices);
        work.assert_done(deployment.back_end());
        deployment.back_end().assert_no_duplicates();
    }
    assert!(cut_short >= 10, "only {cut_short} kills fell into a push");
}

#[test]
fn a_redis_killed_at_any_moment_of_a_push_loses_and_doubles_nothing() {
    let mut deployment = Deployment::start(Options {
        is_durable: true,
        ..Options::default()
    });
    let host = deployment.host_id();
    let mut devices = two_devices(&deployment);
    deployment.back_end().slow_down_writes(LATENCY_MS);
    let mut cut_short = 0_u32;
    for moment in Moment::all() {
        let work = Work::queue(&mut devices[0], &format!("{moment:?}"));
        let result = strike(&mut deployment, &mut devices[0], moment, |deployment| {
            deployment.redis().kill();
            deployment.redis().restart();
        });
        if let Err(error) = result {
            assert!(is_unavailable(&error), "{error}");
            cut_short += 1;
        }
        deployment.expire_leases();
        converge_two(&deployment, &mut devices);
        work.assert_done(deployment.back_end());
        deployment.back_end().assert_no_duplicates();
    }
    assert!(cut_short >= 10, "only {cut_short} kills fell into a push");
    assert_eq!(deployment.host_id(), host, "the host has lived through it");
}

#[test]
fn a_redis_killed_in_the_middle_of_a_pull_costs_nothing_but_time() {
    let mut deployment = Deployment::start(Options {
        is_durable: true,
        ..Options::default()
    });
    let mut devices = two_devices(&deployment);
    let mut cut_short = 0_u32;
    for pages in 1..=8 {
        deployment.create_user(&format!("late {pages}"));
        let mut late = deployment
            .device(&format!("late {pages}"))
            .with_page_size(10);
        let answers = late.network().answers();
        let target = answers.load(Ordering::Relaxed) + pages;
        let result = thread::scope(|scope| {
            let sync = scope.spawn(|| late.sync(PRODUCT));
            until("some pages", || {
                let is_there = has_reached(&answers, target) || sync.is_finished();
                is_there.then_some(())
            });
            deployment.redis().kill();
            deployment.redis().restart();
            sync.join().expect("the sync to end")
        });
        if let Err(error) = result {
            assert!(is_unavailable(&error), "{error}");
            cut_short += 1;
        }
        deployment.expire_leases();
        converge(&deployment, Source::PRODUCTS, &mut [&mut late]);
    }
    assert!(cut_short > 0, "no kill fell into a pull");
    converge_two(&deployment, &mut devices);
}

#[test]
fn what_was_acknowledged_outlives_host_and_redis() {
    let mut deployment = Deployment::start(Options {
        is_durable: true,
        ..Options::default()
    });
    let mut devices = two_devices(&deployment);
    for round in 1..=3 {
        let out_of_order = json!({"effect": {"error": {"status": 503}}});
        deployment.back_end().fault(&out_of_order);
        let work = Work::queue(&mut devices[0], &format!("round {round}"));
        // On a busy disk this Redis, which writes before it answers, may take too long for a request.
        let report = until("the changes to be taken in", || {
            match devices[0].sync(PRODUCT) {
                Ok(report) => Some(report),
                Err(error) => {
                    assert!(is_unavailable(&error), "{error}");
                    None
                }
            }
        });
        assert_eq!(report.pushed.total() as u64, WRITES);

        deployment.redis().kill();
        deployment.kill_host();
        deployment.redis().restart();
        deployment.start_host();
        deployment.back_end().heal();
        converge_two(&deployment, &mut devices);
        work.assert_done(deployment.back_end());
    }
    deployment.back_end().assert_no_duplicates();
}

#[test]
fn without_its_redis_the_server_says_so_and_recovers_by_itself() {
    let mut deployment = Deployment::start(Options {
        is_durable: true,
        ..Options::default()
    });
    let host = deployment.host_id();
    let mut devices = two_devices(&deployment);
    let before = devices[0].objects(PRODUCT);
    let server = Rest::new(deployment.url());
    let ready = |server: &Rest| {
        let answer = server.send(Method::GET, "/ready", "");
        let body: Value = serde_json::from_slice(answer.body()).expect("JSON");
        (answer.status(), body["status"].clone())
    };
    assert_eq!(ready(&server), (StatusCode::OK, json!("ready")));

    deployment.redis().kill();
    until("the server to notice", || {
        (ready(&server) == (StatusCode::SERVICE_UNAVAILABLE, json!("not ready"))).then_some(())
    });
    assert_eq!(server.get("/health")["status"], "ok");
    devices[0]
        .replica_mut(PRODUCT)
        .create([("name", "made without a server")]);
    for device in &mut devices {
        let error = device.sync(PRODUCT).expect_err("no server");
        assert!(is_unavailable(&error), "{error}");
    }
    let login = json!({"login": "anna", "password": "x"}).to_string();
    let answer = server.send(Method::POST, "/rc/v1/app/login", login);
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[ERROR_CODE_HEADER], "unavailable");
    assert!(answer.headers().contains_key("retry-after"));
    assert!(
        text_of(&answer).contains("store"),
        "the message says what is missing"
    );

    deployment.redis().restart();
    until("the server to recover", || {
        (ready(&server).0 == StatusCode::OK).then_some(())
    });
    converge_two(&deployment, &mut devices);
    assert_eq!(devices[1].objects(PRODUCT).len(), before.len() + 1);
    assert_eq!(deployment.host_id(), host, "nobody restarted the host");
}

#[test]
fn a_host_that_starts_without_its_redis_is_healthy_and_says_what_is_missing() {
    let mut deployment = Deployment::start(Options {
        is_durable: true,
        ..Options::default()
    });
    deployment.redis().kill();
    deployment.kill_host();
    deployment.start_host();
    let rest = deployment.rest();
    let alive = rest.send(Method::GET, "/health", "");
    assert_eq!(alive.status(), StatusCode::OK);
    let ready = rest.send(Method::GET, "/ready", "");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let ready: Value = serde_json::from_slice(ready.body()).expect("JSON");
    let redis = &ready["checks"][0];
    assert_eq!(
        (&redis["name"], &redis["ok"]),
        (&json!("redis"), &json!(false)),
        "{ready}"
    );
    deployment.redis().restart();
    until("the server to be ready", || {
        let ready = rest.send(Method::GET, "/ready", "");
        (ready.status() == StatusCode::OK).then_some(())
    });
}

#[test]
fn a_redis_that_does_not_answer_holds_no_request_for_long() {
    let mut deployment = Deployment::start(Options::default());
    deployment.create_user("anna");
    let rest = deployment.rest_of_device("anna");
    rest.get("/app/v1/Product");
    deployment.redis().stop_answering();
    let answers: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| rest.send(Method::GET, "/app/v1/Product", "")))
            .collect();
        let answers = asking.into_iter().map(|asking| asking.join());
        answers.map(|answer| answer.expect("an answer")).collect()
    });
    deployment.redis().answer_again();
    for answer in answers {
        assert_eq!(
            answer.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{answer:?}"
        );
        assert_eq!(answer.headers()[ERROR_CODE_HEADER], "unavailable");
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
    }
    until("the server to be back", || {
        let answer = rest.send(Method::GET, "/app/v1/Product", "");
        (answer.status() == StatusCode::OK).then_some(())
    });
}

fn has_reached(count: &AtomicUsize, target: usize) -> bool {
    count.load(Ordering::Relaxed) >= target
}

pub(crate) fn is_unavailable(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Refused { status, .. } if *status == StatusCode::SERVICE_UNAVAILABLE
    )
}
