//! Sources whose calls are jobs.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use sync_core::{Deliver, Engine, SendChanges};
use sync_jobs::{JobDetails, JobState, Jobs, QueueName};
pub(crate) use test_support::work;
use test_support::{Fault, TestPorts, World, local};

const SETTINGS: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = -1
    cud_queue = "adapter"
"#;

/// A source whose queries are jobs too.
const QUERIED_BY_JOBS: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 60
    query_queue = "adapter"
"#;

pub(crate) async fn jobs(engine: &Engine<TestPorts>, state: JobState) -> Vec<JobDetails> {
    let queue = QueueName::parse("adapter").unwrap();
    let jobs = Jobs::new(&engine.ports().redis);
    jobs.list(&queue, state, 0, 100).await.unwrap()
}

#[test]
fn what_a_back_end_did_not_take_is_kept_as_a_dead_job_and_can_be_delivered_later() {
    local(async {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        world.back_end.fail([Fault::Unreachable; 400]);
        let changes = json!({"create": {"t1": {"name": "new"}}});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        for _ in 0..100 {
            work(&world.engine).await;
            world.engine.ports().clock.advance(Duration::from_secs(600));
        }
        let told = world.sync(&session, &client, "Shared").await;
        assert!(told[0]["create-error"]["t1-error"].is_object(), "{told:?}");
        let dead = jobs(&world.engine, JobState::Dead).await;
        assert_eq!(dead.len(), 1, "{dead:?}");
        assert_eq!(dead[0].name, Deliver::NAME);
        assert!(world.back_end.objects().is_empty());

        world.back_end.heal();
        let ports = world.engine.ports();
        let queue = Jobs::new(&ports.redis);
        queue.retry(&dead[0].id, None).await.unwrap().unwrap();
        work(&world.engine).await;
        assert_eq!(world.back_end.objects().len(), 1);
        assert!(jobs(&world.engine, JobState::Dead).await.is_empty());
        let news = world.sync(&session, &client, "Shared").await;
        assert_eq!(news[0]["insert"]["b1"]["name"], "new", "{news:?}");
    });
}

#[test]
fn a_kept_change_that_people_have_corrected_is_another_to_the_back_end() {
    local(async {
        // It was done long ago, which only the back end knows: tried again as it is, it is not done twice.
        for (name, objects) in [("wrong", 1), ("right", 2)] {
            let mut world = World::start().await;
            world.engine = world.another(Some(SETTINGS), 2).await;
            let session = world.sign_in("u1").await;
            let client = world.client(&session).await;
            world.back_end.fail([Fault::LostAnswer; 400]);
            let changes = json!({"create": {"t1": {"name": "wrong"}}});
            let pushed = world.push(&session, &client, "Shared", changes);
            pushed.await.unwrap();
            for _ in 0..100 {
                work(&world.engine).await;
                world.engine.ports().clock.advance(Duration::from_secs(600));
            }
            world.back_end.heal();
            let dead = jobs(&world.engine, JobState::Dead).await;
            let payload = dead[0].payload.replace("wrong", name);
            let queue = Jobs::new(&world.engine.ports().redis);
            let retried = queue.retry(&dead[0].id, Some(&payload)).await;
            retried.unwrap().unwrap();
            work(&world.engine).await;
            assert_eq!(world.back_end.objects().len(), objects, "{name}");
        }
    });
}

#[test]
fn a_crash_between_taking_changes_in_and_asking_for_the_job_leaves_one_that_comes_later() {
    use test_support::Break;
    local(async {
        // Wherever the server dies: what it has taken in is carried to the back end.
        let mut died = 0;
        for (command, at) in
            (1..40).flat_map(|command| [(command, Break::Before), (command, Break::After)])
        {
            let mut world = World::start().await;
            world.engine = world.another(Some(SETTINGS), 2).await;
            let session = world.sign_in("u1").await;
            let client = world.client(&session).await;
            world.sync(&session, &client, "Shared").await;
            let redis = &world.engine.ports().redis;
            redis.break_at(command, at);
            let changes = json!({"create": {"t1": {"name": "new"}}});
            let pushed = world
                .push(&session, &client, "Shared", changes.clone())
                .await;
            let has_died = redis.mend();
            assert_eq!(has_died, pushed.is_err(), "{pushed:?}");
            if !has_died {
                break;
            }
            died += 1;
            let waits = world.engine.client_state(client.as_str(), "Shared").await;
            let taken_in = waits.unwrap().is_some_and(|state| state.waiting > 0);
            for _ in 0..3 {
                world.engine.ports().clock.advance(Duration::from_secs(120));
                world.engine.sweeper().sweep().await.unwrap();
                work(&world.engine).await;
            }
            let done = !world.back_end.objects().is_empty();
            assert_eq!(done, taken_in, "died {at:?} command {command}");
        }
        assert!(died >= 6, "only {died} crashes fell into the push");
    });
}

#[test]
fn a_job_of_a_source_that_is_gone_is_dead_at_once() {
    local(async {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        let changes = json!({"create": {"t1": {"name": "new"}}});
        world
            .push(&session, &client, "Shared", changes)
            .await
            .unwrap();
        // Before a worker comes to it, somebody takes the source out of the settings.
        world.engine = world
            .another(Some("[sources.Other]\nadapter = \"push-only\""), 3)
            .await;
        work(&world.engine).await;
        let dead = jobs(&world.engine, JobState::Dead).await;
        assert_eq!(dead.len(), 1, "{dead:?}");
        assert_eq!(
            (dead[0].name.as_str(), dead[0].attempts),
            (SendChanges::NAME, 1)
        );
        let reason = dead[0].reason.as_deref();
        assert_eq!(reason, Some("there is no source \"Shared\""));
    });
}

#[test]
fn a_query_that_takes_longer_than_a_job_may_is_cut_into_steps() {
    local(async {
        let mut world = World::start().await;
        world.engine = world.another(Some(QUERIED_BY_JOBS), 2).await;
        for id in ["1", "2", "3", "4"] {
            world.back_end.put(id, &[("n", "x")]);
        }
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        work(&world.engine).await;
        let told = world.sync(&session, &client, "Shared").await;
        assert_eq!(told[0]["insert"].as_object().unwrap().len(), 4);
        // Two parts take longer than a job asks at a stretch.
        world.back_end.answer_in_parts(1);
        world.back_end.go_on();
        let (world, parts) = (Rc::new(world), Rc::new(Cell::new(0)));
        let (slow, counted) = (Rc::downgrade(&world), Rc::clone(&parts));
        world.back_end.before_part(move || {
            counted.set(counted.get() + 1);
            let world = slow.upgrade().unwrap();
            world.engine.ports().clock.advance(Duration::from_secs(130));
        });
        world.back_end.remove("4");
        world.back_end.put("1", &[("n", "y")]);
        let queries = world.back_end.queries();
        let clock = &world.engine.ports().clock;
        clock.advance(Duration::from_secs(61));
        world.sync(&session, &client, "Shared").await;
        work(&world.engine).await;
        work(&world.engine).await;
        assert_eq!(parts.get(), 3, "none was handed over twice");
        assert_eq!(world.back_end.queries() - queries, 2, "each at a stretch");
        assert!(jobs(&world.engine, JobState::Dead).await.is_empty());
        let told = world.sync(&session, &client, "Shared").await;
        let news = json!({"insert": {"1": {"n": "y"}}, "delete": {"4": {"n": ""}}});
        assert_eq!(told[0], news);
    });
}
