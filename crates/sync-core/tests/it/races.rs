//! Many at once on one document.

use futures_util::future::join_all;
use futures_util::join;
use serde_json::{Value, json};
use sync_core::StorePorts as _;
use test_support::{World, local};

#[test]
fn writers_on_one_object_lose_nothing_of_each_other() {
    local(async {
        let world = World::start().await;
        world.back_end.put("1", &[("name", "a")]);
        let session = world.sign_in("u1").await;
        let reader = world.client(&session).await;
        world.sync(&session, &reader, "Shared").await;
        let world = &world;
        let session = &session;
        let writers = (0..8).map(|writer| async move {
            let client = world.client(session).await;
            for round in 0..5 {
                let changes = json!({"update": {"1": {format!("w{writer}"): round.to_string()}}});
                world
                    .push(session, &client, "Shared", changes)
                    .await
                    .unwrap();
            }
        });
        let pushes = (0..8).map(|writer| async move {
            let objects =
                serde_json::from_value(json!({"1": {format!("p{writer}"): "x"}})).unwrap();
            world
                .engine
                .feed_objects("Pushed", "u1", objects)
                .await
                .unwrap();
        });
        join!(join_all(writers), join_all(pushes));
        let news = world.sync(session, &reader, "Shared").await;
        let expected: serde_json::Map<_, _> = (0..8)
            .map(|writer| (format!("w{writer}"), json!("4")))
            .collect();
        assert_eq!(news[0]["insert"]["1"], Value::Object(expected));
        let pushed = world.sync(session, &reader, "Pushed").await;
        assert_eq!(pushed[0]["insert"]["1"].as_object().unwrap().len(), 8);
    });
}

#[test]
fn a_reader_that_pages_while_a_writer_commits_misses_nothing() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let put = async |ids: std::ops::Range<u32>, value: &str| {
            for id in ids {
                let objects =
                    serde_json::from_value(json!({id.to_string(): {"v": value}})).unwrap();
                world
                    .engine
                    .feed_objects("Pushed", "u1", objects)
                    .await
                    .unwrap();
            }
        };
        put(0..50, "first").await;
        let mut copy = std::collections::BTreeMap::new();
        let read = async {
            let mut token = String::new();
            let mut idle = 0;
            while idle < 50 {
                let page = world
                    .pull_pages_of(3, &session, &client, "Pushed", &token)
                    .await
                    .unwrap();
                page[1]["token"].as_str().unwrap().clone_into(&mut token);
                idle = if token.is_empty() { idle + 1 } else { 0 };
                for (id, object) in page[5]["insert"].as_object().into_iter().flatten() {
                    copy.insert(id.clone(), object["v"].as_str().unwrap().to_owned());
                }
            }
        };
        join!(put(20..80, "second"), put(10..30, "third"), read);
        let fresh = world.client(&session).await;
        let truth = world.sync(&session, &fresh, "Pushed").await;
        let truth: std::collections::BTreeMap<_, _> = truth[0]["insert"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(id, object)| (id.clone(), object["v"].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(copy, truth);
    });
}

#[test]
fn one_device_that_sends_the_same_twice_at_once_creates_once() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        let another = world.another(None, 9).await;
        another
            .ports()
            .clock()
            .advance(std::time::Duration::from_millis(1));
        let changes = json!({"create": {"t1": {"n": "1"}, "t2": {"n": "2"}, "t3": {"n": "3"}}});
        let again = async {
            let changes = serde_json::from_value(changes.clone()).unwrap();
            let request = sync_core::ChangesRequest {
                client: client.as_str(),
                source: "Shared",
                sequence: None,
                files: sync_core::Files::default(),
                changes,
                trace: None,
            };
            another.accept_changes(&session, request).await
        };
        let (first, second) = join!(
            world.push(&session, &client, "Shared", changes.clone()),
            again
        );
        first.unwrap();
        second.unwrap();
        assert_eq!(world.back_end.objects().len(), 3);
        let links = world.sync(&session, &client, "Shared").await;
        assert_eq!(links[0]["links"].as_object().unwrap().len(), 3);
    });
}
