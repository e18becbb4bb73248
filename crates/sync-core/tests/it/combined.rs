//! Users who are in several partitions of a source at once.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sync_core::{
    ClientId, Clock as _, CopyOf, DeviceSearchRequest, DeviceSession, EVERYBODY, FeedError,
    LogPlace, ObjectPatch, Order, SearchRequest, Session, SyncError, UserChange,
};
use test_support::{Break, Fault, World, local};

use crate::background::work;
use crate::device_sync::{Copy, a_moment, ask, device, sync};
use crate::device_sync_changes::{answered, create, send, update};
use crate::live::{Instance, event};

const SETTINGS: &str = r#"
    retention_days = 30
    [sources.Visit]
    adapter = "rust"
    rust = "back-end"
    partition = ["region/{{ user.region }}", "user"]
    create_in = "user"
    poll_interval = 0
    [sources.Note]
    adapter = "push-only"
    partition = ["app", "user"]
    [sources.Own]
    adapter = "push-only"
    partition = "user"
    [sources.Slow]
    adapter = "rust"
    rust = "back-end"
    partition = ["region/{{ user.region }}", "user"]
    query_queue = "adapter"
    poll_interval = 60
"#;

/// Users who get their region's objects and their own.
struct Regions {
    world: World,
}

impl Regions {
    async fn start() -> Self {
        let world = World::start().await;
        let engine = world.another(Some(SETTINGS), 1).await;
        let world = world.with_engine(engine);
        world.back_end.put("n", &[("region", "north")]);
        world.back_end.put("s", &[("region", "south")]);
        world.back_end.put("a", &[("owner", "anna")]);
        world.back_end.put("b", &[("owner", "ben")]);
        Self { world }
    }

    /// A device of the old protocols, of a user who is in this region, if any.
    async fn device(&self, user: &str, region: Option<&str>) -> (Session, ClientId) {
        let session = self.world.sign_in(user).await;
        let client = self.world.client(&session).await;
        self.put(user, region).await;
        (session, client)
    }

    /// A device that keeps its cursors itself.
    async fn own_device(&self, user: &str, region: Option<&str>) -> DeviceSession {
        let device = device(&self.world, user).await;
        self.put(user, region).await;
        device
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
        self.world.sync(session, client, "Visit").await
    }

    async fn push(&self, (session, client): &(Session, ClientId), changes: Value) {
        let pushed = self.world.push(session, client, "Visit", changes).await;
        pushed.unwrap();
    }

    async fn feed(&self, source: &str, user: &str, objects: Value) {
        let objects = serde_json::from_value(objects).unwrap();
        let fed = self.world.engine.feed_objects(source, user, objects).await;
        fed.unwrap();
        a_moment(&self.world);
    }

    /// Syncs a device that keeps its cursors itself, after what others have read is too old for it.
    async fn follow(&self, device: &DeviceSession, copy: &mut Copy) -> Vec<Value> {
        a_moment(&self.world);
        sync(&self.world, device, copy).await
    }
}

fn ids(copy: &Copy, source: &str) -> Vec<String> {
    copy.objects[source].keys().cloned().collect()
}

#[test]
fn a_user_gets_what_is_in_each_of_his_partitions_and_nothing_else() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        let ben = regions.own_device("ben", Some("south")).await;
        let both = json!({"insert": {"a": {"owner": "anna"}, "n": {"region": "north"}}});
        assert_eq!(regions.sync(&anna).await, [both, json!({})]);
        let mut copy = Copy::of(&["Visit"]);
        regions.follow(&ben, &mut copy).await;
        assert_eq!(ids(&copy, "Visit"), ["b", "s"]);
        // What changes in a member comes alone.
        regions.world.back_end.put("n2", &[("region", "north")]);
        regions.world.back_end.remove("a");
        let news = regions.sync(&anna).await;
        let expected =
            json!({"insert": {"n2": {"region": "north"}}, "delete": {"a": {"owner": ""}}});
        assert_eq!(news, [expected, json!({})]);
        assert_eq!(regions.sync(&anna).await, [json!({})]);
        let lines = regions.follow(&ben, &mut copy).await;
        assert!(lines[0].get("objects").is_none(), "{lines:?}");
    });
}

#[test]
fn administrators_read_each_copy_by_the_id_that_lists_tell() {
    local(async {
        let regions = Regions::start().await;
        let engine = &regions.world.engine;
        let anna = regions.own_device("anna", Some("north")).await;
        regions.follow(&anna, &mut Copy::of(&["Visit"])).await;
        let place = LogPlace {
            order: Order::Ascending,
            cursor: None,
        };
        let read = async |id: &str| {
            let copy = CopyOf::Id(id);
            let page = engine.find_objects("Visit", copy, "", place, 10).await?;
            let objects = page.objects.into_iter();
            Ok::<_, SyncError>(objects.map(|(id, _)| id.into_string()).collect::<Vec<_>>())
        };
        let copies = engine.copies_of_user("anna").await.unwrap();
        let mut found = BTreeMap::new();
        for copy in copies {
            let summary = engine.copy_summary("Visit", &copy.id).await.unwrap();
            assert_eq!(summary, copy);
            found.insert(copy.partition, read(&copy.id).await.unwrap());
        }
        let mut combined = found.remove("combined/named/region/north + user/anna");
        combined.as_mut().unwrap().sort();
        assert_eq!(combined.unwrap(), ["a", "n"]);
        assert_eq!(found["named/region/north"], ["n"]);
        assert_eq!(found["user/anna"], ["a"]);
        let versions = engine.object_versions("Visit", CopyOf::Id("named:region/north"), "n");
        assert_eq!(versions.await.unwrap().unwrap().id, "n");
        for id in ["named:region/west", "region/north", "", "combined:[]"] {
            let unknown = read(id).await;
            assert!(
                matches!(unknown, Err(SyncError::UnknownCopy { .. })),
                "{id}"
            );
        }
    });
}

#[test]
fn a_search_finds_what_is_in_each_partition_and_nothing_else() {
    local(async {
        let regions = Regions::start().await;
        let findable = |id, of| {
            regions
                .world
                .back_end
                .put_findable(id, &[of, ("n", "lamp")])
        };
        findable("fn", ("region", "north"));
        findable("fs", ("region", "south"));
        findable("fa", ("owner", "anna"));
        findable("fb", ("owner", "ben"));
        let anna = regions.own_device("anna", Some("north")).await;
        let parameters = BTreeMap::from([("n".to_owned(), "lamp".to_owned())]);
        let request = DeviceSearchRequest {
            source: "Visit",
            parameters: &parameters,
            trace: None,
        };
        let found = regions.world.engine.search_for_device(&anna, request).await;
        let found = serde_json::to_value(found.unwrap()).unwrap();
        let both =
            json!({"fa": {"n": "lamp", "owner": "anna"}, "fn": {"n": "lamp", "region": "north"}});
        let line = json!({"source": "Visit", "found": both.clone(), "more": false});
        assert_eq!(found, json!([line]));
        // A device of the old protocols finds the same.
        let (session, client) = regions.device("anna", Some("north")).await;
        let request = SearchRequest {
            client: client.as_str(),
            sources: &[("Visit".to_owned(), String::new())],
            parameters: &[("n".to_owned(), "lamp".to_owned())],
            page_size: 10,
            is_repeated: false,
            trace: None,
        };
        let pages = regions.world.engine.search(&session, request).await;
        let pages = serde_json::to_value(pages.unwrap()).unwrap();
        assert_eq!(pages[0][4]["insert"], both);
    });
}

#[test]
fn of_an_object_in_two_partitions_the_first_counts_and_it_stays_as_long_as_one_has_it() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.own_device("anna", None).await;
        let mut copy = Copy::of(&["Note"]);
        regions
            .feed("Note", "anna", json!({"x": {"of": "app"}}))
            .await;
        regions.follow(&anna, &mut copy).await;
        assert_eq!(copy.objects["Note"]["x"]["of"], "app");
        // A feed about it goes where it is, and one for everybody where all are.
        regions.feed("Note", "anna", json!({"x": {"n": "1"}})).await;
        regions.follow(&anna, &mut copy).await;
        assert_eq!(
            copy.objects["Note"]["x"],
            BTreeMap::from([
                ("n".to_owned(), json!("1")),
                ("of".to_owned(), json!("app")),
            ])
        );
        let ben = regions.own_device("ben", None).await;
        let mut bens = Copy::of(&["Note"]);
        regions.follow(&ben, &mut bens).await;
        assert_eq!(ids(&bens, "Note"), ["x"], "everybody's is there");
    });
}

#[test]
fn an_object_in_both_partitions_is_told_once_and_goes_when_the_last_has_lost_it() {
    local(async {
        let regions = Regions::start().await;
        let back_end = &regions.world.back_end;
        back_end.put("x", &[("region", "north"), ("owner", "anna"), ("n", "1")]);
        let anna = regions.device("anna", Some("north")).await;
        let first = regions.sync(&anna).await;
        assert_eq!(first[0]["insert"].as_object().unwrap().len(), 3);
        // It leaves the region, and is anna's still.
        back_end.put("x", &[("owner", "anna"), ("n", "1")]);
        let news = regions.sync(&anna).await;
        assert_eq!(news, [json!({"delete": {"x": {"region": ""}}}), json!({})]);
        back_end.remove("x");
        let news = regions.sync(&anna).await;
        let gone = json!({"delete": {"x": {"owner": "", "n": ""}}});
        assert_eq!(news, [gone, json!({})]);
    });
}

#[test]
fn who_leaves_a_partition_loses_what_it_brought_and_keeps_the_rest() {
    local(async {
        let regions = Regions::start().await;
        let old = regions.device("anna", Some("north")).await;
        let own = regions.own_device("anna", Some("north")).await;
        let mut copy = Copy::of(&["Visit"]);
        regions.sync(&old).await;
        regions.follow(&own, &mut copy).await;
        regions.put("anna", Some("south")).await;
        regions
            .world
            .engine
            .ports()
            .clock
            .advance(Duration::from_secs(1));
        let lines = regions.follow(&own, &mut copy).await;
        assert_eq!(lines[0]["reset"], "moved");
        assert_eq!(ids(&copy, "Visit"), ["a", "s"]);
        let news = regions.sync(&old).await;
        let gone = json!({"delete": {"a": {"owner": ""}, "n": {"region": ""}}});
        let here = json!({"insert": {"a": {"owner": "anna"}, "s": {"region": "south"}}});
        assert_eq!(news, [gone, here, json!({})]);
        // In one partition there is nothing to put together.
        regions.put("anna", None).await;
        regions
            .world
            .engine
            .ports()
            .clock
            .advance(Duration::from_secs(1));
        let lines = regions.follow(&own, &mut copy).await;
        assert_eq!(lines[0]["reset"], "moved");
        assert_eq!(ids(&copy, "Visit"), ["a"]);
        // No copy that was made for them is left but the two of one user's own.
        regions.sync(&old).await;
        let keys = regions.world.keys().await;
        let combined: Vec<_> = keys
            .iter()
            .filter(|key| key.contains("combined/"))
            .collect();
        assert!(combined.is_empty(), "{combined:?}");
    });
}

#[test]
fn who_is_deleted_leaves_nothing_of_his_own() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        regions.sync(&anna).await;
        let engine = &regions.world.engine;
        engine.delete_user("anna").await.unwrap();
        let keys = regions.world.keys().await;
        let of_source = keys.iter().filter(|key| key.contains("{Visit/"));
        let others: Vec<_> = of_source
            .filter(|key| !key.contains("{Visit/named/region%2Fnorth}"))
            .collect();
        assert!(others.is_empty(), "{others:?}");
    });
}

#[test]
fn a_user_whose_attribute_is_empty_is_in_no_such_partition() {
    local(async {
        let regions = Regions::start().await;
        regions.world.back_end.put("e", &[("region", "")]);
        let anna = regions.device("anna", Some("")).await;
        let own = json!({"insert": {"a": {"owner": "anna"}}});
        assert_eq!(regions.sync(&anna).await, [own, json!({})]);
    });
}

#[test]
fn a_change_goes_to_the_partition_that_has_the_object_and_its_others_see_it() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        let cora = regions.own_device("cora", Some("north")).await;
        let mut copy = Copy::of(&["Visit"]);
        regions.sync(&anna).await;
        regions.follow(&cora, &mut copy).await;
        let changes = json!({
            "create": {"t": {"owner": "anna"}},
            "update": {"n": {"name": "new"}},
            "delete": {"a": {}},
        });
        regions.push(&anna, changes).await;
        let told = regions.world.back_end.written_in();
        assert_eq!(told, ["user", "region/north", "user"]);
        let news = regions.sync(&anna).await;
        assert_eq!(news, [json!({"links": {"t": {"l": "b1"}}}), json!({})]);
        regions.follow(&cora, &mut copy).await;
        assert_eq!(ids(&copy, "Visit"), ["n"]);
        assert_eq!(copy.objects["Visit"]["n"]["name"], "new");
        // And the same of a device that keeps its cursors.
        let mut changes = json!([
            create("c1", "mine"),
            update("c2", "n", json!({"name": "newer"})),
        ]);
        for change in changes.as_array_mut().unwrap() {
            change["source"] = json!("Visit");
        }
        let verdicts = send(&regions.world, &cora, changes).await;
        let statuses: Vec<_> = verdicts.iter().map(|it| it["status"].clone()).collect();
        assert_eq!(statuses, ["applied", "applied"], "{verdicts:?}");
        let news = regions.sync(&anna).await;
        assert_eq!(
            news,
            [json!({"insert": {"n": {"name": "newer"}}}), json!({})]
        );
    });
}

#[test]
fn a_change_whose_answer_was_lost_is_done_once() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        regions.sync(&anna).await;
        regions.world.back_end.fail([Fault::LostAnswer]);
        let changes = json!({"create": {"t": {"owner": "anna", "region": "north"}}});
        regions.push(&anna, changes).await;
        let news = regions.sync(&anna).await;
        assert_eq!(news[0]["links"], json!({"t": {"l": "b1"}}), "{news:?}");
        assert_eq!(regions.world.back_end.writes(), 1);
        assert_eq!(regions.sync(&anna).await, [json!({})]);
    });
}

#[test]
fn feeds_name_objects_and_cannot_replace_what_others_share() {
    local(async {
        let regions = Regions::start().await;
        let engine = &regions.world.engine;
        let anna = regions.own_device("anna", None).await;
        let mut copy = Copy::of(&["Note"]);
        regions
            .feed("Note", EVERYBODY, json!({"all": {"n": "1"}}))
            .await;
        regions.follow(&anna, &mut copy).await;
        assert_eq!(ids(&copy, "Note"), ["all"]);
        let replaced = engine.replace_objects("Note", "anna", BTreeMap::new(), true);
        let is_refused = matches!(replaced.await, Err(FeedError::SeveralPartitions { .. }));
        assert!(is_refused);
        let patch = ObjectPatch {
            set: serde_json::from_value(json!({"m": "2"})).unwrap(),
            remove: vec!["n".to_owned()],
        };
        let patches = BTreeMap::from([("all".to_owned(), patch)]);
        engine.patch_objects("Note", "anna", patches).await.unwrap();
        regions.follow(&anna, &mut copy).await;
        assert_eq!(json!(copy.objects["Note"]["all"]), json!({"m": "2"}));
        let gone = vec!["all".to_owned()];
        engine.feed_deletes("Note", "anna", gone).await.unwrap();
        regions.follow(&anna, &mut copy).await;
        assert!(ids(&copy, "Note").is_empty());
    });
}

#[test]
fn what_is_wrong_with_one_partition_is_told_and_the_others_go_on() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.device("anna", Some("north")).await;
        regions.sync(&anna).await;
        regions.world.back_end.put("a2", &[("owner", "anna")]);
        regions.world.back_end.fail([Fault::Unreachable]);
        let news = regions.sync(&anna).await;
        assert_eq!(
            news[0]["insert"],
            json!({"a2": {"owner": "anna"}}),
            "{news:?}"
        );
        let error = &news[1]["source-error"]["query-error"]["message"];
        assert_eq!(*error, "unreachable", "{news:?}");
        assert_eq!(regions.sync(&anna).await, [json!({})]);
    });
}

#[test]
fn a_store_that_has_lost_a_member_or_gone_back_is_compared_anew() {
    local(async {
        let regions = Regions::start().await;
        let anna = regions.own_device("anna", None).await;
        let mut copy = Copy::of(&["Note"]);
        regions
            .feed("Note", EVERYBODY, json!({"1": {"n": "1"}}))
            .await;
        regions.follow(&anna, &mut copy).await;
        let backup = regions.world.backup().await;
        regions
            .feed("Note", EVERYBODY, json!({"2": {"n": "1"}}))
            .await;
        regions.follow(&anna, &mut copy).await;
        regions.world.restore(&backup).await;
        regions.follow(&anna, &mut copy).await;
        assert_eq!(ids(&copy, "Note"), ["1"]);
        // Everybody's is gone, and comes again with as many changes.
        for key in regions.world.keys().await {
            if key.contains("{Note/app}") {
                regions.world.run(&["DEL", &key]).await;
            }
        }
        regions
            .feed("Note", EVERYBODY, json!({"3": {"n": "1"}}))
            .await;
        regions.follow(&anna, &mut copy).await;
        assert_eq!(ids(&copy, "Note"), ["3"]);
    });
}

#[test]
fn what_was_deleted_and_collected_in_a_member_goes_too() {
    local(async {
        let regions = Regions::start().await;
        let engine = &regions.world.engine;
        let anna = regions.own_device("anna", None).await;
        let mut copy = Copy::of(&["Note"]);
        let all = json!({"1": {"n": "1"}, "2": {"n": "1"}});
        regions.feed("Note", EVERYBODY, all).await;
        regions.follow(&anna, &mut copy).await;
        let gone = vec!["1".to_owned()];
        engine.feed_deletes("Note", EVERYBODY, gone).await.unwrap();
        // No client is in a member: nobody is waited for.
        assert_eq!(engine.collect_tombstones("Note", EVERYBODY).await, Ok(1));
        regions.follow(&anna, &mut copy).await;
        assert_eq!(ids(&copy, "Note"), ["2"]);
    });
}

#[test]
fn an_idle_poll_reads_the_heads_of_the_members_and_no_other_source_pays() {
    local(async {
        let regions = Regions::start().await;
        let world = &regions.world;
        let (session, client) = regions.device("anna", None).await;
        for source in ["Note", "Own"] {
            regions.feed(source, "anna", json!({"1": {"n": "1"}})).await;
            world.sync(&session, &client, source).await;
            world.sync(&session, &client, source).await;
        }
        let calls = async || {
            let (marks, heads) = (world.calls_of("hget").await, world.calls_of("hmget").await);
            (marks, heads)
        };
        let mut costs = Vec::new();
        for source in ["Own", "Note"] {
            let (marks, heads) = calls().await;
            let work = world.sync(&session, &client, source);
            let (_, trips) = world.engine.ports().redis.in_round_trips(work).await;
            let (marks_now, heads_now) = calls().await;
            costs.push((marks_now - marks, heads_now - heads, trips));
        }
        let (marks, heads, trips) = costs[0];
        // What it was made of, and a head for each of two members, all in the same round trip.
        assert_eq!(costs[1], (marks + 1, heads + 2, trips));
        // A change of a member is written into the copy first.
        regions
            .feed("Note", EVERYBODY, json!({"2": {"n": "1"}}))
            .await;
        let work = world.pull(&session, &client, "Note", "");
        let (page, with_change) = world.engine.ports().redis.in_round_trips(work).await;
        assert_eq!(page.unwrap()[5]["insert"], json!({"2": {"n": "1"}}));
        assert!(with_change <= trips + 12, "{with_change} and {trips}");
    });
}

#[test]
fn a_change_of_a_member_wakes_the_devices_of_all_who_are_in_it() {
    local(async {
        let regions = Regions::start().await;
        let world = &regions.world;
        let anna = regions.own_device("anna", None).await;
        let ben = regions.own_device("ben", None).await;
        let (mut annas, mut bens) = (Copy::of(&["Note"]), Copy::of(&["Note"]));
        regions.follow(&anna, &mut annas).await;
        regions.follow(&ben, &mut bens).await;
        let instance = Instance::of(world).await;
        let (hers, his) = (instance.open(&anna).await, instance.open(&ben).await);
        let monotonic = || world.engine.ports().clock.monotonic();
        let wait = async |device: &DeviceSession, copy: &Copy| {
            let began = monotonic();
            let limit = Duration::from_secs(60);
            let none = BTreeMap::new();
            let waited = world
                .engine
                .wait_for_news(device, &copy.cursors, &none, limit)
                .await;
            waited.unwrap();
            monotonic() - began
        };
        let whole = Duration::from_secs(25);
        // Everybody's wakes everybody.
        let change = regions.feed("Note", EVERYBODY, json!({"all": {"n": "1"}}));
        let (waited, ()) = futures_util::join!(wait(&ben, &bens), change);
        assert!(waited < whole, "{waited:?}");
        assert_eq!(
            wait(&anna, &annas).await,
            Duration::ZERO,
            "it is news at once"
        );
        let told = instance.round().await;
        assert_eq!(told, [(hers, event(&["Note"])), (his, event(&["Note"]))]);
        regions.follow(&anna, &mut annas).await;
        regions.follow(&ben, &mut bens).await;
        assert_eq!(ids(&bens, "Note"), ["all"]);
        instance.round().await;
        // Nobody else hears of a user's own.
        let own = own_note(world, "anna", "mine");
        let (waited, ()) = futures_util::join!(wait(&ben, &bens), own);
        assert!(waited >= whole, "{waited:?}");
        assert_eq!(wait(&anna, &annas).await, Duration::ZERO);
        assert_eq!(instance.round().await, [(hers, event(&["Note"]))]);
        regions.follow(&anna, &mut annas).await;
        assert_eq!(ids(&annas, "Note"), ["all", "mine"]);
        regions.follow(&ben, &mut bens).await;
        assert_eq!(ids(&bens, "Note"), ["all"]);
    });
}

/// Puts something into a user's own notes, as a server would of which they are the only ones.
async fn own_note(world: &World, user: &str, object: &str) {
    let own = SETTINGS.replace(r#"["app", "user"]"#, r#""user""#);
    let engine = world.another(Some(&own), 3).await;
    let objects = serde_json::from_value(json!({object: {"n": "1"}})).unwrap();
    engine.feed_objects("Note", user, objects).await.unwrap();
    a_moment(world);
}

#[test]
fn jobs_ask_for_the_members_and_make_the_copy() {
    local(async {
        let regions = Regions::start().await;
        let world = &regions.world;
        let anna = regions.own_device("anna", Some("north")).await;
        let mut copy = Copy::of(&["Slow"]);
        regions.follow(&anna, &mut copy).await;
        assert!(
            copy.objects["Slow"].is_empty(),
            "a job asks, and nobody waits for it"
        );
        work(&world.engine).await;
        regions.follow(&anna, &mut copy).await;
        assert_eq!(ids(&copy, "Slow"), ["a", "n"]);
        let asked = world.back_end.queries();
        world.engine.ports().clock.advance(Duration::from_secs(61));
        world.back_end.put("n2", &[("region", "north")]);
        world.engine.refresh_now("Slow", "anna").await.unwrap();
        work(&world.engine).await;
        assert_eq!(world.back_end.queries(), asked + 2);
        regions.follow(&anna, &mut copy).await;
        assert_eq!(ids(&copy, "Slow"), ["a", "n", "n2"]);
    });
}

#[test]
fn whatever_command_is_lost_everybody_has_the_same_in_the_end() {
    local(async {
        let regions = Regions::start().await;
        let world = &regions.world;
        let anna = regions.own_device("anna", Some("north")).await;
        let cora = regions.own_device("cora", Some("north")).await;
        let (mut annas, mut coras) = (Copy::of(&["Visit"]), Copy::of(&["Visit"]));
        let redis = &world.engine.ports().redis;
        let mut turn = 0;
        for at in [Break::Before, Break::After] {
            for command in 1.. {
                turn += 1;
                world
                    .back_end
                    .put(&format!("n{turn}"), &[("region", "north")]);
                world.back_end.remove(&format!("n{}", turn - 1));
                a_moment(world);
                let change = json!({
                    "id": format!("c{turn}"), "source": "Visit", "op": "update", "object": "n",
                    "set": {"turn": turn.to_string()},
                });
                redis.break_at(command, at);
                let body = json!({"changes": [change]});
                let lines = answered(&world.engine, &anna, &annas.cursors, body.clone()).await;
                for line in lines.into_iter().flatten() {
                    annas.apply(&line);
                }
                let lines = ask(&world.engine, &cora, &coras.cursors, None).await;
                for line in lines.into_iter().flatten() {
                    coras.apply(&line);
                }
                let was_hit = redis.mend();
                // Leases of whoever was stopped run out.
                redis.let_keys_expire(Duration::from_secs(61)).await;
                let clock = &world.engine.ports().clock;
                clock.advance(Duration::from_secs(61));
                work(&world.engine).await;
                let lines = answered(&world.engine, &anna, &annas.cursors, body).await;
                let lines = lines.unwrap();
                lines.iter().for_each(|line| annas.apply(line));
                regions.follow(&anna, &mut annas).await;
                regions.follow(&cora, &mut coras).await;
                let objects = world.back_end.objects();
                assert_eq!(
                    objects[&"n".parse().unwrap()]["turn"],
                    turn.to_string(),
                    "{at:?} {command} {lines:?}"
                );
                let of_region = objects
                    .iter()
                    .filter(|(_, it)| it.get("region").is_some_and(|it| it == "north"));
                let of_region: BTreeMap<String, _> = of_region
                    .map(|(id, attributes)| (id.to_string(), json!(attributes)))
                    .collect();
                assert_eq!(
                    json!(coras.objects["Visit"]),
                    json!(of_region),
                    "{at:?} {command}"
                );
                annas.objects.get_mut("Visit").unwrap().remove("a").unwrap();
                assert_eq!(annas.objects, coras.objects, "{at:?} {command}");
                let own = BTreeMap::from([("owner".to_owned(), json!("anna"))]);
                annas
                    .objects
                    .get_mut("Visit")
                    .unwrap()
                    .insert("a".to_owned(), own);
                if !was_hit {
                    break;
                }
            }
        }
    });
}
