//! Hooks that the server registers at back ends by itself.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::time::Duration;

use sync_core::{Clock as _, Engine, SourceChange, StorePorts as _, adapter_handlers};
use sync_jobs::Budget;
use test_support::{Break, ScriptedHttp, TestPorts, TestRedis, engine, local};

const SETTINGS: &str = r#"
[sources.Product]
adapter = "push-only"
partition = "app"
[sources.Product.hook]
secret = "s3cret"
secret_header = "X-Secret"
records = "$.items"
[sources.Product.hook.subscribe]
url = "http://crm/webhooks"
callback = "https://sync/hooks/Product"
"#;

/// A server whose back end is scripted.
struct World {
    engine: Engine<TestPorts<ScriptedHttp>>,
    redis: TestRedis,
}

impl World {
    async fn start(more: &str) -> Self {
        let redis = TestRedis::start();
        let engine = engine(&redis, &format!("{SETTINGS}{more}"), 1).await;
        // From now on the schedule counts.
        engine.sweeper().sweep().await.unwrap();
        Self { engine, redis }
    }

    async fn pause(&self, paused: bool) {
        let change = SourceChange {
            paused: Some(paused),
            ..SourceChange::default()
        };
        self.engine.change_source("Product", change).await.unwrap();
    }

    /// A server with other settings on the same store, at the same time.
    async fn another(&self, more: &str) -> Engine<TestPorts<ScriptedHttp>> {
        let another = engine::<ScriptedHttp>(&self.redis, &format!("{SETTINGS}{more}"), 2).await;
        let ahead = self.engine.ports().clock().monotonic() - another.ports().clock().monotonic();
        another.ports().clock().advance(ahead);
        another
    }

    fn answer(&self, status: u16, body: &str) {
        self.engine.ports().http.answer(status, &[], body);
    }

    /// Lets a minute pass, and the job do its work.
    async fn tick(&self) {
        tick(&self.engine).await;
    }

    /// What the back end was asked since the last time.
    fn asked(&self) -> Vec<String> {
        asked(&self.engine)
            .into_iter()
            .map(|(line, _)| line)
            .collect()
    }
}

async fn tick(engine: &Engine<TestPorts<ScriptedHttp>>) {
    engine.ports().clock().advance(Duration::from_secs(60));
    // A connection that has broken is what a crash looks like.
    let _ = engine.sweeper().sweep().await;
    let handlers = adapter_handlers();
    let worker = engine.worker(&handlers, "adapter");
    let _ = worker.run(Budget::RING).await;
}

/// Requests with their bodies, and their idempotency keys.
fn asked(engine: &Engine<TestPorts<ScriptedHttp>>) -> Vec<(String, Option<String>)> {
    let asked = engine.ports().http.asked().into_iter();
    asked
        .map(|request| {
            let key = request.headers().get("idempotency-key");
            let key = key.map(|key| key.to_str().unwrap().to_owned());
            let body = String::from_utf8_lossy(request.body()).into_owned();
            let line = format!("{} {} {body}", request.method(), request.uri());
            (line.trim_end().to_owned(), key)
        })
        .collect()
}

const CREATE: &str =
    r#"POST http://crm/webhooks {"url":"https://sync/hooks/Product","secret":"s3cret" }"#;

#[test]
fn a_hook_is_registered_once_and_renewed_before_it_ends() {
    local(async {
        let world = World::start("lifetime_seconds = 600").await;
        world.answer(201, r#"{"id":7}"#);
        world.tick().await;
        assert_eq!(world.asked(), [CREATE]);
        for _ in 0..4 {
            world.tick().await;
        }
        assert_eq!(world.asked(), [""; 0]);
        // Without a call to renew it, another takes its place.
        world.answer(201, r#"{"id":8}"#);
        world.answer(204, "");
        world.tick().await;
        assert_eq!(world.asked(), [CREATE, "DELETE http://crm/webhooks/7"]);

        let world = World::start("lifetime_seconds = 600\nrenew = {}").await;
        world.answer(201, r#"{"id":7}"#);
        world.tick().await;
        for _ in 0..4 {
            world.tick().await;
        }
        assert_eq!(world.asked(), [CREATE]);
        world.answer(200, "");
        world.tick().await;
        assert_eq!(world.asked(), ["PUT http://crm/webhooks/7"]);
        for _ in 0..4 {
            world.tick().await;
        }
        assert_eq!(world.asked(), [""; 0]);
        // The back end has forgotten it.
        world.answer(404, "");
        world.answer(201, r#"{"id":9}"#);
        world.answer(404, "");
        world.tick().await;
        let again = [
            "PUT http://crm/webhooks/7",
            CREATE,
            "DELETE http://crm/webhooks/7",
        ];
        assert_eq!(world.asked(), again);
    });
}

#[test]
fn a_source_that_is_paused_is_told_of_nothing() {
    local(async {
        let world = World::start("").await;
        world.answer(201, r#"{"id":7}"#);
        world.tick().await;
        let first = asked(&world.engine);
        world.pause(true).await;
        world.answer(500, "");
        world.tick().await;
        world.answer(404, "");
        world.tick().await;
        world.tick().await;
        assert_eq!(world.asked(), ["DELETE http://crm/webhooks/7"; 2]);
        world.pause(false).await;
        world.answer(201, r#"{"id":8}"#);
        world.tick().await;
        let second = asked(&world.engine);
        assert_eq!(second.first().unwrap().0, CREATE);
        assert!(
            first.first().unwrap().1 != second.first().unwrap().1,
            "{second:?}"
        );
    });
}

#[test]
fn other_settings_make_another_and_remove_the_old_one() {
    local(async {
        let world = World::start("").await;
        world.answer(201, r#"{"id":7}"#);
        world.tick().await;
        assert_eq!(world.asked(), [CREATE]);
        let engine = world.another("create = { body = '{{ callback }}' }").await;
        engine.ports().http.answer(201, &[], r#"{"id":8}"#);
        engine.ports().http.answer(500, &[], "");
        tick(&engine).await;
        engine.ports().http.answer(204, &[], "");
        tick(&engine).await;
        tick(&engine).await;
        let asked: Vec<_> = asked(&engine).into_iter().map(|(line, _)| line).collect();
        let expected = [
            "POST http://crm/webhooks \"https://sync/hooks/Product\"",
            "DELETE http://crm/webhooks/7",
            "DELETE http://crm/webhooks/7",
        ];
        assert_eq!(asked, expected);
    });
}

/// How the back end was asked, by whom.
fn asked_by(engine: &Engine<TestPorts<ScriptedHttp>>) -> Vec<String> {
    let asked = engine.ports().http.asked().into_iter();
    asked
        .map(|request| {
            let proof = request.headers()["authorization"].to_str().unwrap();
            format!("{} {} {proof}", request.method(), request.uri())
        })
        .collect()
}

#[test]
fn a_source_that_is_gone_is_unsubscribed_by_the_settings_that_it_had() {
    local(async {
        let world = World::start("authorization = { bearer = \"t0k3n\" }").await;
        world.answer(201, r#"{"id":7}"#);
        world.tick().await;
        let registered = ["POST http://crm/webhooks Bearer t0k3n"];
        assert_eq!(asked_by(&world.engine), registered);
        let record = "rhosync:1:subscription:Product";
        let kept = world.redis.tell(&format!("GET {record}"));
        assert!(kept.contains("\"hook\""), "{kept}");
        assert!(
            !kept.contains("t0k3n") && !kept.contains("s3cret"),
            "{kept}"
        );

        let without = engine::<ScriptedHttp>(&world.redis, "", 2).await;
        let ahead = world.engine.ports().clock().monotonic();
        let ahead = ahead - without.ports().clock().monotonic();
        without.ports().clock().advance(ahead);
        without.sweeper().sweep().await.unwrap();
        // Once an hour somebody looks what nobody needs any more.
        without.ports().http.answer(503, &[], "");
        without.ports().http.answer(204, &[], "");
        for _ in 0..70 {
            tick(&without).await;
        }
        let removed = ["DELETE http://crm/webhooks/7 Bearer t0k3n"; 2];
        assert_eq!(asked_by(&without), removed);
        assert_eq!(world.redis.tell(&format!("EXISTS {record}")).trim(), ":0");
        let listed = world.redis.tell("EXISTS rhosync:1:subscriptions");
        assert_eq!(listed.trim(), ":0");
        // Where it is there again, another is registered.
        world.answer(201, r#"{"id":8}"#);
        world
            .engine
            .ports()
            .clock()
            .advance(Duration::from_secs(4_200));
        world.tick().await;
        assert_eq!(asked_by(&world.engine), registered);
    });
}

#[test]
fn what_a_callback_is_removed_by_is_kept_as_it_is_now() {
    local(async {
        let world = World::start("authorization = { bearer = \"old\" }").await;
        world.answer(201, r#"{"id":7}"#);
        world.tick().await;
        // That makes no other callback.
        let changed = world.another("authorization = { bearer = \"new\" }").await;
        tick(&changed).await;
        assert_eq!(asked_by(&changed), [""; 0]);
        let without = engine::<ScriptedHttp>(&world.redis, "", 3).await;
        let ahead = changed.ports().clock().monotonic();
        let ahead = ahead - without.ports().clock().monotonic();
        without.ports().clock().advance(ahead);
        without.sweeper().sweep().await.unwrap();
        without.ports().http.answer(404, &[], "");
        for _ in 0..61 {
            tick(&without).await;
        }
        let removed = ["DELETE http://crm/webhooks/7 Bearer new"];
        assert_eq!(asked_by(&without), removed);
    });
}

#[test]
fn a_back_end_that_does_not_take_it_is_asked_again_with_the_same_key() {
    local(async {
        let world = World::start("").await;
        for body in ["", "{}", "<html>"] {
            world.answer(if body.is_empty() { 500 } else { 200 }, body);
            world.tick().await;
        }
        world.answer(201, r#"{"id":7}"#);
        world.tick().await;
        world.tick().await;
        let asked = asked(&world.engine);
        let keys: std::collections::BTreeSet<_> = asked.iter().map(|(_, key)| key).collect();
        assert!(
            asked.len() >= 4 && keys.len() == 1 && !keys.contains(&None),
            "{asked:?}"
        );
    });
}

#[test]
fn a_crash_anywhere_leaves_one_callback_at_a_back_end_that_knows_its_keys() {
    local(async {
        for at in [Break::Before, Break::After] {
            for command in 1..60 {
                let world = World::start("").await;
                world.answer(201, r#"{"id":7}"#);
                world.engine.ports().redis.break_at(command, at);
                tick(&world.engine).await;
                let broke = world.engine.ports().redis.mend();
                let before = asked(&world.engine);
                world.engine.ports().http.forget();
                // The lease of the job that was at work runs out.
                for _ in 0..3 {
                    world.answer(201, r#"{"id":7}"#);
                    world.tick().await;
                }
                let after = asked(&world.engine);
                let all: Vec<_> = before.iter().chain(&after).collect();
                assert!(!all.is_empty(), "{at:?} {command}: nothing was registered");
                assert!(
                    all.iter().all(|asked| *asked == all[0]),
                    "{at:?} {command}: {all:?}"
                );
                if !broke {
                    break;
                }
            }
        }
    });
}
