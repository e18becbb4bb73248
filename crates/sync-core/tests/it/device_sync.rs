//! `/sync/v1`: what devices see that keep their cursors themselves.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sync_core::{
    Clock as _, DeviceProof, DeviceSession, Engine, NewsRequest, Origin, Ports, SyncError,
    TakenChanges,
};
use sync_proto::DeviceDescription;
use test_support::{TestPorts, World, local};

pub(crate) const SOURCES: &str = r#"
    retention_days = 30
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 0
    [sources.Own]
    adapter = "push-only"
    partition = "user"
    [sources.Typed]
    adapter = "push-only"
    partition = "app"
    metadata = "{\"a\":1}"
    schema = { version = "1", property = { price = "float", sold = "boolean" } }
"#;

pub(crate) async fn device(world: &World, user: &str) -> DeviceSession {
    world.sign_in(user).await;
    device_at(&world.engine, user).await
}

/// A device of our own library, of a user who is known.
pub(crate) async fn device_at<P: Ports>(engine: &Engine<P>, user: &str) -> DeviceSession {
    let proof = DeviceProof::Password {
        login: user,
        password: "password",
        origin: Origin("test"),
    };
    let description = Default::default();
    let granted = engine.sign_in_device(proof, None, &description);
    granted.await.unwrap().session
}

/// What a device has: its cursors, and its objects by source.
#[derive(Debug, Default, Clone)]
pub(crate) struct Copy {
    pub(crate) cursors: BTreeMap<String, Option<String>>,
    pub(crate) objects: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>,
}

impl Copy {
    pub(crate) fn of(sources: &[&str]) -> Self {
        let cursors = sources.iter().map(|name| ((*name).to_owned(), None));
        Self {
            cursors: cursors.collect(),
            ..Self::default()
        }
    }

    /// Takes a line in as a device does.
    pub(crate) fn apply(&mut self, line: &Value) {
        let Some(source) = line["source"].as_str() else {
            return;
        };
        let objects = self.objects.entry(source.to_owned()).or_default();
        if line.get("reset").is_some() {
            objects.clear();
            self.cursors.insert(source.to_owned(), None);
            return;
        }
        for (id, set) in line["objects"].as_object().into_iter().flatten() {
            let set = set.as_object().unwrap().clone();
            objects.entry(id.clone()).or_default().extend(set);
        }
        for (id, names) in line["unset"].as_object().into_iter().flatten() {
            for name in names.as_array().unwrap() {
                objects.get_mut(id).unwrap().remove(name.as_str().unwrap());
            }
        }
        for id in line["deleted"].as_array().into_iter().flatten() {
            objects.remove(id.as_str().unwrap());
        }
        if let Some(cursor) = line["cursor"].as_str() {
            self.cursors
                .insert(source.to_owned(), Some(cursor.to_owned()));
        }
        if let Some(check) = line.get("check") {
            assert_eq!(check["count"], objects.len(), "{line}");
            assert_eq!(check["sum"], self.sum(source), "{line}");
        }
    }

    /// The sum of a source's objects' hashes, as the protocol says how.
    pub(crate) fn sum(&self, source: &str) -> String {
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let hash = |(id, attributes): (&String, &BTreeMap<String, Value>)| {
            let pairs = attributes.iter();
            let texts = pairs.flat_map(|(name, value)| [name.clone(), text(value)]);
            let mut digest = Sha256::new();
            for text in std::iter::once(id.clone()).chain(texts) {
                digest.update((text.len() as u64).to_le_bytes());
                digest.update(text);
            }
            u64::from_be_bytes(*digest.finalize().first_chunk().unwrap())
        };
        let objects = self.objects[source].iter();
        let sum = objects.map(hash).fold(0, u64::wrapping_add);
        format!("{sum:016x}")
    }
}

pub(crate) async fn ask(
    engine: &Engine<TestPorts>,
    device: &DeviceSession,
    have: &BTreeMap<String, Option<String>>,
    max_bytes: Option<usize>,
) -> Result<Vec<Value>, SyncError> {
    let request = NewsRequest {
        have,
        parameters: &BTreeMap::new(),
        max_bytes,
        images: &[],
        trace: None,
    };
    let nothing = TakenChanges::default();
    let lines = engine.answer_device(device, nothing, &[], request).await?;
    let lines = lines.iter().map(|line| serde_json::to_value(line).unwrap());
    Ok(lines.collect())
}

/// Syncs until there is no more; answers all lines.
pub(crate) async fn sync(world: &World, device: &DeviceSession, copy: &mut Copy) -> Vec<Value> {
    sync_with(&world.engine, device, copy).await
}

pub(crate) async fn sync_with(
    engine: &Engine<TestPorts>,
    device: &DeviceSession,
    copy: &mut Copy,
) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let lines = ask(engine, device, &copy.cursors, None).await.unwrap();
        lines.iter().for_each(|line| copy.apply(line));
        let why = lines.last().unwrap()["end"]["why"].clone();
        all.extend(lines);
        if why != "more" {
            return all;
        }
    }
}

/// A moment passes, in which instances forget what they have read.
pub(crate) fn a_moment(world: &World) {
    world
        .engine
        .ports()
        .clock
        .advance(Duration::from_millis(250));
}

pub(crate) async fn start() -> World {
    let mut world = World::start().await;
    world.engine = world.another(Some(SOURCES), 2).await;
    world
}

pub(crate) async fn feed(world: &World, source: &str, user: &str, objects: Value) {
    let objects = serde_json::from_value(objects).unwrap();
    world
        .engine
        .feed_objects(source, user, objects)
        .await
        .unwrap();
    a_moment(world);
}

#[test]
fn a_device_finds_its_place_where_the_store_knows_one_of_two_scripts() {
    const FOLLOW: &str = include_str!("../../src/store/redis/scripts/follow.lua");
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        // As after a restart of the store, where requests that came together have sent it one of them so far.
        world.run(&["SCRIPT", "FLUSH"]).await;
        world.run(&["SCRIPT", "LOAD", FOLLOW]).await;
        sync(&world, &device, &mut Copy::of(&["Shared"])).await;
    });
}

#[test]
fn a_device_with_nothing_to_do_stays_away_as_long_as_its_type_may() {
    const PACES: &str = "[devices]\nidle_seconds = 60\n[devices.types.kiosk]\nidle_seconds = 900";
    local(async {
        let mut world = World::start().await;
        let settings = format!("{SOURCES}\n{PACES}");
        world.engine = world.another(Some(&settings), 2).await;
        world.sign_in("u1").await;
        for (device_type, seconds) in [(Some("kiosk"), 900), (Some("ANDROID"), 60), (None, 60)] {
            let proof = DeviceProof::Password {
                login: "u1",
                password: "password",
                origin: Origin("test"),
            };
            let device = DeviceDescription {
                device_type: device_type.map(str::to_owned),
                ..Default::default()
            };
            let granted = world.engine.sign_in_device(proof, None, &device);
            let granted = granted.await.unwrap();
            let accounts = world.engine.accounts();
            let refreshed = accounts.refresh_device(&granted.refresh, "a").await;
            for access in [&granted.access, &refreshed.unwrap().access] {
                let device = accounts.device_session(access).unwrap();
                let lines = sync(&world, &device, &mut Copy::of(&["Own"])).await;
                let end = json!({"end": {"after": seconds, "why": "idle"}});
                assert_eq!(lines.last(), Some(&end), "{device_type:?}");
            }
        }
    });
}

#[test]
fn a_device_gets_everything_and_then_what_has_changed() {
    local(async {
        let world = start().await;
        world.back_end.put("1", &[("name", "Lamp"), ("old", "x")]);
        world.back_end.put("2", &[("name", "Chair")]);
        let device = device(&world, "u1").await;
        feed(&world, "Own", "u1", json!({"a": {"n": "1"}})).await;
        let mut copy = Copy::of(&["Shared", "Own"]);
        let lines = sync(&world, &device, &mut copy).await;
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[0]["objects"], json!({"a": {"n": "1"}}));
        assert_eq!(lines[0]["check"]["count"], 1);
        assert_eq!(
            lines[1]["objects"]["1"],
            json!({"name": "Lamp", "old": "x"})
        );
        assert_eq!(lines[2], json!({"end": {"after": 30, "why": "idle"}}));

        world.back_end.put("1", &[("name", "Lamp"), ("new", "y")]);
        world.back_end.remove("2");
        a_moment(&world);
        let lines = sync(&world, &device, &mut copy).await;
        let news = &lines[1];
        assert_eq!(news["objects"], json!({"1": {"new": "y"}}));
        assert_eq!(news["unset"], json!({"1": ["old"]}));
        assert_eq!(news["deleted"], json!(["2"]));
        assert_eq!(
            lines[0]["cursor"],
            Value::Null,
            "nothing new: its own stands"
        );
        a_moment(&world);
        let idle = sync(&world, &device, &mut copy).await;
        let check = &news["check"];
        assert_eq!(
            idle[1],
            json!({"source": "Shared", "more": false, "check": check})
        );
    });
}

#[test]
fn an_idle_sync_of_many_sources_reads_heads_only_and_a_moment_later_nothing() {
    local(async {
        let mut world = World::start().await;
        let names: Vec<String> = (0..10).map(|number| format!("S{number}")).collect();
        let settings: String = names
            .iter()
            .map(|name| format!("[sources.{name}]\nadapter = \"push-only\"\npartition = \"app\"\n"))
            .collect();
        world.engine = world.another(Some(&settings), 2).await;
        let device = device(&world, "u1").await;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut copy = Copy::of(&names);
        sync(&world, &device, &mut copy).await;
        a_moment(&world);
        let calls = async || {
            let mut calls = Vec::new();
            for command in ["hmget", "evalsha", "eval", "hset", "hget", "zrangebyscore"] {
                calls.push(world.calls_of(command).await);
            }
            calls
        };
        let before = calls().await;
        sync(&world, &device, &mut copy).await;
        let mut after = calls().await;
        assert_eq!(after[0] - before[0], 10, "a head of each");
        after[0] = before[0];
        assert_eq!(after, before);
        let before = calls().await;
        sync(&world, &device, &mut copy).await;
        assert_eq!(calls().await, before, "shared");
    });
}

#[test]
fn heads_are_asked_for_together() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let mut copy = Copy::of(&["Own", "Typed"]);
        sync(&world, &device, &mut copy).await;
        a_moment(&world);
        // The first command is held back: the other arrives all the same.
        let redis = &world.engine.ports().redis;
        let before = world.calls_of("hmget").await;
        redis.hold_before(1);
        let asked = ask(&world.engine, &device, &copy.cursors, None);
        let others = async {
            redis.holds().await;
            while world.calls_of("hmget").await == before {
                tokio::task::yield_now().await;
            }
            redis.release();
        };
        let (asked, ()) = futures_util::join!(asked, others);
        assert_eq!(asked.unwrap().len(), 3);
    });
}

#[test]
fn pages_end_where_there_is_no_more_room_and_a_broken_answer_loses_nothing() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let text = "x".repeat(5_000);
        let objects: serde_json::Map<_, _> = (0..50)
            .map(|number| (format!("o{number}"), json!({"text": text})))
            .collect();
        feed(&world, "Typed", "u1", Value::Object(objects)).await;
        feed(&world, "Own", "u1", json!({"a": {"n": "1"}})).await;
        let mut copy = Copy::of(&["Own", "Typed"]);
        let mut rounds = 0;
        loop {
            let lines = ask(&world.engine, &device, &copy.cursors, Some(1))
                .await
                .unwrap();
            let bytes: usize = lines.iter().map(|line| line.to_string().len()).sum();
            assert!(bytes < 30_000, "{bytes}");
            let again = ask(&world.engine, &device, &copy.cursors, Some(1))
                .await
                .unwrap();
            assert_eq!(
                again.len(),
                lines.len(),
                "asked again, it is answered again"
            );
            lines.iter().for_each(|line| copy.apply(line));
            rounds += 1;
            if lines.last().unwrap()["end"]["why"] == "idle" {
                break;
            }
        }
        assert!(rounds > 10, "{rounds}");
        assert_eq!(copy.objects["Typed"].len(), 50);
        assert_eq!(copy.objects["Own"].len(), 1);
    });
}

#[test]
fn what_changes_between_two_pages_is_not_lost() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let text = "x".repeat(9_000);
        feed(
            &world,
            "Typed",
            "u1",
            json!({"a": {"n": text, "m": "1"}, "b": {"n": text}, "c": {"n": text}}),
        )
        .await;
        let mut copy = Copy::of(&["Typed"]);
        let lines = ask(&world.engine, &device, &copy.cursors, Some(1))
            .await
            .unwrap();
        lines.iter().for_each(|line| copy.apply(line));
        assert_eq!(copy.objects["Typed"].len(), 1);
        // The first goes that it has, and one that it has not; the other gets an attribute.
        let gone = vec!["a".to_owned(), "b".to_owned()];
        world
            .engine
            .feed_deletes("Typed", "u1", gone)
            .await
            .unwrap();
        feed(&world, "Typed", "u1", json!({"c": {"n": text, "k": "2"}})).await;
        sync(&world, &device, &mut copy).await;
        let c = BTreeMap::from([("n".to_owned(), json!(text)), ("k".to_owned(), json!("2"))]);
        assert_eq!(copy.objects["Typed"], BTreeMap::from([("c".to_owned(), c)]));
    });
}

#[test]
fn values_are_what_the_schema_says_and_it_is_told_with_the_first_page() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        feed(&world, "Typed", "u1", json!({"1": {"price": 12.5, "sold": true, "name": 7}, "2": {"price": "12.50", "sold": ""}})).await;
        let mut copy = Copy::of(&["Typed"]);
        let lines = sync(&world, &device, &mut copy).await;
        assert_eq!(
            lines[0]["objects"]["1"],
            json!({"price": 12.5, "sold": true, "name": "7"})
        );
        assert_eq!(
            lines[0]["objects"]["2"],
            json!({"price": "12.50", "sold": null})
        );
        assert_eq!(lines[0]["schema"]["property"]["price"], "float");
        assert_eq!(lines[0]["metadata"], "{\"a\":1}");
        feed(
            &world,
            "Typed",
            "u1",
            json!({"1": {"price": 13, "sold": true, "name": 7}}),
        )
        .await;
        let lines = sync(&world, &device, &mut copy).await;
        assert_eq!(lines[0]["objects"], json!({"1": {"price": 13}}));
        assert!(lines[0].get("schema").is_none(), "{lines:?}");

        let other = SOURCES.replace("version = \"1\"", "version = \"2\"");
        let later = world.another(Some(&other), 3).await;
        let lines = sync_with(&later, &device, &mut copy).await;
        assert_eq!(
            lines[0],
            json!({"source": "Typed", "reset": "schema", "cursor": null})
        );
        assert_eq!(lines[1]["schema"]["version"], "2");
        assert_eq!(copy.objects["Typed"].len(), 2);
        let lines = sync_with(&later, &device, &mut copy).await;
        assert!(lines[0].get("reset").is_none(), "{lines:?}");
    });
}

#[test]
fn what_a_device_was_sent_is_known_at_once_and_what_it_has_with_the_next_news() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let mut copy = Copy::of(&["Typed"]);
        let stands = async || {
            world.engine.metrics().flush().await;
            let client = device.client().as_str();
            let sources = world.engine.client_sources(client).await.unwrap();
            let source = &sources[0];
            (source.latest - source.version, source.behind, source.unsent)
        };
        feed(&world, "Typed", "u1", json!({"a": {"n": "1"}})).await;
        sync(&world, &device, &mut copy).await;
        let (_, behind, unsent) = stands().await;
        assert_eq!((behind, unsent), (1, 0), "nobody knows whether it arrived");
        a_moment(&world);
        feed(&world, "Typed", "u1", json!({"b": {"n": "1"}})).await;
        let (_, behind, unsent) = stands().await;
        assert_eq!((behind, unsent), (2, 1));
        sync(&world, &device, &mut copy).await;
        assert_eq!(stands().await, (1, 1, 0));
        // An answer that was lost is sent again, and what is known stays.
        let mut lost = copy.clone();
        a_moment(&world);
        feed(&world, "Typed", "u1", json!({"c": {"n": "1"}})).await;
        sync(&world, &device, &mut lost).await;
        assert_eq!(stands().await, (1, 1, 0));
        sync(&world, &device, &mut copy).await;
        assert_eq!(stands().await, (1, 1, 0));
        // One that is to start over keeps that, whatever was noted of it before.
        let client = device.client().as_str();
        world.engine.restart_client(client, "Typed").await.unwrap();
        assert_eq!(stands().await.1, 3);
    });
}

#[test]
fn what_a_device_got_stands_in_its_timeline() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let mut copy = Copy::of(&["Typed"]);
        feed(
            &world,
            "Typed",
            "u1",
            json!({"a": {"n": "1"}, "b": {"n": "1"}}),
        )
        .await;
        sync(&world, &device, &mut copy).await;
        // Nothing new is no event.
        sync(&world, &device, &mut copy).await;
        a_moment(&world);
        let gone = vec!["a".to_owned()];
        world
            .engine
            .feed_deletes("Typed", "u1", gone)
            .await
            .unwrap();
        sync(&world, &device, &mut copy).await;
        copy.cursors
            .insert("Typed".to_owned(), Some("no cursor".to_owned()));
        sync(&world, &device, &mut copy).await;
        world.engine.metrics().flush().await;
        let client = device.client().as_str();
        let events = world.engine.client_events(client, 0, 10).await.unwrap();
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.kind.as_str(), event.source.as_deref(), event.received))
            .collect();
        let source = Some("Typed");
        assert_eq!(
            told[..4],
            [
                ("pull", source, 1),
                ("reset", source, 0),
                ("pull", source, 1),
                ("pull", source, 2)
            ]
        );
    });
}

#[test]
fn what_is_wrong_with_the_back_end_is_told_with_what_is_there() {
    local(async {
        let world = start().await;
        world.back_end.put("1", &[("n", "x")]);
        let device = device(&world, "u1").await;
        let mut copy = Copy::of(&["Shared"]);
        sync(&world, &device, &mut copy).await;
        a_moment(&world);
        world.back_end.fail([test_support::Fault::Unreachable]);
        let lines = sync(&world, &device, &mut copy).await;
        assert_eq!(lines[0]["error"]["code"], "query-error");
        assert_eq!(lines[0]["check"]["count"], 1);
    });
}

#[test]
fn who_waits_hears_of_a_change_of_its_own_copies_and_of_nothing_else() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let mut copy = Copy::of(&["Own", "Typed"]);
        sync(&world, &device, &mut copy).await;
        let monotonic = || world.engine.ports().clock.monotonic();
        let wait = async || {
            let began = monotonic();
            let have = &copy.cursors;
            let limit = Duration::from_secs(60);
            let none = BTreeMap::new();
            let waited = world
                .engine
                .wait_for_news(&device, have, &none, limit)
                .await;
            waited.unwrap();
            monotonic() - began
        };
        // Nothing is new; no more than 25 seconds are waited.
        feed(&world, "Own", "u2", json!({"a": {"n": "1"}})).await;
        assert_eq!(wait().await, Duration::from_secs(25));
        // The test's clock goes on as fast as somebody waits, so the change is there before the next look.
        let change = feed(&world, "Own", "u1", json!({"a": {"n": "1"}}));
        let (waited, ()) = futures_util::join!(wait(), change);
        assert!(waited < Duration::from_secs(25), "{waited:?}");
        // What has changed before is news at once.
        assert_eq!(wait().await, Duration::ZERO);
    });
}
