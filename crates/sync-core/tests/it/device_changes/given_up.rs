//! What was given up is tried again or discarded.

use serde_json::json;
use sync_core::{ChangeOutcome, ChangeQuery, Expected};
use sync_proto::api::{ChangeInfo, ChangeState, ClientHealth};
use test_support::{Fault, local};

use super::{Office, attributes};
use crate::background::work;

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
        let retried = office
            .engine()
            .retry_change(&first.id, attributes("c"), &Expected::Any);
        let ChangeOutcome::Done(retried) = retried.await.unwrap() else {
            panic!("it was not retried");
        };
        assert_eq!(retried.state, ChangeState::Waiting);
        let again = office
            .engine()
            .retry_change(&first.id, None, &Expected::Any)
            .await
            .unwrap();
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
        let discarded = office
            .engine()
            .discard_change(&second.id, &Expected::Any)
            .await
            .unwrap();
        assert!(matches!(discarded, ChangeOutcome::Done(())));
        assert_eq!(office.are(ClientHealth::Stuck).await, 0);
        assert_eq!(office.list(dead).await.len(), 0);
        let left = office.world.keys().await;
        assert!(!left.iter().any(|key| key.contains("given-up")), "{left:?}");
    });
}

impl Office {
    /// A device sends something, and nobody understands what the back end says to it.
    pub(super) async fn given_up(&self, id: &str, name: &str) -> ChangeInfo {
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
        let retried = office
            .engine()
            .retry_change(&dead.id, None, &Expected::Any)
            .await;
        assert!(matches!(retried.unwrap(), ChangeOutcome::Missing));
        office.later(2).await;
        assert_eq!(office.made(), ["right"]);
        assert_eq!(office.are(ClientHealth::Stuck).await, 0);

        // The same of one that was refused, and whose device has not acknowledged that.
        let refused = office.refused("t2", "refused").await;
        office.create("t2", "corrected").await;
        let retried = office
            .engine()
            .retry_change(&refused.id, None, &Expected::Any)
            .await;
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
            .retry_change(&dead.id, attributes("right"), &Expected::Any)
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
