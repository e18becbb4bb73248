//! What users and administrators do about changes that were refused or given up, at the same time.

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{ChangeOutcome, ChangeQuery, DeviceSession, Expected, SyncError};
use sync_jobs::{Claim, Failure, Jobs, JobsSettings, Leased, QueueLimits, QueueName, Retry};
use sync_proto::api::ChangeState;
use test_support::{Fault, World, local};

use super::{ask_after, create, send, try_send};
use crate::device_sync::device;

/// Which refused changes administrators see, by their objects.
async fn refused(world: &World) -> Vec<String> {
    let query = ChangeQuery {
        state: Some(ChangeState::Refused),
        limit: 1_000,
        ..ChangeQuery::default()
    };
    let page = world.engine.find_changes(query).await.unwrap();
    let objects = page.changes.into_iter().map(|change| change.object);
    objects.collect()
}

#[test]
fn what_the_user_has_seen_to_on_the_device_nobody_else_has_to() {
    local(async {
        let world = World::start().await;
        let (mine, theirs) = (device(&world, "u1").await, device(&world, "u2").await);
        world.back_end.fail(vec![Fault::Rejected; 104]);
        let changes: Vec<Value> = (0..103)
            .map(|n| create(&format!("c{n}"), &format!("o{n}")))
            .collect();
        send(&world, &mine, json!(changes)).await;
        send(&world, &theirs, json!([create("c1", "of u2")])).await;
        assert_eq!(refused(&world).await.len(), 104);
        let settle = |body: Value| {
            let (engine, device) = (&world.engine, &mine);
            async move { try_send(engine, device, json!({"settled": body})).await }
        };
        // Whatever nobody knows is passed over.
        let unknown = json!({"Shared": ["never", "c1"], "Not.There": ["c2"]});
        assert_eq!(settle(unknown).await.unwrap(), Vec::<Value>::new());
        let left = refused(&world).await;
        assert_eq!(left.len(), 103);
        assert!(!left.contains(&"o1".to_owned()));
        assert!(left.contains(&"of u2".to_owned()));
        // The device may say so again, and what it says is right or changes nothing.
        let last = json!({"Shared": ["c1", "c102"]});
        settle(last.clone()).await.unwrap();
        settle(last).await.unwrap();
        assert_eq!(refused(&world).await.len(), 102);
        let wrong = settle(json!({"Shared": ["c2", "no name"]})).await;
        assert_eq!(wrong, Err(SyncError::InvalidChangeName));
        let many = vec!["c2"; 10_001];
        let too_many = settle(json!({"Shared": many})).await;
        assert!(matches!(too_many, Err(SyncError::TooManyChanges { .. })));
        assert_eq!(refused(&world).await.len(), 102);
        // The verdict stands.
        let told = ask_after(&world, &mine, &["c1"]).await;
        assert_eq!(told[0]["status"], "refused");
    });
}

/// A change of an object that is given up: nobody understands what the back end says to it.
async fn given_up(world: &World, device: &DeviceSession, change: Value) -> String {
    // The attempt, and that of the job.
    world.back_end.fail([Fault::Nonsense; 2]);
    let told = send(world, device, json!([change])).await;
    let told = told.first().unwrap();
    assert_eq!(told.get("status"), Some(&json!("refused")), "{told:?}");
    world.work().await;
    let query = ChangeQuery {
        state: Some(ChangeState::Dead),
        limit: 10,
        ..ChangeQuery::default()
    };
    let page = world.engine.find_changes(query).await.unwrap();
    assert_eq!(page.changes.len(), 1, "one change was given up: {page:?}");
    page.changes.into_iter().next().unwrap().id
}

#[test]
fn what_was_given_up_and_retried_on_the_device_is_done_once() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let (engine, redis) = (&world.engine, &world.engine.ports().redis);
        for seed in 0..12_u8 {
            let (old, new) = (format!("c{seed}"), format!("d{seed}"));
            let id = given_up(&world, &device, create(&old, &format!("o{seed}"))).await;
            let again = json!({
                "changes": [create(&new, &format!("p{seed}"))],
                "settled": {"Shared": [old]},
            });
            let schedule: Vec<u8> = (0..60_u8)
                .map(|step| step.wrapping_mul(seed).wrapping_add(seed / 3) >> 2)
                .collect();
            let both = async {
                futures_util::join!(
                    try_send(engine, &device, again.clone()),
                    engine.retry_change(&id, None, &Expected::Any)
                )
            };
            let (sent, retried) = redis.in_turns(&schedule, both).await;
            retried.unwrap();
            world.work().await;
            assert_eq!(sent.unwrap()[0]["status"], "applied", "{seed}");
            let made = world.back_end.objects().len();
            assert_eq!(made, usize::from(seed) + 1, "{seed}");
            let retried = engine
                .retry_change(&id, None, &Expected::Any)
                .await
                .unwrap();
            assert!(matches!(retried, ChangeOutcome::Missing), "{retried:?}");
        }
        // What is discarded on the device nobody retries either.
        let made = world.back_end.objects().len();
        let id = given_up(&world, &device, create("e", "e")).await;
        let settled = json!({"settled": {"Shared": ["e"]}});
        try_send(engine, &device, settled).await.unwrap();
        let retried = engine
            .retry_change(&id, None, &Expected::Any)
            .await
            .unwrap();
        assert!(matches!(retried, ChangeOutcome::Missing), "{retried:?}");
        assert_eq!(world.back_end.objects().len(), made);
    });
}

#[test]
fn who_has_retried_what_is_being_tried_again_comes_back_when_that_has_ended() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let id = given_up(&world, &device, create("c1", "o1")).await;
        world
            .engine
            .retry_change(&id, None, &Expected::Any)
            .await
            .unwrap();
        let jobs = Jobs::new(&world.engine.ports().redis);
        let (queue, lease) = (QueueName::parse("adapter").unwrap(), "lease");
        let claim = Claim {
            queue: &queue,
            most: 1,
            lease,
            lease_time: Duration::from_secs(60),
            worker: "a worker",
            limits: QueueLimits::default(),
            idle: true,
        };
        let claimed = jobs.claim(&claim).await.unwrap();
        let [running] = &claimed[..] else {
            panic!("one runs: {claimed:?}");
        };
        let again = json!({"changes": [create("c2", "o2")], "settled": {"Shared": ["c1"]}});
        let sent = try_send(&world.engine, &device, again.clone()).await;
        assert_eq!(sent, Err(SyncError::Busy));
        assert!(world.back_end.objects().is_empty());
        let job = Leased {
            id: &running.id,
            lease,
        };
        let failure = Failure {
            attempt: 1,
            error: "the back end is not there",
            retry: Retry::Never,
        };
        let dead = JobsSettings::default().dead;
        assert!(jobs.fail(job, &failure, dead).await.unwrap());
        let sent = try_send(&world.engine, &device, again).await.unwrap();
        assert_eq!(sent[0]["status"], "applied");
        world.work().await;
        assert_eq!(world.back_end.objects().len(), 1);
    });
}

#[test]
fn who_asks_after_a_change_that_was_given_up_and_done_after_all_is_told_so() {
    local(async {
        let world = World::start().await;
        let device = device(&world, "u1").await;
        let id = given_up(&world, &device, create("c1", "o1")).await;
        let told = ask_after(&world, &device, &["c1"]).await;
        assert_eq!(told[0]["status"], "refused");
        let retried = world
            .engine
            .retry_change(&id, None, &Expected::Any)
            .await
            .unwrap();
        assert!(matches!(retried, ChangeOutcome::Done(_)), "{retried:?}");
        world.work().await;
        let applied = json!({"id": "c1", "status": "applied", "object": "b1"});
        assert_eq!(ask_after(&world, &device, &["c1"]).await[0], applied);
        let again = send(&world, &device, json!([create("c1", "o1")])).await;
        assert_eq!(again[0], applied);
        assert_eq!(world.back_end.objects().len(), 1);
    });
}
