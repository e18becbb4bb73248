//! Devices' changes that wait, were given up or refused, as administrators see them and see to them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use std::time::Duration;

use serde_json::json;
use sync_core::{
    ChangeOutcome, ChangeQuery, ClientId, ClientQuery, Engine, Order, Session, SyncError,
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
fn many_changes_are_listed_part_by_part_and_each_once() {
    local(async {
        let office = Office::start().await;
        for number in 0..25 {
            office.send(&format!("t{number}"), "a").await;
            office.world.back_end.heal();
        }
        // Since the first has failed, others are not even tried for a while, but wait as well.
        let found = office.all().await;
        let mut objects: Vec<_> = found.iter().map(|change| change.object.clone()).collect();
        objects.sort();
        objects.dedup();
        assert_eq!(objects.len(), found.len());
        let waiting = office.engine().client_sources(office.client.as_str());
        assert_eq!(
            waiting.await.unwrap().first().unwrap().waiting,
            found.len() as u64
        );
        assert!(!found.is_empty());
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
                futures_util::join!(engine.retry_change(&id, attributes("right")), work(engine))
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
fn of_a_discarded_change_the_device_is_told() {
    local(async {
        let office = Office::start().await;
        office.send("t1", "a").await;
        let id = office.all().await.first().unwrap().id.clone();
        let discarded = office.engine().discard_change(&id).await.unwrap();
        assert!(matches!(discarded, ChangeOutcome::Done(())));
        let again = office.engine().discard_change(&id).await.unwrap();
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

impl Office {
    /// A device sends something that the back end refuses. Returns what administrators see of it.
    async fn refused(&self, id: &str, name: &str) -> ChangeInfo {
        self.world.back_end.fail([Fault::Rejected]);
        let changes = json!({"create": {id: {"name": name}}});
        let pushed = self
            .world
            .push(&self.session, &self.client, "Shared", changes);
        pushed.await.unwrap();
        let refused = ChangeQuery {
            state: Some(ChangeState::Refused),
            ..ChangeQuery::default()
        };
        let found = self.list(refused).await;
        assert_eq!(found.len(), 1, "one change was refused");
        found.into_iter().next().unwrap()
    }
}

#[test]
fn a_refused_change_is_tried_again_as_corrected_and_comes_as_news_to_the_device_that_was_refused() {
    local(async {
        let office = Office::start().await;
        let refused = office.refused("t1", "wrong").await;
        let retried = office
            .engine()
            .retry_change(&refused.id, attributes("right"));
        let ChangeOutcome::Done(retried) = retried.await.unwrap() else {
            panic!("it was not retried");
        };
        assert_eq!(retried.state, ChangeState::Waiting);
        assert_eq!((retried.attempts, retried.user.as_str()), (1, "anna"));
        assert_eq!(retried.attributes.as_ref().unwrap()["name"], "right");
        let again = office.engine().retry_change(&refused.id, None).await;
        assert!(matches!(again.unwrap(), ChangeOutcome::Missing));
        work(office.engine()).await;
        let objects = office.world.back_end.objects();
        assert_eq!(objects.len(), 1);
        let (id, made) = objects.iter().next().unwrap();
        assert_eq!(made["name"], "right");
        let told = office
            .world
            .sync(&office.session, &office.client, "Shared")
            .await;
        assert_eq!(told[0]["create-error"]["t1"]["name"], "wrong", "{told:?}");
        assert_eq!(told[0]["insert"][id.as_str()]["name"], "right", "{told:?}");
        assert_eq!(office.all().await.len(), 0);
        assert_eq!(office.are(ClientHealth::Stuck).await, 0);
    });
}

#[test]
fn what_the_back_end_refuses_again_is_given_up_and_asked_for_by_another_key() {
    local(async {
        let office = Office::start().await;
        let refused = office.refused("t1", "a").await;
        office.world.back_end.fail([Fault::Rejected]);
        office
            .engine()
            .retry_change(&refused.id, None)
            .await
            .unwrap();
        work(office.engine()).await;
        let [dead] = &office.all().await[..] else {
            panic!("one change was given up");
        };
        assert_eq!((dead.state, dead.attempts), (ChangeState::Dead, 2));
        office.engine().retry_change(&dead.id, None).await.unwrap();
        work(office.engine()).await;
        assert_eq!(office.world.back_end.objects().len(), 1);
    });
}

#[test]
fn a_refused_update_is_made_to_the_object_by_the_id_that_the_back_end_knows() {
    local(async {
        let office = Office::start().await;
        let push = |changes| {
            office
                .world
                .push(&office.session, &office.client, "Shared", changes)
        };
        let made = push(json!({"create": {"t1": {"name": "a", "price": "1"}}}));
        made.await.unwrap();
        // The device does not know the link yet.
        office.world.back_end.fail([Fault::Rejected]);
        push(json!({"update": {"t1": {"name": "b"}}}))
            .await
            .unwrap();
        let [refused] = &office.all().await[..] else {
            panic!("one change was refused");
        };
        let retried = office.engine().retry_change(&refused.id, attributes("c"));
        let ChangeOutcome::Done(retried) = retried.await.unwrap() else {
            panic!("it was not retried");
        };
        assert_eq!(retried.current.as_ref().unwrap()["name"], "a");
        work(office.engine()).await;
        let objects = office.world.back_end.objects();
        let (id, object) = objects.iter().next().unwrap();
        assert_eq!((objects.len(), object["name"].as_str()), (1, "c"));
        assert_eq!(object["price"], "1");
        assert_eq!(retried.object, id.as_str());
    });
}

#[test]
fn a_refused_change_that_is_discarded_leaves_the_list_and_its_device_is_told_all_the_same() {
    local(async {
        let office = Office::start().await;
        let refused = office.refused("t1", "a").await;
        let discarded = office.engine().discard_change(&refused.id).await.unwrap();
        assert!(matches!(discarded, ChangeOutcome::Done(())));
        assert_eq!(office.all().await.len(), 0);
        let sources = office.engine().client_sources(office.client.as_str());
        assert_eq!(sources.await.unwrap().first().unwrap().failed, 0);
        let again = office.engine().discard_change(&refused.id).await.unwrap();
        assert!(matches!(again, ChangeOutcome::Missing), "{again:?}");
        let retried = office.engine().retry_change(&refused.id, None).await;
        assert!(matches!(retried.unwrap(), ChangeOutcome::Missing));
        let told = office
            .world
            .sync(&office.session, &office.client, "Shared")
            .await;
        assert!(told[0]["create-error"]["t1-error"].is_object(), "{told:?}");
        assert!(office.world.back_end.objects().is_empty());
    });
}

#[test]
fn of_two_who_try_a_refused_change_again_one_does() {
    for seed in 0..12_u8 {
        local(async {
            let office = Office::start().await;
            let refused = office.refused("t1", "a").await;
            let engine = office.engine();
            let schedule: Vec<u8> = (0..60_u8)
                .map(|step| step.wrapping_mul(seed).wrapping_add(seed / 3) >> 2)
                .collect();
            let both = async {
                futures_util::join!(
                    engine.retry_change(&refused.id, attributes("one")),
                    engine.retry_change(&refused.id, attributes("other"))
                )
            };
            let (one, other) = engine.ports().redis.in_turns(&schedule, both).await;
            let name = match (one.unwrap(), other.unwrap()) {
                (ChangeOutcome::Done(_), ChangeOutcome::Missing | ChangeOutcome::Not(_)) => "one",
                (ChangeOutcome::Missing | ChangeOutcome::Not(_), ChangeOutcome::Done(_)) => "other",
                outcomes => panic!("{seed}: {outcomes:?}"),
            };
            office.later(2).await;
            let objects = office.world.back_end.objects();
            assert_eq!(objects.len(), 1, "{seed}");
            assert_eq!(objects.values().next().unwrap()["name"], name, "{seed}");
        });
    }
}

#[test]
fn what_was_given_up_is_tried_again_as_corrected_or_discarded() {
    local(async {
        let office = Office::start().await;
        office.send("t1", "a").await;
        office.send("t2", "b").await;
        office.world.back_end.fail([Fault::Unreachable; 500]);
        office.later(200).await;
        let dead = ChangeQuery {
            state: Some(ChangeState::Dead),
            ..ChangeQuery::default()
        };
        let found = office.list(dead).await;
        let [second, first] = &found[..] else {
            panic!("two were given up: {found:?}");
        };
        assert_eq!(office.are(ClientHealth::Stuck).await, 1);
        let of_client = ChangeQuery {
            client: Some(office.client.as_str()),
            ..dead
        };
        assert_eq!(office.list(of_client).await, found);
        let of_client = ChangeQuery {
            state: None,
            ..of_client
        };
        assert_eq!(office.list(of_client).await, found, "and not refused too");
        office.world.back_end.heal();
        office.later(5).await;
        let retried = office.engine().retry_change(&first.id, attributes("c"));
        let ChangeOutcome::Done(retried) = retried.await.unwrap() else {
            panic!("it was not retried");
        };
        assert_eq!(retried.state, ChangeState::Waiting);
        let again = office.engine().retry_change(&first.id, None).await.unwrap();
        assert!(matches!(again, ChangeOutcome::Not(_)), "{again:?}");
        office.later(1).await;
        let objects = office.world.back_end.objects();
        assert_eq!(objects.len(), 1);
        assert_eq!(objects.values().next().unwrap()["name"], "c");
        assert_eq!(
            office.are(ClientHealth::Stuck).await,
            1,
            "the other is left"
        );
        let discarded = office.engine().discard_change(&second.id).await.unwrap();
        assert!(matches!(discarded, ChangeOutcome::Done(())));
        assert_eq!(office.are(ClientHealth::Stuck).await, 0);
        assert_eq!(office.list(dead).await.len(), 0);
        let left = office.world.keys().await;
        assert!(!left.iter().any(|key| key.contains("given-up")), "{left:?}");
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

impl Office {
    /// A device sends something, and nobody understands what the back end says to it.
    async fn given_up(&self, id: &str, name: &str) -> ChangeInfo {
        // The attempt, and that of the job.
        self.world.back_end.fail([Fault::Nonsense; 2]);
        self.create(id, name).await;
        work(self.engine()).await;
        let dead = ChangeQuery {
            state: Some(ChangeState::Dead),
            ..ChangeQuery::default()
        };
        let found = self.list(dead).await;
        found.into_iter().find(|it| it.object == id).unwrap()
    }

    async fn create(&self, id: &str, name: &str) {
        let changes = json!({"create": {id: {"name": name}}});
        let pushed = self
            .world
            .push(&self.session, &self.client, "Shared", changes);
        pushed.await.unwrap();
    }

    /// The names of the back end's objects.
    fn made(&self) -> Vec<String> {
        let objects = self.world.back_end.objects();
        objects
            .values()
            .map(|object| object["name"].clone())
            .collect()
    }
}

#[test]
fn what_a_device_has_sent_again_nobody_can_retry_as_it_was_given_up() {
    local(async {
        let office = Office::start().await;
        let dead = office.given_up("t1", "wrong").await;
        office.create("t1", "right").await;
        assert_eq!(office.made(), ["right"]);
        assert_eq!(office.all().await.len(), 0);
        let retried = office.engine().retry_change(&dead.id, None).await;
        assert!(matches!(retried.unwrap(), ChangeOutcome::Missing));
        office.later(2).await;
        assert_eq!(office.made(), ["right"]);
        assert_eq!(office.are(ClientHealth::Stuck).await, 0);

        // The same of one that was refused, and whose device has not acknowledged that.
        let refused = office.refused("t2", "refused").await;
        office.create("t2", "corrected").await;
        let retried = office.engine().retry_change(&refused.id, None).await;
        assert!(matches!(retried.unwrap(), ChangeOutcome::Missing));
        office.later(2).await;
        assert_eq!(office.made(), ["right", "corrected"]);
    });
}

#[test]
fn a_create_that_was_given_up_and_done_after_all_is_not_done_again_when_its_device_sends_it_again()
{
    local(async {
        let office = Office::start().await;
        let dead = office.given_up("t1", "wrong").await;
        let (session, client) = (&office.session, &office.client);
        let told = office.world.sync(session, client, "Shared").await;
        assert!(told[0]["create-error"]["t1-error"].is_object(), "{told:?}");
        let retried = office
            .engine()
            .retry_change(&dead.id, attributes("right"))
            .await;
        assert!(matches!(retried.unwrap(), ChangeOutcome::Done(_)));
        work(office.engine()).await;
        assert_eq!(office.made(), ["right"]);
        office.create("t1", "wrong").await;
        office.later(2).await;
        assert_eq!(office.made(), ["right"]);
        let told = office.world.sync(session, client, "Shared").await;
        assert_eq!(told[0]["links"]["t1"]["l"], "b1", "{told:?}");
        // Other content is an update of what was made.
        office.create("t1", "better").await;
        office.later(2).await;
        assert_eq!(office.made(), ["better"]);
    });
}

impl Office {
    /// All changes of a query, in parts of some size.
    async fn parts(&self, query: ChangeQuery<'_>, limit: usize) -> Vec<String> {
        let mut objects = Vec::new();
        let mut cursor: Option<String> = None;
        // An end that never comes is a failed test.
        for _ in 0..100 {
            let query = ChangeQuery {
                cursor: cursor.as_deref(),
                limit,
                ..query
            };
            let page = self.engine().find_changes(query).await.unwrap();
            assert!(page.changes.len() <= limit);
            objects.extend(page.changes.into_iter().map(|change| change.object));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(cursor, None, "{objects:?}");
        objects
    }

    async fn a_second_later(&self) {
        self.engine().ports().clock.advance(Duration::from_secs(1));
    }
}

#[test]
fn changes_come_by_when_they_were_sent_whatever_became_of_them() {
    local(async {
        let office = Office::start().await;
        office.given_up("t1", "a").await;
        office.a_second_later().await;
        office.refused("t2", "b").await;
        office.a_second_later().await;
        office.given_up("t3", "c").await;
        office.a_second_later().await;
        // What is sent together comes as it was sent.
        office.world.back_end.fail([Fault::Unreachable; 30]);
        let together =
            json!({"create": {"t4": {"name": "d"}, "t5": {"name": "e"}, "t6": {"name": "f"}}});
        let pushed = office
            .world
            .push(&office.session, &office.client, "Shared", together);
        pushed.await.unwrap();
        office.a_second_later().await;
        office.send("t7", "g").await;
        let as_sent = ["t1", "t2", "t3", "t4", "t5", "t6", "t7"];
        let latest_first: Vec<_> = as_sent.into_iter().rev().collect();
        let oldest = ChangeQuery {
            order: Some(Order::Ascending),
            ..ChangeQuery::default()
        };
        for limit in 1..9 {
            assert_eq!(office.parts(oldest, limit).await, as_sent, "{limit}");
            let latest = office.parts(ChangeQuery::default(), limit).await;
            assert_eq!(latest, latest_first, "{limit}");
            for (state, objects) in [
                (ChangeState::Waiting, &as_sent[3..]),
                (ChangeState::Dead, &["t1", "t3"][..]),
                (ChangeState::Refused, &["t2"][..]),
            ] {
                let query = ChangeQuery {
                    state: Some(state),
                    ..oldest
                };
                assert_eq!(office.parts(query, limit).await, objects, "{limit}");
            }
            for (source, number) in [("Shared", 7), ("Own", 0)] {
                let query = ChangeQuery {
                    source: Some(source),
                    ..oldest
                };
                assert_eq!(office.parts(query, limit).await.len(), number, "{limit}");
            }
        }
        let listed = office.list(oldest).await;
        let times: Vec<_> = listed
            .iter()
            .map(|change| change.sent_at.unwrap())
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        let wrong = ChangeQuery {
            cursor: Some("w1"),
            limit: 1,
            ..oldest
        };
        let refused = office.engine().find_changes(wrong).await;
        assert!(
            matches!(refused, Err(SyncError::InvalidSetting { .. })),
            "{refused:?}"
        );

        // What is done leaves the list, and none is passed over by who is reading it.
        let first = ChangeQuery { limit: 2, ..oldest };
        let part = office.engine().find_changes(first).await.unwrap();
        let told = office
            .world
            .sync(&office.session, &office.client, "Shared")
            .await;
        assert!(told[0]["create-error"]["t2-error"].is_object(), "{told:?}");
        office.world.back_end.heal();
        office.all().await;
        let rest = ChangeQuery {
            cursor: part.next.as_deref(),
            limit: 10,
            ..oldest
        };
        let rest = office.engine().find_changes(rest).await.unwrap();
        let objects: Vec<_> = rest.changes.iter().map(|it| it.object.as_str()).collect();
        assert_eq!(objects, &as_sent[2..]);
        office.later(3).await;
        assert_eq!(office.parts(oldest, 10).await, ["t1", "t3"]);
        let left = office.world.keys().await;
        let is_of_done = |key: &String| key.ends_with("waiting") || key.ends_with("refused");
        assert!(!left.iter().any(is_of_done), "{left:?}");
    });
}

#[test]
fn of_a_client_that_is_removed_nothing_waits_in_the_lists() {
    local(async {
        let office = Office::start().await;
        office.send("t1", "a").await;
        office.send("t2", "b").await;
        let client = office.client.as_str();
        office.engine().delete_client(None, client).await.unwrap();
        assert_eq!(office.parts(ChangeQuery::default(), 10).await.len(), 0);
        let left = office.world.keys().await;
        assert!(!left.iter().any(|key| key.contains("waiting")), "{left:?}");
    });
}
