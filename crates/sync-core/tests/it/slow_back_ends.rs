//! Back ends that are slow, or do not answer at all: devices do not wait for them.

#![expect(clippy::unwrap_used, reason = "a world that is gone is a failed test")]

use std::rc::Rc;
use std::time::Duration;

use futures_util::join;
use serde_json::{Value, json};
use sync_core::{ClientId, Session, StorePorts as _};
use test_support::{Fault, World, local};

use crate::background::work;

/// A world whose queries take a while: so many seconds pass before they are answered.
struct Slow {
    world: Rc<World>,
    session: Session,
    client: ClientId,
}

impl Slow {
    async fn start() -> Self {
        let world = Rc::new(World::start().await);
        world.back_end.put("1", &[("n", "x")]);
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        Self {
            world,
            session,
            client,
        }
    }

    async fn sync(&self) -> Vec<Value> {
        let Self {
            world,
            session,
            client,
        } = self;
        world.sync(session, client, "Polled").await
    }

    fn advance(&self, seconds: u64) {
        let clock = self.world.engine.ports().clock();
        clock.advance(Duration::from_secs(seconds));
    }

    /// A sync while the back end takes so many seconds for its answer, and is then as quick as ever.
    async fn sync_while_it_takes(&self, seconds: u64) -> Vec<Value> {
        let began = Rc::new(tokio::sync::Notify::new());
        let (bell, world) = (Rc::clone(&began), Rc::downgrade(&self.world));
        self.world.back_end.during_query(move || {
            let world = world.upgrade().unwrap();
            let clock = world.engine.ports().clock();
            clock.advance(Duration::from_secs(seconds));
            bell.notify_one();
        });
        self.world.back_end.wait_in_query(true);
        let end = async {
            began.notified().await;
            // The device has its answer, if it does not wait for this.
            for _ in 0..10_000 {
                tokio::task::yield_now().await;
            }
            self.world.back_end.wait_in_query(false);
        };
        let (told, ()) = join!(self.sync(), end);
        self.world.back_end.during_query(|| {});
        told
    }
}

#[test]
fn a_pull_gives_what_is_there_if_the_back_end_takes_longer_than_it_may_wait() {
    local(async {
        let slow = Slow::start().await;
        let (world, back_end) = (&slow.world, &slow.world.back_end);
        let all = json!({"insert": {"1": {"n": "x"}}});
        assert_eq!(slow.sync().await[0], all);
        slow.advance(61);
        back_end.put("2", &[("n", "x")]);
        assert_eq!(
            slow.sync_while_it_takes(1).await[0]["insert"]["2"]["n"],
            "x"
        );
        slow.advance(61);
        back_end.put("3", &[("n", "x")]);
        assert_eq!(slow.sync_while_it_takes(3).await, [json!({})]);
        // From now on a job asks.
        let asked = back_end.queries();
        assert_eq!(slow.sync().await, [json!({})]);
        assert_eq!(back_end.queries(), asked);
        work(&world.engine).await;
        assert_eq!(back_end.queries(), asked + 1);
        assert_eq!(slow.sync().await[0]["insert"]["3"]["n"], "x");
        // The back end was quick, so devices wait for it again.
        slow.advance(61);
        back_end.put("4", &[("n", "x")]);
        assert_eq!(slow.sync().await[0]["insert"]["4"]["n"], "x");
    });
}

#[test]
fn a_first_sync_waits_since_there_is_nothing_to_give() {
    local(async {
        let slow = Slow::start().await;
        let all = json!({"insert": {"1": {"n": "x"}}});
        assert_eq!(slow.sync_while_it_takes(20).await[0], all);
    });
}

#[test]
fn a_pull_does_not_wait_for_changes_that_wait() {
    local(async {
        let slow = Slow::start().await;
        let (world, back_end) = (&slow.world, &slow.world.back_end);
        slow.sync().await;
        back_end.fail([Fault::Unreachable; 3]);
        let changes = json!({"create": {"t1": {"n": "mine"}}});
        let pushed = world.push(&slow.session, &slow.client, "Polled", changes);
        pushed.await.unwrap();
        slow.advance(5);
        assert_eq!(slow.sync().await, [json!({})]);
        assert_eq!(back_end.writes(), 0);
        work(&world.engine).await;
        assert_eq!(back_end.writes(), 1);
        let links = json!({"links": {"t1": {"l": "b1"}}});
        assert_eq!(slow.sync().await, [links, json!({})]);
    });
}

#[test]
fn a_back_end_of_a_pass_through_source_that_hangs_is_an_error_and_then_left_alone() {
    local(async {
        let slow = Slow::start().await;
        let Slow {
            world,
            session,
            client,
        } = &slow;
        world.back_end.wait_in_query(true);
        let message = async || {
            let page = world.pull(session, client, "Passed", "").await.unwrap();
            let error = &page[5]["source-error"]["query-error"]["message"];
            error.as_str().unwrap_or_default().to_owned()
        };
        for _ in 0..5 {
            let began = world.back_end.queries();
            let time = async {
                while world.back_end.queries() == began {
                    tokio::task::yield_now().await;
                }
                slow.advance(6);
            };
            let (said, ()) = join!(message(), time);
            assert_eq!(said, "the back end has not answered within 5000 ms");
        }
        let said = message().await;
        assert!(said.ends_with("it is asked again in 10 s"), "{said}");
    });
}

/// Sources as `Polled`, but asked with every sync; one of them by another engine.
const EVERY_SYNC: &str = r#"
    [sources.Polled]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 0
"#;

#[test]
fn a_back_end_that_fails_again_and_again_is_left_alone_and_then_tried_by_one() {
    local(async {
        let mut world = World::start().await;
        world.engine = world.another(Some(EVERY_SYNC), 2).await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let clock = world.engine.ports().clock();
        world.sync(&session, &client, "Polled").await;
        let is_open = async || {
            let measured = world.engine.metrics().measured().await.unwrap();
            measured.circuits == [("Polled".to_owned(), true)]
        };
        world.back_end.fail([Fault::Unreachable; 6]);
        for _ in 0..5 {
            assert!(!is_open().await);
            clock.advance(Duration::from_secs(2));
            world.sync(&session, &client, "Polled").await;
        }
        assert!(is_open().await);
        let asked = world.back_end.queries();
        let message = async |client: &ClientId| {
            let told = world.sync(&session, client, "Polled").await;
            let error = &told[0]["source-error"]["query-error"]["message"];
            error.as_str().unwrap_or_default().to_owned()
        };
        let other = world.client(&session).await;
        for client in [&client, &other] {
            let said = message(client).await;
            assert!(said.ends_with("it is asked again in 10 s"), "{said}");
        }
        // Changes are kept, and none of their attempts is lost.
        let changes = json!({"create": {"t1": {"n": "mine"}}});
        let pushed = world.push(&session, &client, "Polled", changes);
        pushed.await.unwrap();
        assert_eq!(world.back_end.queries(), asked);
        assert_eq!(world.back_end.writes(), 0);
        // The trial fails: twice as long.
        clock.advance(Duration::from_secs(11));
        assert_eq!(message(&client).await, "unreachable");
        assert_eq!(world.back_end.queries(), asked + 1);
        assert!(message(&client).await.ends_with("in 20 s"));
        // Another server knows it, too.
        let another = world.another(Some(EVERY_SYNC), 3).await;
        let circuits = another.metrics().measured().await.unwrap().circuits;
        assert_eq!(circuits, [("Polled".to_owned(), true)]);
        clock.advance(Duration::from_secs(21));
        assert_eq!(message(&client).await, "");
        let measured = world.engine.metrics().measured().await.unwrap();
        assert_eq!(measured.circuits, []);
        clock.advance(Duration::from_secs(60));
        work(&world.engine).await;
        assert_eq!(world.back_end.writes(), 1);
    });
}
