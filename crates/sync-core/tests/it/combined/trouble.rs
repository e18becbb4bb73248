//! Members that fail, are lost or were collected, and commands that are lost.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use sync_core::EVERYBODY;
use test_support::{Break, Fault, local};

use super::{Regions, ids};
use crate::background::work;
use crate::device_sync::{Copy, a_moment, ask};
use crate::device_sync_changes::answered;

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
