//! `/sync/v1`: what becomes of the changes that devices send.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

mod settled;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::{DeviceSession, Engine, NewsRequest, Ports, SentChanges, SyncError};
use sync_jobs::JobState;
use test_support::{Fault, TestPorts, World, local};

use crate::background::jobs;
use crate::device_sync::{Copy, a_moment, device, sync};

type Verdicts = Vec<Value>;

async fn begin<P: Ports>(
    engine: &Engine<P>,
    device: &DeviceSession,
    body: Value,
) -> Result<sync_core::TakenChanges, SyncError> {
    let request: sync_proto::sync::SyncRequest = serde_json::from_value(body).unwrap();
    let sent = SentChanges {
        changes: request.changes,
        pending: request.pending,
        settled: request.settled,
        have: &request.have,
        parameters: &request.parameters,
        base_url: "https://sync.example",
        trace: None,
    };
    engine.take_device_changes(device, sent).await
}

/// A request of a device as it is answered.
pub(crate) async fn answered<P: Ports>(
    engine: &Engine<P>,
    device: &DeviceSession,
    have: &BTreeMap<String, Option<String>>,
    body: Value,
) -> Result<Vec<Value>, SyncError> {
    let parameters = body.get("parameters").cloned();
    let parameters =
        parameters.map_or_else(BTreeMap::new, |it| serde_json::from_value(it).unwrap());
    let mut taken = begin(engine, device, body).await?;
    let mut done = Vec::new();
    for accepted in std::mem::take(&mut taken.accepted) {
        done.extend(engine.carry_to_end(accepted).await?);
    }
    let news = NewsRequest {
        have,
        parameters: &parameters,
        max_bytes: None,
        images: &[],
        trace: None,
    };
    let lines = engine.answer_device(device, taken, &done, news).await?;
    let lines = lines.iter().map(|line| serde_json::to_value(line).unwrap());
    Ok(lines.collect())
}

async fn try_send(
    engine: &Engine<TestPorts>,
    device: &DeviceSession,
    body: Value,
) -> Result<Verdicts, SyncError> {
    let lines = answered(engine, device, &BTreeMap::new(), body).await?;
    let verdict = |line: Value| line.get("verdict").cloned();
    Ok(lines.into_iter().filter_map(verdict).collect())
}

pub(crate) async fn send(world: &World, device: &DeviceSession, changes: Value) -> Verdicts {
    try_send(&world.engine, device, json!({"changes": changes}))
        .await
        .unwrap()
}

pub(crate) async fn ask_after(world: &World, device: &DeviceSession, ids: &[&str]) -> Verdicts {
    let body = json!({"pending": {"Shared": ids}});
    try_send(&world.engine, device, body).await.unwrap()
}

pub(crate) fn create(id: &str, object: &str) -> Value {
    json!({"id": id, "source": "Shared", "op": "create", "object": object, "set": {"name": object}})
}

pub(crate) fn update(id: &str, object: &str, set: Value) -> Value {
    json!({"id": id, "source": "Shared", "op": "update", "object": object, "set": set})
}

#[test]
fn each_change_has_a_verdict_in_the_same_answer_and_comes_back_as_news() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "a"), ("note", "x")]);
        world.back_end.put("2", &[("name", "b")]);
        let device = device(&world, "u1").await;
        let mut copy = Copy::of(&["Shared"]);
        sync(&world, &device, &mut copy).await;
        let delete = json!({"id": "c3", "source": "Shared", "op": "delete", "object": "2"});
        let change = json!({"id": "c2", "source": "Shared", "op": "update", "object": "1", "set": {"name": 7}, "unset": ["note"]});
        let told = send(
            &world,
            &device,
            json!([create("c1", "mine"), change, delete]),
        )
        .await;
        assert_eq!(
            told,
            [
                json!({"id": "c1", "status": "applied", "object": "b1"}),
                json!({"id": "c2", "status": "applied", "object": "1"}),
                json!({"id": "c3", "status": "applied", "object": "2"}),
            ]
        );
        assert_eq!(world.back_end.get("1").unwrap()["name"], "7");
        assert_eq!(world.back_end.get("2"), None);
        a_moment(&world);
        sync(&world, &device, &mut copy).await;
        let ids: Vec<_> = copy.objects["Shared"].keys().collect();
        assert_eq!(ids, ["1", "b1"]);
        assert_eq!(copy.objects["Shared"]["b1"]["name"], "mine");
    });
}

#[test]
fn the_same_change_has_the_same_verdict_however_often_it_is_sent() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let first = send(&world, &device, json!([create("c1", "mine")])).await;
        let writes = world.back_end.writes();
        let other = world.another(None, 2).await;
        let body = json!({"changes": [create("c1", "mine"), create("c1", "mine")]});
        let again = try_send(&other, &device, body).await.unwrap();
        assert_eq!(again, [first[0].clone(), first[0].clone()]);
        // Also after somebody else has changed the object.
        world.back_end.remove("b1");
        sync(&world, &device, &mut Copy::of(&["Shared"])).await;
        assert_eq!(
            send(&world, &device, json!([create("c1", "mine")])).await,
            first
        );
        assert_eq!(ask_after(&world, &device, &["c1"]).await, first);
        assert_eq!(world.back_end.writes(), writes);
    });
}

#[test]
fn a_name_is_good_for_one_change_and_an_object_is_made_once() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        send(&world, &device, json!([create("c1", "mine")])).await;
        let writes = world.back_end.writes();
        let told = send(
            &world,
            &device,
            json!([
                update("c1", "mine", json!({"name": "other"})),
                create("c2", "mine"),
                {"id": "c3", "source": "Nowhere", "op": "delete", "object": "1"},
                update("c4", "a\u{1}", json!({"name": "x"})),
                update("c5", "mine", json!({"name": "x".repeat(600_000)})),
            ]),
        )
        .await;
        let codes: BTreeMap<_, _> = told
            .iter()
            .map(|told| (told["id"].as_str().unwrap(), told["code"].as_str().unwrap()))
            .collect();
        let expected = [
            ("c1", "change_id_reused"),
            ("c2", "object_id_taken"),
            ("c3", "unknown_source"),
            ("c4", "invalid_value"),
            ("c5", "invalid_value"),
        ];
        assert_eq!(codes, BTreeMap::from(expected));
        assert!(told.iter().all(|told| told["status"] == "refused"));
        assert_eq!(world.back_end.writes(), writes);
        for wrong in ["", "a b", &"x".repeat(65), "ż"] {
            let body = json!({"changes": [create(wrong, "m")]});
            let refused = try_send(&world.engine, &device, body).await;
            assert_eq!(refused, Err(SyncError::InvalidChangeName), "{wrong}");
        }
        let many: Vec<_> = (0..10_001).map(|n| create(&format!("n{n}"), "m")).collect();
        let refused = try_send(&world.engine, &device, json!({"changes": many})).await;
        assert!(matches!(refused, Err(SyncError::TooManyChanges { .. })));
    });
}

#[test]
fn what_the_back_end_refuses_is_told_with_the_object_as_it_is() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "a")]);
        let device = device(&world, "u1").await;
        sync(&world, &device, &mut Copy::of(&["Shared"])).await;
        world.back_end.fail([Fault::Rejected, Fault::Rejected]);
        let told = send(
            &world,
            &device,
            json!([
                update("c1", "1", json!({"name": "b"})),
                create("c2", "mine")
            ]),
        )
        .await;
        for (told, object, current) in [
            (&told[0], "1", json!({"name": "a"})),
            (&told[1], "mine", Value::Null),
        ] {
            assert_eq!(told["status"], "refused");
            assert_eq!(told["code"], "refused");
            assert_eq!(
                (&told["object"], &told["current"]),
                (&json!(object), &current)
            );
            assert!(told["message"].is_string());
        }
        assert_eq!(ask_after(&world, &device, &["c1", "c2"]).await, told);
    });
}

#[test]
fn what_waits_is_accepted_and_has_its_verdict_later() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        world.back_end.fail([Fault::Unreachable; 3]);
        let told = send(
            &world,
            &device,
            json!([
                create("c1", "mine"),
                update("c2", "mine", json!({"price": "1"}))
            ]),
        )
        .await;
        let accepted = ["c1", "c2"].map(|id| json!({"id": id, "status": "accepted"}));
        assert_eq!(told, accepted);
        assert_eq!(
            send(&world, &device, json!([create("c1", "mine")])).await[0],
            accepted[0]
        );
        let clock = &world.engine.ports().clock;
        for _ in 0..10 {
            clock.advance(std::time::Duration::from_secs(60));
            world.work().await;
        }
        let told = ask_after(&world, &device, &["c1", "c2", "never"]).await;
        // What was done by the device's own id is known by the back end's.
        assert_eq!(
            told[0],
            json!({"id": "c1", "status": "applied", "object": "b1"})
        );
        assert_eq!(
            told[1],
            json!({"id": "c2", "status": "applied", "object": "b1"})
        );
        assert_eq!(told[2]["code"], "unknown_change");
        assert_eq!(world.back_end.get("b1").unwrap()["price"], "1");
        assert_eq!(world.back_end.objects().len(), 1);
    });
}

#[test]
fn a_conflict_says_what_stays_as_others_have_set_it() {
    local(async {
        for (rule, status) in [
            ("field-merge", "conflict"),
            ("server-wins", "conflict"),
            ("client-wins", "applied"),
        ] {
            let mut world = World::start().await;
            let settings = format!(
                "[sources.Shared]\nadapter = \"rust\"\nrust = \"back-end\"\npartition = \"app\"\npoll_interval = 0\nconflicts = \"{rule}\""
            );
            world.engine = world.another(Some(&settings), 2).await;
            world.back_end.put("1", &[("name", "a"), ("price", "1")]);
            let (mine, theirs) = (device(&world, "u1").await, device(&world, "u2").await);
            let mut copy = Copy::of(&["Shared"]);
            sync(&world, &mine, &mut copy).await;
            let base = copy.cursors["Shared"].clone();
            let mut other = Copy::of(&["Shared"]);
            sync(&world, &theirs, &mut other).await;
            let mut change = update("t1", "1", json!({"name": "theirs"}));
            change["base"] = json!(other.cursors["Shared"]);
            assert_eq!(
                send(&world, &theirs, json!([change])).await[0]["status"],
                "applied"
            );
            // It was made before the device saw that, and is sent after.
            a_moment(&world);
            sync(&world, &mine, &mut copy).await;
            world.back_end.set_update_message("delivered on Monday");
            let mut change = update("c1", "1", json!({"name": "mine", "price": "9"}));
            change["base"] = json!(base);
            let body = json!({"have": copy.cursors, "changes": [change]});
            let told = try_send(&world.engine, &mine, body.clone()).await.unwrap();
            assert_eq!(told[0]["status"], status, "{rule}: {told:?}");
            let again = try_send(&world.engine, &mine, body).await.unwrap();
            assert_eq!(again, told, "the same change has the same verdict");
            let object = world.back_end.get("1").unwrap();
            match rule {
                "field-merge" => {
                    assert_eq!(told[0]["kept"], json!(["name"]));
                    // It has no code: the rest was done, and this is what the back end says of it.
                    assert_eq!(told[0].get("code"), None);
                    assert_eq!(told[0]["message"], "delivered on Monday");
                    assert_eq!(told[0]["current"], json!({"name": "theirs", "price": "9"}));
                    assert_eq!(
                        (object["name"].as_str(), object["price"].as_str()),
                        ("theirs", "9")
                    );
                }
                "server-wins" => {
                    assert_eq!(told[0]["code"], "conflict");
                    assert_eq!(told[0]["current"]["name"], "theirs");
                    assert_eq!(object["price"], "1");
                }
                _ => assert_eq!(object["name"], "mine"),
            }
        }
    });
}

#[test]
fn a_device_without_a_place_gets_one_and_another_users_changes_are_its_own() {
    local(async {
        let world = World::start().await;
        let (first, second) = (device(&world, "u1").await, device(&world, "u2").await);
        // Nothing was synced yet.
        let told = send(&world, &first, json!([create("c1", "mine")])).await;
        assert_eq!(told[0]["object"], "b1");
        // The same names of another device are other changes.
        let told = send(&world, &second, json!([create("c1", "mine")])).await;
        assert_eq!(told[0]["object"], "b2");
        world
            .engine
            .delete_client(None, second.client().as_str())
            .await
            .unwrap();
        let body = json!({"changes": [create("c2", "more")]});
        let refused = try_send(&world.engine, &second, body).await;
        assert!(matches!(refused, Err(SyncError::Account(_))));
        assert_eq!(world.back_end.objects().len(), 2);
    });
}

#[test]
fn a_change_whose_answer_was_lost_is_done_once_though_the_store_went_back() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        sync(&world, &device, &mut Copy::of(&["Shared"])).await;
        let backup = world.backup().await;
        let first = send(&world, &device, json!([create("c1", "mine")])).await;
        world.restore(&backup).await;
        let again = send(&world, &device, json!([create("c1", "mine")])).await;
        assert_eq!(again, first, "the back end knows it by its name");
        assert_eq!(world.back_end.objects().len(), 1);
    });
}

#[test]
fn the_sum_of_a_document_is_that_of_its_objects_whatever_happens() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let mut copy = Copy::of(&["Shared"]);
        for (number, change) in [
            create("c1", "a"),
            create("c2", "b"),
            update("c3", "b1", json!({"name": "x", "other": "ż"})),
            json!({"id": "c4", "source": "Shared", "op": "delete", "object": "b2"}),
            create("c5", "a2"),
        ]
        .into_iter()
        .enumerate()
        {
            send(&world, &device, json!([change])).await;
            world.back_end.put(
                &number.to_string(),
                &[("n", "1"), ("m", &"y".repeat(number))],
            );
            a_moment(&world);
            let lines = sync(&world, &device, &mut copy).await;
            let sum = copy.sum("Shared");
            assert_eq!(
                lines[lines.len() - 2]["check"]["sum"],
                sum,
                "after {number}"
            );
        }
        // A document that is built anew has the same.
        let another = World::start().await;
        for (id, attributes) in world.back_end.objects() {
            another.back_end.set(id.as_str(), attributes);
        }
        let device = self::device(&another, "u1").await;
        let mut anew = Copy::of(&["Shared"]);
        sync(&another, &device, &mut anew).await;
        assert_eq!(anew.sum("Shared"), copy.sum("Shared"));
    });
}

#[test]
fn a_create_its_verdict_and_its_news_are_three_round_trips() {
    local(async {
        let mut world = World::start().await;
        let settings = "[sources.Shared]\nadapter = \"rust\"\nrust = \"back-end\"\npartition = \"app\"\npoll_interval = 3600";
        world.engine = world.another(Some(settings), 2).await;
        let device = device(&world, "u1").await;
        let mut copy = Copy::of(&["Shared"]);
        sync(&world, &device, &mut copy).await;
        // The store knows the scripts then, and the instance what it reads once a second.
        for number in 0..3 {
            let id = format!("c{number}");
            let body = json!({"have": copy.cursors, "changes": [create(&id, &id)]});
            let work = answered(&world.engine, &device, &copy.cursors, body);
            let (lines, trips) = world.engine.ports().redis.in_round_trips(work).await;
            let lines = lines.unwrap();
            assert_eq!(lines[0]["verdict"]["status"], "applied");
            let object = lines[0]["verdict"]["object"].as_str().unwrap();
            assert_eq!(lines[1]["objects"][object]["name"], *id);
            lines.iter().for_each(|line| copy.apply(line));
            assert!(number == 0 || trips <= 3, "{trips} round trips");
        }
        let left = jobs(&world.engine, JobState::Delayed).await;
        assert!(left.is_empty(), "{left:?}");
    });
}
