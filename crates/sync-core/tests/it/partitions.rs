//! Partitions that are computed for users.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{AccountError, ClientId, Session, UserChange};
use test_support::{Fault, World, local};

use crate::device_sync::{Copy, a_moment, device, sync};
use crate::device_sync_changes::answered;

const REGIONAL: &str = r#"
    [sources.Regional]
    adapter = "rust"
    rust = "back-end"
    partition = "{{ user.region }}"
    poll_interval = 0
"#;

/// Users in regions, and a back end that has something in each.
struct Regions {
    world: World,
}

impl Regions {
    async fn start() -> Self {
        let world = World::start().await;
        let engine = world.another(Some(REGIONAL), 1).await;
        let world = world.with_engine(engine);
        world.back_end.put("1", &[("region", "north")]);
        world.back_end.put("2", &[("region", "south")]);
        Self { world }
    }

    /// A device of a user who is in this region, if any.
    async fn device(&self, user: &str, region: Option<&str>) -> (Session, ClientId) {
        let session = self.world.sign_in(user).await;
        let client = self.world.client(&session).await;
        self.put(user, region).await;
        (session, client)
    }

    async fn put(&self, user: &str, region: Option<&str>) {
        let region = region.map(|region| ("region".to_owned(), region.to_owned()));
        let change = UserChange {
            attributes: Some(BTreeMap::from_iter(region)),
            ..UserChange::default()
        };
        let accounts = self.world.engine.accounts();
        accounts.update_user(user, change).await.unwrap();
    }

    async fn sync(&self, (session, client): &(Session, ClientId)) -> Vec<Value> {
        self.world.sync(session, client, "Regional").await
    }
}

fn inserted(id: &str, region: &str) -> [Value; 2] {
    [json!({"insert": {id: {"region": region}}}), json!({})]
}

#[test]
fn users_of_one_region_share_a_copy_and_others_have_their_own() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        let ben = regions.device("ben", Some("south")).await;
        let cora = regions.device("cora", Some("north")).await;
        assert_eq!(regions.sync(&anna).await, inserted("1", "north"));
        assert_eq!(regions.sync(&ben).await, inserted("2", "south"));
        // What one of them makes is the others' too, of this region only.
        let (session, client) = &anna;
        let made = json!({"create": {"t": {"region": "north", "name": "new"}}});
        regions
            .world
            .push(session, client, "Regional", made)
            .await
            .unwrap();
        let all = json!({"insert": {
            "1": {"region": "north"},
            "b1": {"region": "north", "name": "new"},
        }});
        assert_eq!(regions.sync(&cora).await, [all, json!({})]);
        assert_eq!(regions.sync(&ben).await, [json!({})]);
    });
}

#[test]
fn who_moves_loses_what_was_there_and_gets_what_is_here() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        assert_eq!(regions.sync(&anna).await, inserted("1", "north"));
        regions.put("anna", Some("south")).await;
        let gone = json!({"delete": {"1": {"region": ""}}});
        let here = json!({"insert": {"2": {"region": "south"}}});
        assert_eq!(regions.sync(&anna).await, [gone, here, json!({})]);
    });
}

#[test]
fn a_part_of_a_region_is_given_back_with_it() {
    local(async {
        let regions = Regions::start().await;
        let (session, client) = regions.device("anna", Some("north")).await;
        let parameters = [("region", "north")];
        let narrowed = || {
            let world = &regions.world;
            world.sync_narrowed(&session, &client, "Regional", &parameters)
        };
        assert_eq!(narrowed().await, inserted("1", "north"));
        regions.put("anna", Some("south")).await;
        let gone = json!({"delete": {"1": {"region": ""}}});
        assert_eq!(narrowed().await, [gone, json!({})]);
    });
}

#[test]
fn a_user_of_no_region_gets_nothing_and_is_asked_for_nowhere() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", None).await;
        assert_eq!(regions.sync(&anna).await, [json!({})]);
        assert_eq!(regions.world.back_end.queries(), 0);
        regions.put("anna", Some("north")).await;
        assert_eq!(regions.sync(&anna).await, inserted("1", "north"));
        regions.put("anna", None).await;
        let gone = json!({"delete": {"1": {"region": ""}}});
        assert_eq!(regions.sync(&anna).await, [gone, json!({})]);
        assert_eq!(regions.world.back_end.searches(), 0);
    });
}

#[test]
fn a_device_that_keeps_its_cursors_is_told_that_it_has_moved() {
    local(async {
        let regions = Regions::start().await;
        let anna = device(&regions.world, "anna").await;
        regions.put("anna", Some("north")).await;
        let mut copy = Copy::of(&["Regional"]);
        sync(&regions.world, &anna, &mut copy).await;
        let ids = |copy: &Copy| copy.objects["Regional"].keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&copy), ["1"]);
        regions.put("anna", Some("south")).await;
        let lines = sync(&regions.world, &anna, &mut copy).await;
        assert_eq!(lines[0]["reset"], "moved");
        assert_eq!(ids(&copy), ["2"]);
    });
}

#[test]
fn attributes_that_templates_could_not_name_are_refused() {
    local(async {
        let world = World::start().await;
        world.sign_in("anna").await;
        let accounts = world.engine.accounts();
        let long = "x".repeat(256);
        let many = (0..33).map(|n| (format!("a{n}"), "1".to_owned()));
        let wrong = [
            ("name", "x"),
            ("1", "x"),
            ("a b", "x"),
            ("", "x"),
            ("a", "\n"),
            ("a", &long),
        ]
        .map(|(name, value)| BTreeMap::from([(name.to_owned(), value.to_owned())]));
        for attributes in wrong.into_iter().chain([many.collect()]) {
            let change = UserChange {
                attributes: Some(attributes.clone()),
                ..UserChange::default()
            };
            let refused = accounts.update_user("anna", change).await;
            let is_refused = matches!(refused, Err(AccountError::InvalidUserAttributes { .. }));
            assert!(is_refused, "{attributes:?}");
        }
    });
}

#[test]
fn a_change_that_waits_when_its_user_moves_is_done_once_and_has_its_verdict() {
    local(async {
        let regions = Regions::start().await;
        let world = &regions.world;
        let phone = device(world, "anna").await;
        regions.put("anna", Some("north")).await;
        let mut copy = Copy::of(&["Regional"]);
        sync(world, &phone, &mut copy).await;
        world.back_end.fail([Fault::Unreachable; 3]);
        let set = json!({"region": "north"});
        let change =
            json!({"id": "c1", "source": "Regional", "op": "create", "object": "t", "set": set});
        let sent = json!({"changes": [change]});
        let pending = json!({"pending": {"Regional": ["c1", "never"]}});
        let told = async |have: &Copy, body: &Value| {
            let lines = answered(&world.engine, &phone, &have.cursors, body.clone());
            let lines = lines.await.unwrap();
            let verdicts = lines.iter().filter_map(|line| line.get("verdict").cloned());
            verdicts.collect::<Vec<_>>()
        };
        let accepted = json!({"id": "c1", "status": "accepted"});
        assert_eq!(told(&copy, &sent).await[0], accepted);
        world.back_end.heal();
        regions.put("anna", Some("south")).await;
        // No answer came: the device sends it once more, before it knows of its move and after.
        assert_eq!(told(&copy, &sent).await[0], accepted);
        a_moment(world);
        sync(world, &phone, &mut copy).await;
        assert!(copy.objects["Regional"].contains_key("2"));
        assert_eq!(told(&copy, &sent).await[0], accepted);
        assert_eq!(told(&copy, &pending).await[0], accepted);
        for _ in 0..5 {
            world.engine.ports().clock.advance(Duration::from_secs(60));
            world.work().await;
        }
        let done = told(&copy, &pending).await;
        let applied = json!({"id": "c1", "status": "applied", "object": "b1"});
        assert_eq!(done[0], applied);
        assert_eq!(done[1]["code"], "unknown_change");
        // And when the user comes back.
        regions.put("anna", Some("north")).await;
        assert_eq!(told(&copy, &sent).await, [applied]);
        assert_eq!(world.back_end.objects().len(), 3);
    });
}
