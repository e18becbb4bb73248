//! Users who enter and leave partitions.

use std::time::Duration;

use serde_json::json;
use test_support::local;

use super::{Regions, ids};
use crate::device_sync::Copy;

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
