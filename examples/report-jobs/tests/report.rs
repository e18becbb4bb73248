//! The job on a real store.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use report_jobs::Report;
use sync_jobs::{
    Budget, Enqueued, JobDetails, JobHandlers, JobState, Jobs, NewJob, Priority, QueueName,
};
use test_support::World;

async fn report(world: &World, source: &str) -> JobDetails {
    let ports = world.engine.ports();
    let job = NewJob {
        name: Report::NAME.to_owned(),
        queue: QueueName::parse("report").unwrap(),
        payload: format!(r#"{{"source":"{source}"}}"#),
        turn: None,
        priority: Priority::Low,
        max_attempts: 3,
        delay: Duration::ZERO,
        unique: None,
    };
    let Enqueued::New(id) = world.engine.enqueue(&job).await.unwrap() else {
        panic!("not a new job")
    };
    let handlers = JobHandlers::new().with(Report::NAME, Report);
    let worker = world.engine.worker(&handlers, "report");
    worker.run(Budget::RING).await.unwrap();
    Jobs::new(&ports.redis).show(&id).await.unwrap().unwrap()
}

#[tokio::test]
async fn objects_of_all_users_are_counted() {
    let world = World::start().await;
    for (user, note) in [("anna", "n1"), ("ben", "n2"), ("ben", "n3")] {
        world.session(user).await;
        let objects = format!(r#"{{"{note}":{{"text":"hello"}}}}"#);
        let objects = serde_json::from_str(&objects).unwrap();
        world
            .engine
            .feed_objects("Own", user, objects)
            .await
            .unwrap();
    }
    let job = report(&world, "Own").await;
    assert_eq!(job.state, JobState::Done);
    assert_eq!(job.result.as_deref(), Some("2 users have 3 objects of Own"));
}

#[tokio::test]
async fn a_source_that_is_not_there_ends_the_job() {
    let world = World::start().await;
    world.session("anna").await;
    let job = report(&world, "NoSuch").await;
    assert_eq!(job.state, JobState::Dead);
}
