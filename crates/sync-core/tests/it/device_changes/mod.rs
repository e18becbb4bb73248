//! Devices' changes that wait, were given up or refused, as administrators see them and see to them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

mod given_up;
mod lists;
mod refused;

use std::time::Duration;

use serde_json::json;
use sync_core::{
    ChangeOutcome, ChangeQuery, ClientId, ClientQuery, Engine, Expected, Revision, Session,
    SyncError,
};
use sync_proto::SentAttributes;
use sync_proto::api::{ChangeInfo, ChangeState, ClientHealth};
use test_support::{Fault, TestPorts, World, local};

use crate::background::work;

const SETTINGS: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = -1
"#;

struct Office {
    world: World,
    session: Session,
    client: ClientId,
}

impl Office {
    async fn start() -> Self {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        let session = world.sign_in("anna").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Shared").await;
        Self {
            world,
            session,
            client,
        }
    }

    fn engine(&self) -> &Engine<TestPorts> {
        &self.world.engine
    }

    /// A device sends something that the back end does not take for now.
    async fn send(&self, id: &str, name: &str) {
        // The attempt and its quick repetitions.
        self.world.back_end.fail([Fault::Unreachable; 3]);
        let changes = json!({"create": {id: {"name": name}}});
        let pushed = self
            .world
            .push(&self.session, &self.client, "Shared", changes);
        pushed.await.unwrap();
    }

    async fn list(&self, query: ChangeQuery<'_>) -> Vec<ChangeInfo> {
        let limit = 10;
        let query = ChangeQuery { limit, ..query };
        let mut changes = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let query = ChangeQuery {
                cursor: cursor.as_deref(),
                ..query
            };
            let page = self.engine().find_changes(query).await.unwrap();
            changes.extend(page.changes);
            cursor = page.next;
            if cursor.is_none() {
                return changes;
            }
        }
    }

    async fn all(&self) -> Vec<ChangeInfo> {
        self.list(ChangeQuery::default()).await
    }

    async fn are(&self, state: ClientHealth) -> usize {
        let query = ClientQuery {
            state: Some(state),
            limit: 10,
            ..ClientQuery::default()
        };
        self.engine()
            .find_clients(query)
            .await
            .unwrap()
            .clients
            .len()
    }

    async fn later(&self, times: usize) {
        for _ in 0..times {
            let engine = self.engine();
            engine.ports().clock.advance(Duration::from_secs(120));
            engine.sweeper().sweep().await.unwrap();
            work(engine).await;
        }
    }
}

fn attributes(name: &str) -> Option<SentAttributes> {
    Some(serde_json::from_value(json!({"name": name})).unwrap())
}

#[test]
fn a_change_that_waits_is_seen_and_its_device_is_stuck_after_a_while() {
    local(async {
        let office = Office::start().await;
        assert_eq!(office.all().await.len(), 0);
        office.send("t1", "a").await;
        let [change] = &office.all().await[..] else {
            panic!("one change");
        };
        assert_eq!(change.state, ChangeState::Waiting);
        assert_eq!(change.object, "t1");
        assert_eq!(
            (change.user.as_str(), change.source.as_str()),
            ("anna", "Shared")
        );
        assert_eq!(change.attempts, 1);
        assert!(change.error.is_some(), "{change:?}");
        assert!(change.next_at > change.sent_at, "{change:?}");
        assert_eq!(change.attributes, None, "not in lists");
        let shown = office.engine().change(&change.id).await.unwrap().unwrap();
        assert_eq!(shown.attributes.unwrap()["name"], "a");
        assert_eq!(office.are(ClientHealth::Waiting).await, 1);
        assert_eq!(office.are(ClientHealth::Stuck).await, 0);

        office
            .engine()
            .ports()
            .clock
            .advance(Duration::from_secs(601));
        assert_eq!(office.are(ClientHealth::Stuck).await, 1);
        let sources = office.engine().client_sources(office.client.as_str());
        let sources = sources.await.unwrap();
        assert_eq!(sources.first().unwrap().waiting, 1);
        assert_eq!(sources.first().unwrap().waiting_since, change.sent_at);
        for (query, found) in [
            (
                ChangeQuery {
                    user: Some("ben"),
                    ..ChangeQuery::default()
                },
                0,
            ),
            (
                ChangeQuery {
                    user: Some("anna"),
                    ..ChangeQuery::default()
                },
                1,
            ),
            (
                ChangeQuery {
                    source: Some("Own"),
                    ..ChangeQuery::default()
                },
                0,
            ),
            (
                ChangeQuery {
                    client: Some(office.client.as_str()),
                    ..ChangeQuery::default()
                },
                1,
            ),
            (
                ChangeQuery {
                    state: Some(ChangeState::Dead),
                    ..ChangeQuery::default()
                },
                0,
            ),
        ] {
            assert_eq!(office.list(query).await.len(), found, "{query:?}");
        }

        // The back end is there again.
        office.later(1).await;
        assert_eq!(office.all().await.len(), 0);
        for state in [ClientHealth::Waiting, ClientHealth::Stuck] {
            assert_eq!(office.are(state).await, 0);
        }
        assert!(office.engine().change(&change.id).await.unwrap().is_none());
    });
}

#[test]
fn a_device_whose_next_push_takes_the_old_changes_along_waits_no_longer() {
    local(async {
        let office = Office::start().await;
        office.send("t1", "a").await;
        office
            .engine()
            .ports()
            .clock
            .advance(Duration::from_secs(120));
        let changes = json!({"create": {"t2": {"name": "b"}}});
        let pushed = office
            .world
            .push(&office.session, &office.client, "Shared", changes);
        pushed.await.unwrap();
        assert_eq!(office.world.back_end.objects().len(), 2);
        assert_eq!(office.are(ClientHealth::Waiting).await, 0);
        let left = office.world.keys().await;
        assert!(
            !left.iter().any(|key| key.contains(":changes-")),
            "{left:?}"
        );
    });
}

#[test]
fn a_corrected_change_is_made_once_whoever_is_at_it() {
    let (mut in_time, mut too_late) = (0, 0);
    for seed in 0..24_u8 {
        local(async {
            let office = Office::start().await;
            office.send("t1", "wrong").await;
            office.world.back_end.heal();
            let id = office.all().await.first().unwrap().id.clone();
            let engine = office.engine();
            engine.ports().clock.advance(Duration::from_secs(120));
            engine.sweeper().sweep().await.unwrap();
            // Both send commands; who is next is another one with each seed.
            let schedule: Vec<u8> = (0..60_u8)
                .map(|step| step.wrapping_mul(seed).wrapping_add(seed / 3) >> 2)
                .collect();
            let both = async {
                futures_util::join!(
                    engine.retry_change(&id, attributes("right"), &Expected::Any),
                    work(engine)
                )
            };
            let (retried, ()) = engine.ports().redis.in_turns(&schedule, both).await;
            office.later(2).await;
            let objects = office.world.back_end.objects();
            let [made] = &objects.values().collect::<Vec<_>>()[..] else {
                panic!("made once, not {objects:?}");
            };
            match retried {
                Ok(ChangeOutcome::Done(_)) => {
                    assert_eq!(made["name"], "right", "{seed}: the correction is lost");
                    in_time += 1;
                }
                Ok(ChangeOutcome::Missing) | Err(SyncError::Busy) => {
                    assert_eq!(made["name"], "wrong", "{seed}");
                    too_late += 1;
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(office.all().await.len(), 0);
            assert_eq!(office.are(ClientHealth::Waiting).await, 0);
        });
    }
    assert!(in_time > 0 && too_late > 0, "{in_time} and {too_late}");
}

#[test]
fn of_two_who_correct_the_same_change_the_second_hears_of_the_first() {
    local(async {
        let office = Office::start().await;
        office.send("t1", "wrong").await;
        let id = office.all().await.first().unwrap().id.clone();
        let engine = office.engine();
        let seen = engine.change(&id).await.unwrap().unwrap();
        let seen = Revision::of_attributes(&seen.attributes.unwrap());
        let seen = Expected::OneOf(vec![seen.as_str().to_owned()]);
        let first = engine.retry_change(&id, attributes("first"), &seen).await;
        assert!(matches!(first, Ok(ChangeOutcome::Done(_))), "{first:?}");
        let second = engine.retry_change(&id, attributes("second"), &seen).await;
        assert!(matches!(second, Err(SyncError::Moved)), "{second:?}");
        let discarded = engine.discard_change(&id, &seen).await;
        assert!(matches!(discarded, Err(SyncError::Moved)), "{discarded:?}");
        office.world.back_end.heal();
        office.later(2).await;
        let objects = office.world.back_end.objects();
        assert_eq!(objects.values().next().unwrap()["name"], "first");
    });
}

#[test]
fn of_a_discarded_change_the_device_is_told() {
    local(async {
        let office = Office::start().await;
        office.send("t1", "a").await;
        let id = office.all().await.first().unwrap().id.clone();
        let discarded = office
            .engine()
            .discard_change(&id, &Expected::Any)
            .await
            .unwrap();
        assert!(matches!(discarded, ChangeOutcome::Done(())));
        let again = office
            .engine()
            .discard_change(&id, &Expected::Any)
            .await
            .unwrap();
        assert!(matches!(again, ChangeOutcome::Missing), "{again:?}");
        assert_eq!(office.are(ClientHealth::Waiting).await, 0);
        let [refused] = &office.all().await[..] else {
            panic!("the device has yet to be told");
        };
        assert_eq!(refused.state, ChangeState::Refused);
        let told = office
            .world
            .sync(&office.session, &office.client, "Shared")
            .await;
        assert!(told[0]["create-error"]["t1-error"].is_object(), "{told:?}");
        assert_eq!(office.all().await.len(), 0, "it has been told");
        office.later(2).await;
        assert!(office.world.back_end.objects().is_empty());
    });
}

#[test]
fn a_preview_shows_what_the_next_sync_brings_and_changes_nothing() {
    local(async {
        let office = Office::start().await;
        let objects = json!({"1": {"name": "a"}, "2": {"name": "b"}});
        let objects = serde_json::from_value(objects).unwrap();
        let engine = office.engine();
        engine
            .feed_objects("Shared", "anna", objects)
            .await
            .unwrap();
        office.send("t1", "c").await;
        let before = office.world.backup().await;
        let (client, session) = (office.client.as_str(), &office.session);
        let preview = engine.preview(client, "Shared", 1).await.unwrap().unwrap();
        assert_eq!(preview.objects.len(), 1);
        assert_eq!(preview.more, 1);
        let preview = engine.preview(client, "Shared", 10).await.unwrap().unwrap();
        engine.client_sources(client).await.unwrap();
        engine.client_events(client, 0, 10).await.unwrap();
        office.all().await;
        assert_eq!(office.world.backup().await, before);

        let brought = office.world.sync(session, &office.client, "Shared").await;
        let inserted = brought[0]["insert"].as_object().unwrap();
        assert_eq!(preview.objects.len(), inserted.len());
        for object in &preview.objects {
            assert_eq!(json!(object.set), inserted[&object.id]);
        }
        let after = engine.preview(client, "Shared", 10).await.unwrap().unwrap();
        assert_eq!((after.objects.len(), after.more), (0, 0));
    });
}
