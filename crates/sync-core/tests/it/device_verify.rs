//! `/sync/v1`: a copy that is wrong is found out and mended.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sync_core::{DeviceSession, SyncError};
use test_support::{World, local};

use crate::device_sync::{Copy, a_moment, device, feed, start, sync};

/// The sums of a copy's buckets.
fn buckets(copy: &Copy, source: &str) -> Vec<String> {
    let mut parts = vec![Copy::default(); 256];
    for part in &mut parts {
        part.objects.insert(source.to_owned(), BTreeMap::new());
    }
    for (id, attributes) in &copy.objects[source] {
        let bucket = usize::from(Sha256::digest(id)[0]);
        let part = parts[bucket].objects.get_mut(source).unwrap();
        part.insert(id.clone(), attributes.clone());
    }
    parts.iter().map(|part| part.sum(source)).collect()
}

async fn verify(world: &World, device: &DeviceSession, copy: &Copy) -> Option<Vec<Value>> {
    let request = sync_core::VerifyRequest {
        source: "Typed",
        parameters: &BTreeMap::new(),
        cursor: copy.cursors["Typed"].as_deref().unwrap(),
        buckets: &buckets(copy, "Typed"),
    };
    let lines = world.engine.verify_copy(device, request).await.unwrap()?;
    let lines = lines.iter().map(|line| serde_json::to_value(line).unwrap());
    Some(lines.collect())
}

#[test]
fn a_damaged_a_lost_and_an_extra_object_are_found_and_mended() {
    local(async {
        let world = start().await;
        let device = device(&world, "u1").await;
        let objects: serde_json::Map<_, _> = (0..1_000)
            .map(|number| (format!("o{number}"), json!({"price": number, "name": "x"})))
            .collect();
        feed(&world, "Typed", "u1", Value::Object(objects)).await;
        world
            .engine
            .feed_deletes("Typed", "u1", vec!["o7".to_owned()])
            .await
            .unwrap();
        a_moment(&world);
        let mut copy = Copy::of(&["Typed"]);
        sync(&world, &device, &mut copy).await;
        assert_eq!(verify(&world, &device, &copy).await, Some(Vec::new()));
        let good = copy.objects["Typed"].clone();
        let objects = copy.objects.get_mut("Typed").unwrap();
        objects.remove("o1");
        objects.insert("extra".to_owned(), BTreeMap::new());
        objects
            .get_mut("extra")
            .unwrap()
            .insert("n".to_owned(), json!("1"));
        objects
            .get_mut("o2")
            .unwrap()
            .insert("name".to_owned(), json!("y"));
        let lines = verify(&world, &device, &copy).await.unwrap();
        assert!(lines.len() <= 6, "{lines:?}");
        for pair in lines.chunks(2) {
            let bucket = pair[0]["bucket"].as_u64().unwrap();
            let objects = copy.objects.get_mut("Typed").unwrap();
            objects.retain(|id, _| u64::from(Sha256::digest(id)[0]) != bucket);
            copy.apply(&pair[1]);
        }
        assert_eq!(copy.objects["Typed"], good);
        assert_eq!(verify(&world, &device, &copy).await, Some(Vec::new()));
        // Copies of different versions cannot be compared.
        feed(&world, "Typed", "u1", json!({"o1": {"name": "z"}})).await;
        assert_eq!(verify(&world, &device, &copy).await, None);
        // Nor those of somebody else.
        let other = crate::device_sync::device(&world, "u2").await;
        assert_eq!(verify(&world, &other, &copy).await, None);
    });
}

#[test]
fn a_device_may_verify_only_so_often() {
    local(async {
        let world = start().await;
        let one = device(&world, "u1").await;
        let other = device(&world, "u1").await;
        feed(&world, "Typed", "u1", json!({"a": {"price": 1}})).await;
        let mut copies = [Copy::of(&["Typed"]), Copy::of(&["Typed"])];
        sync(&world, &one, &mut copies[0]).await;
        sync(&world, &other, &mut copies[1]).await;
        let buckets = buckets(&copies[0], "Typed");
        let try_verify = async |device: &DeviceSession, copy: &Copy| {
            let request = sync_core::VerifyRequest {
                source: "Typed",
                parameters: &BTreeMap::new(),
                cursor: copy.cursors["Typed"].as_deref().unwrap(),
                buckets: &buckets,
            };
            let verified = world.engine.verify_copy(device, request).await;
            verified.map(|lines| lines.unwrap().len())
        };
        for _ in 0..10 {
            assert_eq!(try_verify(&one, &copies[0]).await, Ok(0));
        }
        let refused = try_verify(&one, &copies[0]).await;
        let expected = SyncError::TooManyVerifications {
            limit: 10,
            seconds: 60,
        };
        assert_eq!(refused, Err(expected));
        // It is a device that is held back, and for a while.
        try_verify(&other, &copies[1]).await.unwrap();
        let redis = &world.engine.ports().redis;
        redis.let_keys_expire(Duration::from_secs(60)).await;
        try_verify(&one, &copies[0]).await.unwrap();
    });
}
