//! The lists of changes: their order, their parts, what goes from them.

use std::time::Duration;

use serde_json::json;
use sync_core::{ChangeQuery, Order, SyncError};
use sync_proto::api::ChangeState;
use test_support::{Fault, local};

use super::Office;

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
