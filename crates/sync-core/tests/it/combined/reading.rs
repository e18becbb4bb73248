//! What a device gets of a copy that is combined.

use std::collections::BTreeMap;

use serde_json::json;
use sync_core::{
    CopyOf, DeviceSearchRequest, EVERYBODY, LogPlace, Order, SearchRequest, SyncError,
};
use test_support::local;

use super::{Regions, ids};
use crate::device_sync::Copy;

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
