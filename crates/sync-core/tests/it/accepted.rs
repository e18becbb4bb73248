//! What was accepted is carried out, once, in order, whatever becomes of the device, the server and the store.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::time::Duration;

use serde_json::json;
use sync_core::Engine;
use sync_jobs::JobState;
use sync_proto::DeviceDescription;
use test_support::{Break, Fault, TestPorts, World, local};

use crate::background::{jobs, work};

/// A source as most are: no queue, and the back end is not asked with every sync.
const SETTINGS: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = -1
"#;

async fn start() -> World {
    let mut world = World::start().await;
    world.engine = world.another(Some(SETTINGS), 2).await;
    world
}

/// What workers do while no device asks: some minutes pass.
async fn later(engine: &Engine<TestPorts>) {
    for _ in 0..5 {
        engine.ports().clock.advance(Duration::from_secs(120));
        engine.sweeper().sweep().await.unwrap();
        work(engine).await;
    }
}

#[test]
fn a_change_that_was_put_off_is_carried_out_though_its_device_never_comes_back() {
    local(async {
        let world = start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.fail([Fault::Unreachable; 5]);
        let changes = json!({"create": {"t1": {"name": "new"}}});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        assert!(world.back_end.objects().is_empty(), "it was put off");
        later(&world.engine).await;
        assert_eq!(world.back_end.objects().len(), 1);
        assert_eq!(jobs(&world.engine, JobState::Delayed).await.len(), 0);
    });
}

#[test]
fn a_change_that_a_host_whose_clock_is_ahead_has_put_off_is_tried_again_as_soon_as_any_other() {
    local(async {
        let mut world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        let ahead = world
            .another_ahead(None, 2, Duration::from_secs(3_600))
            .await;
        let engine = std::mem::replace(&mut world.engine, ahead);
        // It leaves the back end alone then, and the others do.
        world.back_end.fail([Fault::Unreachable; 5]);
        let changes = json!({"create": {"t1": {"name": "new"}}});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        assert!(world.back_end.objects().is_empty(), "it was put off");
        later(&engine).await;
        assert_eq!(world.back_end.objects().len(), 1);
    });
}

#[test]
fn a_change_that_is_done_leaves_no_job_behind() {
    local(async {
        let world = start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let changes = json!({"create": {"t1": {"name": "new"}}});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        for state in [JobState::Delayed, JobState::Ready, JobState::Done] {
            assert_eq!(jobs(&world.engine, state).await.len(), 0, "{state:?}");
        }
    });
}

#[test]
fn what_is_given_up_is_kept_as_a_dead_job() {
    local(async {
        let world = start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.back_end.fail([Fault::Unreachable; 500]);
        let changes = json!({"create": {"t1": {"name": "new"}}});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        for _ in 0..10 {
            later(&world.engine).await;
        }
        assert_eq!(jobs(&world.engine, JobState::Dead).await.len(), 1);
        let told = world.sync(&session, &client, "Shared").await;
        assert!(told[0]["create-error"]["t1-error"].is_object(), "{told:?}");
    });
}

#[test]
fn wherever_the_server_dies_what_it_has_taken_in_is_carried_out_once() {
    local(async {
        let mut died = 0;
        for (command, at) in
            (1..60).flat_map(|command| [(command, Break::Before), (command, Break::After)])
        {
            let world = start().await;
            let session = world.sign_in("u1").await;
            let client = world.client(&session).await;
            world.sync(&session, &client, "Shared").await;
            let redis = &world.engine.ports().redis;
            redis.break_at(command, at);
            let changes = json!({"create": {"t1": {"name": "new"}}});
            let pushed = world.push(&session, &client, "Shared", changes).await;
            let has_died = redis.mend();
            assert_eq!(has_died, pushed.is_err(), "{pushed:?}");
            if !has_died {
                break;
            }
            died += 1;
            let state = world.engine.client_state(client.as_str(), "Shared").await;
            let taken_in = state.unwrap().is_some_and(|state| state.waiting > 0);
            let written = world.back_end.objects().len();
            world.drop_operations_lease("Shared", &client).await;
            later(&world.engine).await;
            let done = world.back_end.objects().len();
            let wanted = written.max(usize::from(taken_in));
            assert_eq!(done, wanted, "died {at:?} command {command}");
        }
        assert!(died >= 6, "only {died} crashes fell into the push");
    });
}

#[test]
fn an_older_value_does_not_overtake_a_newer_one_whichever_id_the_device_used() {
    local(async {
        let world = start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let push = async |changes| {
            world
                .push(&session, &client, "Shared", changes)
                .await
                .unwrap()
        };
        push(json!({"create": {"t1": {"name": "first"}}})).await;
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0]["links"]["t1"]["l"], "b1", "{told:?}");
        for [older, newer] in [["t1", "b1"], ["b1", "t1"]] {
            world.back_end.fail([Fault::Unreachable; 3]);
            push(json!({"update": {older: {"name": "old"}}})).await;
            world.back_end.heal();
            push(json!({"update": {newer: {"name": "new"}}})).await;
            later(&world.engine).await;
            let name = world.back_end.get("b1").unwrap()["name"].clone();
            assert_eq!(name, "new", "{older} before {newer}");
        }
    });
}

#[test]
fn a_change_is_told_to_its_device_if_that_was_given_its_own_former_value_meanwhile() {
    local(async {
        let world = start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let push = async |changes| {
            let push = world.push(&session, &client, "Shared", changes);
            push.await.unwrap();
        };
        push(json!({"create": {"t1": {"name": "first"}}})).await;
        world.sync(&session, &client, "Shared").await;
        // It starts over: what it has made itself comes to it like everything.
        let engine = &world.engine;
        let reset = engine.reset_client(&session, client.as_str(), None);
        reset.await.unwrap();
        let lost = world.pull(&session, &client, "Shared", "").await.unwrap();
        let former = json!({"insert": {"b1": {"name": "first"}}});
        assert_eq!(lost[5], former);
        world.back_end.fail([Fault::Unreachable; 3]);
        push(json!({"update": {"b1": {"name": "second"}}})).await;
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0], former, "{told:?}");
        world.back_end.heal();
        later(engine).await;
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0]["insert"]["b1"]["name"], "second", "{told:?}");
        // The same with a deletion.
        let reset = engine.reset_client(&session, client.as_str(), None);
        reset.await.unwrap();
        world.back_end.fail([Fault::Unreachable; 3]);
        push(json!({"delete": {"b1": {}}})).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.heal();
        later(engine).await;
        let told = world.sync(&session, &client, "Shared").await;
        assert!(told[0]["delete"]["b1"].is_object(), "{told:?}");
    });
}

#[test]
fn what_a_device_sent_before_it_changed_hands_ends_under_the_user_who_sent_it() {
    local(async {
        let world = start().await;
        let anna = world.sign_in("anna").await;
        let phone = world.client(&anna).await;
        world.sync(&anna, &phone, "Shared").await;
        world.back_end.fail([Fault::Unreachable; 3]);
        let changes = json!({"create": {"t1": {"name": "of anna"}}});
        world.push(&anna, &phone, "Shared", changes).await.unwrap();

        let bert = world.sign_in("bert").await;
        let device = DeviceDescription::default();
        let engine = &world.engine;
        let registered = engine.register_client(&bert, phone.as_str(), &device);
        registered.await.unwrap();
        world.sync(&bert, &phone, "Shared").await;
        later(engine).await;
        assert_eq!(world.back_end.objects().len(), 1);
        assert_eq!(jobs(engine, JobState::Delayed).await.len(), 0);
        let told = world.sync(&bert, &phone, "Shared").await;
        assert_eq!(told[0]["insert"]["b1"]["name"], "of anna", "{told:?}");
        assert_eq!(told[0].get("links"), None, "{told:?}");
    });
}

#[test]
fn a_store_that_begins_anew_does_not_repeat_the_keys_of_the_old_one() {
    local(async {
        let world = start().await;
        world.back_end.put("1", &[("name", "a")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        let update = |name: &str| json!({"update": {"1": {"name": name}}});
        let pushed = world.push(&session, &client, "Shared", update("b")).await;
        pushed.unwrap();

        world.flush().await;
        let session = world.sign_in("u1").await;
        let engine = &world.engine;
        let device = DeviceDescription::default();
        let registered = engine.register_client(&session, client.as_str(), &device);
        registered.await.unwrap();
        world.sync(&session, &client, "Shared").await;
        let pushed = world.push(&session, &client, "Shared", update("c")).await;
        pushed.unwrap();
        assert_eq!(world.back_end.get("1").unwrap()["name"], "c");
    });
}

#[test]
fn large_changes_that_wait_are_read_a_few_at_a_time_and_carried_out_in_order() {
    local(async {
        let world = start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.fail([Fault::Unreachable; 50]);
        let create: serde_json::Map<_, _> = (0..5)
            .map(|number| {
                let object = json!({"name": format!("made {number}"), "text": "x".repeat(500_000)});
                (format!("t{number}"), object)
            })
            .collect();
        let changes = json!({"create": create});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        assert!(world.back_end.objects().is_empty(), "all were put off");
        world.back_end.heal();
        later(&world.engine).await;
        let made = world.back_end.objects();
        let names: Vec<_> = made
            .values()
            .map(|object| object["name"].as_str())
            .collect();
        assert_eq!(names, ["made 0", "made 1", "made 2", "made 3", "made 4"]);
    });
}
