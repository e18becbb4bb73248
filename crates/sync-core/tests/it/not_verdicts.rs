//! What a back end says that is nothing about a device's change: the change is not refused for it, and never lost.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{ClientId, Session, StorePorts as _};
use sync_jobs::JobState;
use test_support::{Fault, World, local};

use crate::background::{jobs, work};

/// A source whose back end is asked when somebody wants it.
const SETTINGS: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = -1
"#;

struct Sender {
    world: World,
    session: Session,
    client: ClientId,
}

impl Sender {
    async fn start() -> Self {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        Self {
            world,
            session,
            client,
        }
    }

    async fn push(&self, changes: Value) {
        let Self {
            world,
            session,
            client,
        } = self;
        let pushed = world.push(session, client, "Shared", changes);
        pushed.await.unwrap();
    }

    async fn sync(&self) -> Vec<Value> {
        let Self {
            world,
            session,
            client,
        } = self;
        world.sync(session, client, "Shared").await
    }

    async fn is_told_of_an_error(&self) {
        let told = self.sync().await;
        let error = told.first().map(|page| &page["create-error"]["t1-error"]);
        assert!(error.is_some_and(Value::is_object), "{told:?}");
    }

    /// What workers do in some hours, in which the back end goes on as it does now.
    async fn hours(&self) {
        for _ in 0..60 {
            let engine = &self.world.engine;
            engine.ports().clock().advance(Duration::from_secs(310));
            engine.sweeper().sweep().await.unwrap();
            work(engine).await;
        }
    }
}

#[test]
fn a_change_waits_while_the_back_end_does_not_let_the_server_in() {
    local(async {
        let sender = Sender::start().await;
        let back_end = &sender.world.back_end;
        back_end.fail([Fault::Unauthorized; 3]);
        sender.push(json!({"create": {"t1": {"n": "x"}}})).await;
        assert_eq!(back_end.faults_left(), 2, "no attempt at once helps");
        let told = json!({"login-error": {"message": "the token has expired"}});
        assert_eq!(sender.sync().await, [json!({"source-error": told})]);
        back_end.heal();
        sender.hours().await;
        let links = json!({"links": {"t1": {"l": "b1"}}});
        assert_eq!(
            sender.sync().await,
            [links, json!({})],
            "nothing is wrong any more"
        );
    });
}

#[test]
fn a_change_for_which_the_server_is_never_let_in_is_kept_as_a_dead_job() {
    local(async {
        let sender = Sender::start().await;
        sender.world.back_end.fail([Fault::Unauthorized; 200]);
        sender.push(json!({"create": {"t1": {"n": "x"}}})).await;
        sender.hours().await;
        let dead = jobs(&sender.world.engine, JobState::Dead).await;
        let payloads: Vec<_> = dead.iter().map(|job| job.payload.as_str()).collect();
        assert!(
            payloads.len() == 1 && payloads.concat().contains(r#""n":"x""#),
            "{payloads:?}"
        );
        sender.is_told_of_an_error().await;
    });
}

#[test]
fn an_answer_that_nobody_understands_leaves_the_change_in_a_dead_job() {
    local(async {
        let sender = Sender::start().await;
        sender.world.back_end.fail([Fault::Nonsense; 2]);
        sender.push(json!({"create": {"t1": {"n": "x"}}})).await;
        sender.hours().await;
        assert_eq!(jobs(&sender.world.engine, JobState::Dead).await.len(), 1);
        sender.is_told_of_an_error().await;
    });
}

#[test]
fn a_change_that_is_too_large_for_a_job_waits_until_the_back_end_takes_it() {
    local(async {
        let sender = Sender::start().await;
        let back_end = &sender.world.back_end;
        back_end.fail([Fault::Unreachable; 500]);
        let large = "x".repeat(100_000);
        sender.push(json!({"create": {"t1": {"n": large}}})).await;
        sender.hours().await;
        assert_eq!(sender.sync().await, [json!({})], "nothing is decided");
        back_end.heal();
        sender.hours().await;
        let links = json!({"links": {"t1": {"l": "b1"}}});
        assert_eq!(sender.sync().await, [links, json!({})]);
    });
}
