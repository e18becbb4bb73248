//! A client's copy beside the server's, as administrators compare them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use serde_json::{Value, json};
use sync_core::{ClientId, Session, SyncError};
use sync_proto::api::{DifferenceKind, ObjectDifference};
use test_support::{World, local};

const SETTINGS: &str = r#"
    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = -1
"#;

struct Desk {
    world: World,
    session: Session,
    client: ClientId,
}

impl Desk {
    /// A device that has the objects `1`, `2` and `3`.
    async fn start() -> Self {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        let session = world.sign_in("anna").await;
        let client = world.client(&session).await;
        let desk = Self {
            world,
            session,
            client,
        };
        let object = json!({"name": "a", "price": "1"});
        desk.feed(json!({"1": object, "2": object, "3": object}))
            .await;
        desk.sync().await;
        desk
    }

    async fn feed(&self, objects: Value) {
        let objects = serde_json::from_value(objects).unwrap();
        let fed = self.world.engine.feed_objects("Shared", "anna", objects);
        fed.await.unwrap();
    }

    async fn sync(&self) {
        self.world.sync(&self.session, &self.client, "Shared").await;
    }

    /// All differences, read `limit` at a time, and how many parts there were.
    async fn differences(&self, limit: usize) -> (Vec<ObjectDifference>, usize) {
        let (mut found, mut parts, mut cursor) = (Vec::new(), 0, None::<String>);
        loop {
            let engine = &self.world.engine;
            let part = engine.differences(self.client.as_str(), "Shared", cursor.as_deref(), limit);
            let part = part.await.unwrap().unwrap();
            assert!(part.differences.len() <= limit);
            found.extend(part.differences);
            parts += 1;
            cursor = part.next;
            if cursor.is_none() {
                return (found, parts);
            }
        }
    }

    async fn told(&self) -> Vec<(String, DifferenceKind, String)> {
        let (found, _) = self.differences(100).await;
        let found = found.into_iter();
        found
            .map(|one| (one.id, one.difference, one.attributes.join(" ")))
            .collect()
    }
}

fn told(id: &str, kind: DifferenceKind, names: &str) -> (String, DifferenceKind, String) {
    (id.to_owned(), kind, names.to_owned())
}

#[test]
fn what_a_device_lacks_has_otherwise_and_has_too_much_is_told_without_a_value() {
    local(async {
        let desk = Desk::start().await;
        assert_eq!(desk.told().await, []);
        desk.feed(json!({"1": {"price": "2"}, "4": {"name": "d"}}))
            .await;
        let deleted = vec!["2".to_owned()];
        let engine = &desk.world.engine;
        engine
            .feed_deletes("Shared", "anna", deleted)
            .await
            .unwrap();
        let before = desk.world.backup().await;
        let mut differences = desk.told().await;
        differences.sort();
        assert_eq!(
            differences,
            [
                told("1", DifferenceKind::Outdated, "price"),
                told("2", DifferenceKind::Surplus, "name price"),
                told("4", DifferenceKind::Missing, "name"),
            ]
        );
        assert_eq!(desk.world.backup().await, before, "looking changes nothing");
        desk.sync().await;
        assert_eq!(desk.told().await, []);
    });
}

#[test]
fn a_devices_own_changes_are_no_difference() {
    local(async {
        let desk = Desk::start().await;
        let changes = json!({"update": {"1": {"name": "mine"}}});
        let pushed = desk
            .world
            .push(&desk.session, &desk.client, "Shared", changes);
        pushed.await.unwrap();
        assert_eq!(desk.world.back_end.objects().len(), 0);
        assert_eq!(desk.told().await, []);
    });
}

#[test]
fn a_device_that_starts_over_lacks_everything_and_each_object_is_told_once() {
    local(async {
        let desk = Desk::start().await;
        let engine = &desk.world.engine;
        let restarted = engine.restart_client(desk.client.as_str(), "Shared");
        restarted.await.unwrap();
        let (found, parts) = desk.differences(2).await;
        assert_eq!(parts, 2);
        let mut ids: Vec<_> = found.iter().map(|one| one.id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["1", "2", "3"]);
        let missing = |one: &ObjectDifference| one.difference == DifferenceKind::Missing;
        assert!(found.iter().all(missing), "{found:?}");
    });
}

#[test]
fn what_one_part_reads_depends_on_its_length_and_not_on_the_document() {
    local(async {
        let desk = Desk::start().await;
        for start in 0..3 {
            let objects = (0..1_000).map(|number| {
                let id = format!("o{}", start * 1_000 + number);
                (id, json!({"name": "a"}))
            });
            desk.feed(Value::Object(objects.collect())).await;
        }
        let engine = &desk.world.engine;
        let calls = desk.world.calls_of("hmget").await;
        let part = engine.differences(desk.client.as_str(), "Shared", None, 100);
        let part = part.await.unwrap().unwrap();
        assert_eq!(part.differences.len(), 100);
        assert!(part.next.is_some());
        let calls = desk.world.calls_of("hmget").await - calls;
        assert!(calls < 5, "{calls} reads for one part");
    });
}

#[test]
fn what_was_found_by_a_search_is_compared_too() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.back_end.put_findable("s1", &[("name", "found")]);
        world.find(&session, &client, "Shared").await;
        let engine = &world.engine;
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let part = engine.differences(client.as_str(), "Shared", cursor.as_deref(), 10);
            let part = part.await.unwrap().unwrap();
            found.extend(part.differences);
            cursor = part.next;
            if cursor.is_none() {
                break;
            }
        }
        let [one] = &found[..] else {
            panic!("one was found: {found:?}");
        };
        assert_eq!(
            (one.id.as_str(), one.difference, one.version),
            ("s1", DifferenceKind::Surplus, None)
        );
    });
}

#[test]
fn a_cursor_that_was_not_given_out_is_refused_and_a_source_that_is_not_synced_has_nothing() {
    local(async {
        let desk = Desk::start().await;
        let engine = &desk.world.engine;
        for wrong in ["x", "held-x", "-1"] {
            let refused = engine.differences(desk.client.as_str(), "Shared", Some(wrong), 10);
            let refused = refused.await;
            assert!(
                matches!(refused, Err(SyncError::InvalidSetting { .. })),
                "{wrong}: {refused:?}"
            );
        }
        let other = desk.world.client(&desk.session).await;
        let none = engine.differences(other.as_str(), "Shared", None, 10);
        assert!(none.await.unwrap().is_none());
    });
}
