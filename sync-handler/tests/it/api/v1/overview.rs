//! `/overview`.

use serde_json::{Value, json};
use sync_core::{PingContext, PingMessage, PingTargets, ping_handlers};
use sync_jobs::{Budget, Worker};
use sync_proto::DeviceDescription;
use test_support::{Fault, TestPorts, local};

use crate::console::{Console, SETTINGS};

/// What needs attention: kind, subject, count.
fn attention(overview: &Value) -> Vec<Value> {
    let all = overview["attention"].as_array().unwrap().iter();
    all.map(|one| json!([one["kind"], one["subject"], one["count"]]))
        .collect()
}

fn source<'a>(overview: &'a Value, name: &str) -> &'a Value {
    let mut sources = overview["sources"].as_array().unwrap().iter();
    sources.find(|source| source["name"] == name).unwrap()
}

#[test]
fn a_device_whose_changes_wait_is_seen_and_its_cure_too() {
    local(async {
        let console = Console::start().await;
        let anna = console.device("anna").await;
        console.pull(&anna, "Shared", "").await;
        console.flush().await;
        assert_eq!(attention(&console.see("/overview").await), [json!(null); 0]);

        // The back end stops.
        console.world().back_end.fail([Fault::Unreachable; 100]);
        let change = r#"{"create":{"t1":{"name":"a"}}}"#;
        assert_eq!(console.push(&anna, "Shared", change).await, 200);
        console.pass(601);
        let overview = console.see("/overview").await;
        assert_eq!(
            attention(&overview),
            [json!(["stuck-clients", "Shared", 1])],
            "{overview}"
        );
        let stuck = &overview["attention"][0];
        assert_eq!(stuck["urgency"], "bad");
        assert_eq!(stuck["client"], anna.id());
        assert!(
            stuck["message"].is_string() && stuck["since"].is_number(),
            "{stuck}"
        );
        let clients = console.see("/clients?state=stuck").await;
        assert_eq!(clients["items"][0]["id"], anna.id());
        assert_eq!(clients["items"][0]["waiting"], 1);
        let changes = console.see("/changes").await;
        assert_eq!(changes["items"][0]["object"], "t1");

        // It starts again.
        console.world().back_end.heal();
        let id = changes["items"][0]["id"].as_str().unwrap();
        let (status, body) = console
            .call("POST", &format!("/changes/{id}/retry"), "")
            .await;
        assert_eq!(status, 200, "{body}");
        console.world().work().await;
        assert_eq!(console.world().back_end.objects().len(), 1);
        assert_eq!(attention(&console.see("/overview").await), [json!(null); 0]);
        for list in ["/clients?state=stuck", "/clients?state=waiting", "/changes"] {
            assert_eq!(console.see(list).await["items"], json!([]), "{list}");
        }
    });
}

#[test]
fn a_source_is_told_as_it_is() {
    local(async {
        let console = Console::start().await;
        let anna = console.device("anna").await;
        let overview = console.see("/overview").await;
        assert_eq!(source(&overview, "Shared")["state"], "unused");
        assert_eq!(source(&overview, "Pushed")["state"], "fed");
        console.world().back_end.put("1", &[("name", "a")]);
        console.world().back_end.put("2", &[("name", "b")]);
        console.pull(&anna, "Shared", "").await;
        console.pull(&anna, "Own", "").await;
        console.flush().await;
        let overview = console.see("/overview").await;
        let shared = source(&overview, "Shared");
        assert_eq!(shared["state"], "fresh");
        assert_eq!(
            (&shared["objects"], &shared["partitions"]),
            (&json!(2), &json!(1))
        );
        let refreshed_at = shared["refreshed_at"].as_u64().unwrap();

        console.pass(60);
        console.world().back_end.fail([Fault::Login]);
        console.pull(&anna, "Shared", "").await;
        console.world().back_end.remove("2");
        console.pull(&anna, "Own", "").await;
        console.flush().await;
        let overview = console.see("/overview").await;
        let shared = source(&overview, "Shared");
        assert_eq!(shared["state"], "failing", "{shared}");
        assert!(shared["failing_since"].as_u64().unwrap() > refreshed_at);
        assert_eq!(shared["error_kind"], "login-error");
        let error = shared["error"].as_str().unwrap();
        assert!(!error.starts_with("login-error"), "{error}");
        assert_eq!(overview["attention"][0]["message"], error);
        assert_eq!(source(&overview, "Own")["objects"], 1);
        let refused = json!(["credential-refused", "Shared", 1]);
        assert_eq!(attention(&overview), [refused], "{overview}");

        console.pull(&anna, "Shared", "").await;
        console.flush().await;
        let overview = console.see("/overview").await;
        assert_eq!(source(&overview, "Shared")["state"], "fresh");
        assert_eq!(attention(&overview), [json!(null); 0]);
        let (status, _) = console.call("DELETE", "/users/anna", "").await;
        assert_eq!(status, 204);
        console.flush().await;
        let overview = console.see("/overview").await;
        assert_eq!(source(&overview, "Own")["partitions"], 0, "{overview}");
    });
}

#[test]
fn what_happened_and_what_there_is_is_summed_up() {
    local(async {
        let console = Console::start().await;
        let anna = console.device("anna").await;
        for _ in 0..3 {
            console.pull(&anna, "Shared", "").await;
        }
        console.flush().await;
        console.pass(60);
        let overview = console.see("/overview").await;
        let traffic = overview["traffic"].as_array().unwrap();
        assert_eq!(traffic.len(), 60);
        let last = &traffic[59];
        assert_eq!((&last["syncs"], &last["requests"]), (&json!(3), &json!(3)));
        assert!(last["p95_ms"].is_number(), "{last}");
        assert_eq!(traffic[0]["p50_ms"], json!(null));
        let clients = json!({"active_now": 1, "active_today": 1, "registered": 1});
        assert_eq!(overview["clients"], clients);
        assert_eq!(overview["users"], 1);
        assert!(overview["store"]["bytes"].as_u64().unwrap() > 0);
        let services = overview["push_services"].as_array().unwrap();
        let missing = services.iter().map(|service| &service["missing"][0]);
        let expected = [&json!("ping.apns"), &json!("ping.fcm"), &json!("ping.web")];
        assert!(missing.eq(expected), "{services:?}");
    });
}

/// A push service whose settings are wrong.
const APNS: &str = r#"
    [ping.apns]
    team_id = "T"
    key_id = "K"
    key = "no key"
    topic = "com.example.app"
"#;

#[test]
fn what_a_push_service_says_is_told_of_it_and_of_the_device() {
    local(async {
        let console = Console::with(&format!("{SETTINGS}{APNS}")).await;
        let anna = console.device("anna").await;
        let phone = DeviceDescription {
            device_type: Some("Apple".to_owned()),
            device_pin: Some("0a".repeat(32)),
            ..DeviceDescription::default()
        };
        let engine = &console.world().engine;
        let registered = engine.register_client(&anna.session, anna.id(), &phone);
        registered.await.unwrap();
        let to = PingTargets {
            users: vec!["anna".to_owned()],
            clients: Vec::new(),
        };
        let message = PingMessage::default();
        engine.ping(&to, &message, "somebody").await.unwrap();
        let ports: TestPorts = TestPorts::to(&console.world().redis, 3).await;
        ports.clock.advance(std::time::Duration::from_secs(60));
        let pings = PingContext::new(std::rc::Rc::new(ports), engine.settings().clone());
        let (handlers, jobs) = (ping_handlers(), &pings.settings().jobs);
        let worker = Worker::new(pings.ports(), jobs, "push", &handlers, &pings);
        console.pass(60);
        engine.sweeper().sweep().await.unwrap();
        worker.run(Budget::RING).await.unwrap();

        let overview = console.see("/overview").await;
        let apns = &overview["push_services"][0];
        assert_eq!(
            (&apns["name"], &apns["configured"]),
            (&json!("apns"), &json!(true))
        );
        assert_eq!(
            (&apns["delivered"], &apns["failed"]),
            (&json!(0), &json!(1))
        );
        let error = apns["error"].as_str().unwrap();
        let failing = &overview["attention"][0];
        assert_eq!(failing["kind"], "push-failing", "{overview}");
        assert_eq!(failing["message"], error);
        let shown = console.see(&format!("/clients/{}", anna.id())).await;
        assert_eq!(shown["push"]["error"], error, "{shown}");
        let events = console.see(&format!("/clients/{}/events", anna.id())).await;
        assert_eq!(events["items"][0]["kind"], "ping");
        let pings = console
            .see("/statistics?metric=pings&by=outcome&hours=2")
            .await;
        assert_eq!(pings["series"][0]["labels"]["outcome"], "misconfigured");
    });
}

#[test]
fn it_costs_as_much_with_many_devices_as_with_few() {
    local(async {
        let console = Console::start().await;
        let cost = async || {
            let calls = async || {
                let mut calls = 0;
                for command in [
                    "zcard",
                    "zcount",
                    "hget",
                    "hmget",
                    "hgetall",
                    "hlen",
                    "zrange",
                    "zrangebyscore",
                    "zrevrangebyscore",
                    "evalsha",
                    "lrange",
                    "scan",
                    "keys",
                ] {
                    calls += console.world().calls_of(command).await;
                }
                calls
            };
            let before = calls().await;
            console.see("/overview").await;
            calls().await - before
        };
        for number in 0..3 {
            console.device(&format!("u{number}")).await;
        }
        console.flush().await;
        cost().await;
        let few = cost().await;
        for number in 0..40 {
            let device = console.device(&format!("v{number}")).await;
            console.pull(&device, "Own", "").await;
        }
        console.flush().await;
        assert_eq!(cost().await, few);
    });
}
