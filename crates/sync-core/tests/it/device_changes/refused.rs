//! What the back end has refused is tried again or discarded.

use serde_json::json;
use sync_core::{ChangeOutcome, ChangeQuery, Expected};
use sync_proto::api::{ChangeInfo, ChangeState, ClientHealth};
use test_support::{Fault, local};

use super::{Office, attributes};
use crate::background::work;

impl Office {
    /// A device sends something that the back end refuses. Returns what administrators see of it.
    pub(super) async fn refused(&self, id: &str, name: &str) -> ChangeInfo {
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
        let retried =
            office
                .engine()
                .retry_change(&refused.id, attributes("right"), &Expected::Any);
        let ChangeOutcome::Done(retried) = retried.await.unwrap() else {
            panic!("it was not retried");
        };
        assert_eq!(retried.state, ChangeState::Waiting);
        assert_eq!((retried.attempts, retried.user.as_str()), (1, "anna"));
        assert_eq!(retried.attributes.as_ref().unwrap()["name"], "right");
        let again = office
            .engine()
            .retry_change(&refused.id, None, &Expected::Any)
            .await;
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
            .retry_change(&refused.id, None, &Expected::Any)
            .await
            .unwrap();
        work(office.engine()).await;
        let [dead] = &office.all().await[..] else {
            panic!("one change was given up");
        };
        assert_eq!((dead.state, dead.attempts), (ChangeState::Dead, 2));
        office
            .engine()
            .retry_change(&dead.id, None, &Expected::Any)
            .await
            .unwrap();
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
        let retried = office
            .engine()
            .retry_change(&refused.id, attributes("c"), &Expected::Any);
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
        let discarded = office
            .engine()
            .discard_change(&refused.id, &Expected::Any)
            .await
            .unwrap();
        assert!(matches!(discarded, ChangeOutcome::Done(())));
        assert_eq!(office.all().await.len(), 0);
        let sources = office.engine().client_sources(office.client.as_str());
        assert_eq!(sources.await.unwrap().first().unwrap().failed, 0);
        let again = office
            .engine()
            .discard_change(&refused.id, &Expected::Any)
            .await
            .unwrap();
        assert!(matches!(again, ChangeOutcome::Missing), "{again:?}");
        let retried = office
            .engine()
            .retry_change(&refused.id, None, &Expected::Any)
            .await;
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
                    engine.retry_change(&refused.id, attributes("one"), &Expected::Any),
                    engine.retry_change(&refused.id, attributes("other"), &Expected::Any)
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
