//! Who may download an image, and for how long it is one.

use std::time::Duration;

use serde_json::Value;
use sync_core::{BlobError, ImageForm, SyncError, UserChange};
use test_support::{World, local};

use crate::device::{
    Device, a_moment, delete, download, fill, lines_of, of_settings, pass, settings_with, start,
    work,
};

fn is_unknown(downloaded: &Result<Vec<u8>, SyncError>) -> bool {
    matches!(downloaded, Err(SyncError::Blob(BlobError::Unknown)))
}

/// A device that was told of an image, with which it has not begun.
async fn told(world: &World, user: &str, source: &'static str) -> (Device, Value) {
    let device = Device::new(world, user, source).await;
    if source == "Own" {
        // Only the second who begins with it has an image made.
        let first = Device::new(world, user, source).await;
        first.ask(world, &[ImageForm::Ndjson]).await;
    }
    device.ask(world, &[ImageForm::Ndjson]).await;
    work(world).await;
    let image = device.image(world).await.unwrap();
    (device, image)
}

#[test]
fn an_image_of_another_users_copy_is_not_there() {
    local(async {
        let world = start().await;
        fill(&world, "Own", "anna", 0..4).await;
        let (anna, image) = told(&world, "anna", "Own").await;
        let tablet = Device::new(&world, "anna", "Own").await;
        assert!(download(&world, &tablet.session, &image).await.is_ok());
        let ben = Device::new(&world, "ben", "Own").await;
        assert!(is_unknown(&download(&world, &ben.session, &image).await));
        for wrong in ["", "..", "0123456789abcdef0123456789abcdef", "%00", "0"] {
            let opened = world.engine.open_image(&anna.session, wrong).await;
            assert!(is_unknown(&opened.map(|_| Vec::new())), "{wrong}");
        }
        // Who has signed out is nobody.
        let accounts = world.engine.accounts();
        accounts.end_device_session(&anna.session).await.unwrap();
        pass(&world, Duration::from_secs(2));
        let refused = download(&world, &anna.session, &image).await;
        assert!(matches!(refused, Err(SyncError::Account(_))), "{refused:?}");
    });
}

#[test]
fn whoever_follows_another_copy_now_has_no_image_of_the_last_one() {
    local(async {
        let world = start().await;
        let regional = settings_with("\"user\"", "\"{{ user.region }}\"");
        let world = of_settings(world, &regional).await;
        let anna = Device::new(&world, "anna", "Own").await;
        move_to(&world, "anna", "north").await;
        fill(&world, "Own", "anna", 0..4).await;
        anna.ask(&world, &[ImageForm::Ndjson]).await;
        work(&world).await;
        let image = anna.image(&world).await.unwrap();
        assert!(download(&world, &anna.session, &image).await.is_ok());
        move_to(&world, "anna", "south").await;
        assert!(is_unknown(&download(&world, &anna.session, &image).await));
        assert_eq!(anna.image(&world).await, None);
        let ben = Device::new(&world, "ben", "Own").await;
        move_to(&world, "ben", "north").await;
        let image = ben.image(&world).await.unwrap();
        assert!(download(&world, &ben.session, &image).await.is_ok());
    });
}

#[test]
fn an_image_of_a_removed_copy_is_not_there_though_the_copy_has_come_to_be_again() {
    local(async {
        let world = start().await;
        fill(&world, "Shared", "anna", 0..4).await;
        let (device, image) = told(&world, "anna", "Shared").await;
        let head = "rhosync:1:{Shared/app}:head";
        world.run(&["HSET", head, "life", "00112233445566ff"]).await;
        a_moment(&world);
        assert!(is_unknown(&download(&world, &device.session, &image).await));
        assert_eq!(device.image(&world).await, None);
        work(&world).await;
        let next = device.image(&world).await.unwrap();
        assert!(download(&world, &device.session, &next).await.is_ok());
    });
}

#[test]
fn tombstones_wait_for_a_device_that_downloads_and_an_image_below_the_floor_is_nobodys() {
    local(async {
        let world = start().await;
        fill(&world, "Shared", "anna", 0..9).await;
        let (mut device, image) = told(&world, "anna", "Shared").await;
        let content = download(&world, &device.session, &image).await.unwrap();
        delete(&world, "Shared", "anna", "o1").await;
        pass(&world, Duration::from_secs(3_600));
        assert_eq!(world.collect("Shared").await, 0);
        device.begin_with(&lines_of(&content, &image), &image);
        let lines = device.sync(&world).await;
        assert_eq!(lines[0]["deleted"], serde_json::json!(["o1"]));
        // The store hears of it once a day.
        pass(&world, Duration::from_secs(20 * 3_600));
        device.sync(&world).await;
        assert_eq!(world.collect("Shared").await, 1);
        let late = Device::new(&world, "ben", "Shared").await;
        assert_eq!(late.image(&world).await, None);
        work(&world).await;
        let image = late.image(&world).await.unwrap();
        let content = download(&world, &late.session, &image).await.unwrap();
        let lines = lines_of(&content, &image);
        let objects = lines.iter().filter_map(|line| line["objects"].as_object());
        assert_eq!(objects.map(|objects| objects.len()).sum::<usize>(), 8);
    });
}

#[test]
fn an_image_that_another_has_taken_the_place_of_can_be_downloaded_for_an_hour() {
    local(async {
        let world = start().await;
        fill(&world, "Shared", "anna", 0..4).await;
        let (device, first) = told(&world, "anna", "Shared").await;
        pass(&world, Duration::from_secs(601));
        fill(&world, "Shared", "anna", 4..7).await;
        let (_, second) = told(&world, "ben", "Shared").await;
        assert_ne!(first["url"], second["url"]);
        assert!(download(&world, &device.session, &first).await.is_ok());
        let key = first["url"].as_str().unwrap().rsplit('/').next().unwrap();
        let key = format!("rhosync:1:image:{key}");
        let script = "return tostring(redis.call('TTL', KEYS[1]))";
        let left = world.run(&["EVAL", script, "1", &key]).await;
        assert!(left.parse::<u64>().unwrap() <= 3_600, "{left}");
        // Contents of both are gone in the end, and no more is in the store.
        pass(&world, Duration::from_secs(2 * 3_600));
        world.engine.blobs().collect().await.unwrap();
        assert_eq!(contents(&world).await, 1);
        pass(&world, Duration::from_secs(24 * 3_600));
        world.engine.blobs().collect().await.unwrap();
        assert_eq!(contents(&world).await, 0);
    });
}

async fn move_to(world: &World, user: &str, region: &str) {
    let change = UserChange {
        attributes: Some([("region".to_owned(), region.to_owned())].into()),
        ..UserChange::default()
    };
    let accounts = world.engine.accounts();
    accounts.update_user(user, change).await.unwrap();
    a_moment(world);
}

/// How many contents the store has.
async fn contents(world: &World) -> usize {
    let keys = world.keys().await;
    let contents = keys.iter().filter(|key| key.contains(":blob-content:"));
    contents.count()
}
