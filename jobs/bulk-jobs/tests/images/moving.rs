//! Images of documents that do not stand still while they are read.

use std::io::Write as _;
use std::rc::Rc;

use bulk_jobs::ImageDatabase;
use proptest::prelude::*;
use serde_json::json;
use sync_core::{ImageBegin, ImageForm};
use test_support::{TestRedis, World, local};

use crate::device::{Device, delete, feed, fill, of_settings, settings_with, start};

/// What somebody does to an object.
#[derive(Debug, Clone)]
enum Change {
    Set(u8, u8, u8),
    Remove(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0_u8..12, 0_u8..3, any::<u8>()).prop_map(|(id, name, value)| Change::Set(id, name, value)),
        1 => (0_u8..12).prop_map(Change::Remove),
    ]
}

async fn make(world: &World, change: &Change) {
    match change {
        Change::Set(id, name, value) => {
            let object = json!({format!("a{name}"): value.to_string()});
            feed(world, "Shared", "anna", json!({format!("o{id}"): object})).await;
        }
        Change::Remove(id) => delete(world, "Shared", "anna", &format!("o{id}")).await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever happens before, between the lines, and after: whoever has taken in all lines and goes on from there has what is
    /// there. The check of the last page is compared too.
    #[test]
    fn an_image_and_the_pages_after_it_make_the_document(
        before in prop::collection::vec(change(), 0..20),
        during in prop::collection::vec(prop::collection::vec(change(), 0..6), 0..5),
        after in prop::collection::vec(change(), 0..4),
    ) {
        local(async {
            let world = World::on(Rc::new(TestRedis::start()), 1).await;
            let world = of_settings(world, &settings_with("image_objects = 3", "image_objects = 1")).await;
            fill(&world, "Shared", "anna", 0..40).await;
            for change in &before {
                make(&world, change).await;
            }
            let ImageBegin::Now(mut scan) = world.engine.begin_image("Shared app", ImageForm::Ndjson).await.unwrap() else {
                panic!("there is none");
            };
            let (mut lines, mut during) = (Vec::new(), during.iter());
            let database = ImageDatabase::new().unwrap();
            while let Some(line) = scan.next().await.unwrap() {
                database.take(&line).unwrap();
                lines.push(serde_json::to_value(&line).unwrap());
                for change in during.next().into_iter().flatten() {
                    make(&world, change).await;
                }
            }
            // The content itself is of no interest here.
            let writer = world.engine.bulk_writer().await.unwrap();
            world.engine.keep_image(&scan, writer).await.unwrap();
            for change in &after {
                make(&world, change).await;
            }
            let mut device = Device::new(&world, "anna", "Shared").await;
            let image = device.image(&world).await.expect("it is good for all that");
            device.begin_with(&lines, &image);
            let mut file = tempfile::NamedTempFile::new().unwrap();
            for page in 1..=database.finish().unwrap() {
                file.write_all(&database.read_page(page, <[u8]>::to_vec).unwrap()).unwrap();
            }
            let of_lines = std::mem::take(&mut device.objects);
            device.begin_with_database(file.path(), &image);
            prop_assert_eq!(&device.objects, &of_lines);
            device.sync(&world).await;
            let mut witness = Device::new(&world, "ben", "Shared").await;
            witness.sync(&world).await;
            prop_assert_eq!(device.objects, witness.objects);
            Ok(())
        })?;
    }
}

#[test]
fn nothing_is_kept_of_a_document_that_gets_other_metadata_meanwhile() {
    local(async {
        let world = start().await;
        fill(&world, "Typed", "anna", 0..4).await;
        let device = Device::new(&world, "anna", "Typed").await;
        device.ask(&world, &[ImageForm::Ndjson]).await;
        let ImageBegin::Now(mut scan) = world
            .engine
            .begin_image("Typed app", ImageForm::Ndjson)
            .await
            .unwrap()
        else {
            panic!("there is none");
        };
        while scan.next().await.unwrap().is_some() {}
        let head = "rhosync:1:{Typed/app}:head";
        world.run(&["HSET", head, "meta", "{\"a\":2}"]).await;
        let writer = world.engine.bulk_writer().await.unwrap();
        assert!(world.engine.keep_image(&scan, writer).await.is_err());
        assert_eq!(device.image(&world).await, None);
    });
}
