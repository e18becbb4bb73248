//! A job that ends in the midst of its work.

use std::time::Duration;

use futures_util::future::{Either, select};
use sync_core::{ImageBegin, ImageForm};
use sync_jobs::JobState;
use test_support::{World, local};

use crate::device::{Device, download, fill, jobs, lines_of, pass, start, work};

/// What the job does, on a server that may stop at any command.
async fn make(engine: &sync_core::Engine<test_support::TestPorts>) {
    let ImageBegin::Now(mut scan) = engine
        .begin_image("Shared app", ImageForm::Ndjson)
        .await
        .unwrap()
    else {
        return;
    };
    let mut writer = engine.bulk_writer().await.unwrap();
    while let Some(line) = scan.next().await.unwrap() {
        let line = serde_json::to_vec(&line).unwrap();
        writer.write(&line).await.unwrap();
    }
    writer.flush().await.unwrap();
    engine.keep_image(&scan, writer).await.unwrap();
}

async fn contents(world: &World) -> usize {
    let keys = world.keys().await;
    keys.iter()
        .filter(|key| key.contains(":blob-content:"))
        .count()
}

#[test]
fn a_job_that_is_killed_anywhere_leaves_nothing_wrong_and_nothing_for_ever() {
    local(async {
        let (mut command, mut was_killed) = (0, true);
        while was_killed {
            command += 1;
            let world = start().await;
            fill(&world, "Shared", "anna", 0..9).await;
            let device = Device::new(&world, "anna", "Shared").await;
            device.ask(&world, &[ImageForm::Ndjson]).await;
            let settings = crate::device::settings_with("image_objects = 3", "image_objects = 2");
            let killed = world.another(Some(&settings), 7).await;
            let redis = &killed.ports().redis;
            redis.hold_before(command);
            let holds = std::pin::pin!(redis.holds());
            let made = std::pin::pin!(make(&killed));
            was_killed = matches!(select(made, holds).await, Either::Right(_));
            // Whatever there is now, devices are told the truth.
            work(&world).await;
            assert_eq!(jobs(&world, JobState::Dead).await, 0);
            let mut device = Device::new(&world, "ben", "Shared").await;
            let image = device.image(&world).await;
            let image = image.unwrap_or_else(|| panic!("killed before command {command}"));
            let content = download(&world, &device.session, &image).await.unwrap();
            if was_killed && content.starts_with(&[0x1f, 0x8b]) {
                device.begin_with(&lines_of(&content, &image), &image);
                assert_eq!(device.objects.len(), 9);
                device.sync(&world).await;
            }
            pass(&world, Duration::from_secs(27 * 3_600));
            world.engine.blobs().collect().await.unwrap();
            assert_eq!(contents(&world).await, 0, "killed before command {command}");
        }
        assert!(command > 8, "the job was killed only {command} times");
    });
}

#[test]
fn two_who_make_the_same_image_leave_one() {
    local(async {
        let world = start().await;
        fill(&world, "Shared", "anna", 0..9).await;
        let other = crate::device::settings_with("image_objects = 3", "image_objects = 2");
        let other = world.another(Some(&other), 7).await;
        futures_util::join!(make(&world.engine), make(&other));
        pass(&world, Duration::from_secs(2 * 3_600));
        world.engine.blobs().collect().await.unwrap();
        assert_eq!(contents(&world).await, 1);
        let device = Device::new(&world, "anna", "Shared").await;
        let image = device.image(&world).await.unwrap();
        assert!(download(&world, &device.session, &image).await.is_ok());
    });
}
