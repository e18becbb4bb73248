//! Power cuts while jobs run: every job's effect happens, none twice where the back end recognises repetitions, and no
//! job stays behind.

use std::thread;

use http::Method;
use serde_json::{Value, json};
use sync_jobs::JobState;
use sync_proto::CLIENT_ID_HEADER;
use test_support::{Deployment, JobQueue, Options, Rest, until};

/// Jobs that run while something is killed: each carries one client's change.
const JOBS: usize = 200;

/// How often something is killed meanwhile.
const KILLS: usize = 10;

/// How long the back end takes before a write is done, and again before it is answered: long enough to be killed in.
const LATENCY_MS: u64 = 25;

const SETTINGS: &str = r#"
    [sources.Queued]
    adapter = "rest"
    partition = "app"
    poll_interval = 0
    queue = "adapter"

    [sources.Queued.rest]
    url = { variable = "shop_url", path = "/products" }
    update_method = "PATCH"
    timeout_ms = 1000

    [jobs]
    lease_seconds = 1
"#;

fn start(is_durable: bool) -> (Deployment, Phones) {
    let deployment = Deployment::start(Options {
        products: 0,
        is_durable,
        settings: SETTINGS,
        ..Options::default()
    });
    deployment.create_user("anna");
    let phones = Phones::register(&deployment);
    (deployment, phones)
}

/// As many clients of one user as there are jobs.
struct Phones {
    rest: Rest,
    ids: Vec<String>,
}

impl Phones {
    fn register(deployment: &Deployment) -> Self {
        let rest = deployment.rest_of("anna");
        let ids = (0..JOBS).map(|_| rest.register_client(&Value::Null));
        Self {
            ids: ids.collect(),
            rest,
        }
    }

    /// Every client sends a create; all are taken in when this returns.
    fn push(&self) {
        for (number, id) in self.ids.iter().enumerate() {
            let changes = json!({"create": {"tmp": {"name": name(number)}}});
            let rest = self.rest.clone().with_header(CLIENT_ID_HEADER, id);
            rest.expect(200, Method::POST, "/app/v1/Queued", &changes);
        }
    }
}

fn name(number: usize) -> String {
    format!("product of client {number}")
}

/// Waits until the back end has done so many writes.
fn until_done(deployment: &Deployment, writes: usize) {
    let back_end = deployment.back_end();
    until("some writes", || {
        (back_end.writes_done() >= writes as u64).then_some(())
    });
}

/// Lets every job end, and checks that each had its effect, once.
fn check(deployment: &Deployment) {
    let queue = JobQueue::new(&deployment.redis_url(), "adapter");
    // Whatever was lost is found by whoever looks after requests.
    let rest = deployment.rest();
    queue.until_empty_while(|| drop(rest.get("/health")));
    assert_eq!(queue.jobs(JobState::Dead), [], "no job was given up");
    let products = deployment.back_end().objects("products");
    let mut names: Vec<_> = products
        .into_values()
        .filter_map(|product| product.get("name").cloned())
        .collect();
    names.sort();
    let mut wanted: Vec<_> = (0..JOBS).map(name).collect();
    wanted.sort();
    assert_eq!(names, wanted);
    deployment.back_end().assert_no_duplicates();
}

#[test]
fn a_host_killed_ten_times_while_jobs_run_loses_and_doubles_nothing() {
    let (mut deployment, phones) = start(false);
    deployment.back_end().slow_down_writes(LATENCY_MS);
    phones.push();
    for kill in 1..=KILLS {
        until_done(&deployment, kill * JOBS / (KILLS + 2));
        deployment.kill_host();
        deployment.expire_leases();
        deployment.start_host();
        deployment.rest().get("/health");
    }
    check(&deployment);
}

#[test]
fn a_redis_restarted_while_jobs_run_loses_and_doubles_nothing() {
    let (mut deployment, phones) = start(true);
    let host = deployment.host_id();
    deployment.back_end().slow_down_writes(LATENCY_MS);
    phones.push();
    for kill in 1..=3 {
        until_done(&deployment, kill * JOBS / 5);
        deployment.redis().kill();
        deployment.redis().restart();
        deployment.expire_leases();
    }
    check(&deployment);
    assert_eq!(deployment.host_id(), host, "nobody restarted the host");
}

#[test]
fn two_hosts_on_one_redis_share_the_jobs() {
    let (deployment, phones) = start(false);
    let _other = deployment.start_another_host();
    deployment.back_end().slow_down_writes(LATENCY_MS);
    thread::scope(|scope| {
        scope.spawn(|| phones.push());
    });
    check(&deployment);
    let queue = JobQueue::new(&deployment.redis_url(), "adapter");
    assert!(!queue.jobs(JobState::Done).is_empty());
}

#[test]
fn a_back_end_that_was_away_gets_everything_in_order() {
    let (deployment, _) = start(false);
    let mut phone = deployment.device("anna");
    phone.sync("Queued").expect("to sync");
    let away = json!({"effect": {"error": {"status": 503}}});
    deployment.back_end().fault(&away);
    let id = phone.replica_mut("Queued").create([("name", "first")]);
    phone.sync("Queued").expect("to sync");
    for name in ["second", "third"] {
        assert!(phone.replica_mut("Queued").update(&id, [("name", name)]));
        phone.sync("Queued").expect("to sync");
    }
    let queue = JobQueue::new(&deployment.redis_url(), "adapter");
    until("an attempt that failed", || {
        let mut delayed = queue.jobs(JobState::Delayed).into_iter();
        delayed
            .any(|job| job.name == "changes" && !job.errors.is_empty())
            .then_some(())
    });
    deployment.back_end().heal();
    until("the last name", || {
        phone.sync("Queued").expect("to sync");
        let products = deployment.back_end().objects("products");
        let names: Vec<_> = products
            .into_values()
            .filter_map(|it| it.get("name").cloned())
            .collect();
        (names == ["third"] && !phone.is_waiting("Queued")).then_some(())
    });
    deployment.back_end().assert_no_duplicates();
}
