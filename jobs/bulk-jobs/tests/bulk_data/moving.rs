//! Files of documents that do not stand still while they are read.

use std::rc::Rc;

use bulk_jobs::DeviceDatabase;
use proptest::prelude::*;
use sync_core::{
    BulkBegin, BulkContent, BulkSelection, BulkStep, Clock as _, PartitionRule, UserId,
};
use test_support::{TestRedis, World, local};

use crate::device::{Downloaded, Objects, apply, ask_until_ready, download};

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
            let objects = format!(r#"{{"o{id}":{{"a{name}":"{value}"}}}}"#);
            let objects = serde_json::from_str(&objects).unwrap();
            world
                .engine
                .feed_objects("Pushed", "anna", objects)
                .await
                .unwrap();
        }
        Change::Remove(id) => {
            let ids = vec![format!("o{id}")];
            world
                .engine
                .feed_deletes("Pushed", "anna", ids)
                .await
                .unwrap();
        }
    }
}

/// The whole document, as a device that begins from nothing gets it.
async fn everything(world: &World) -> Objects {
    let session = world.session("witness").await;
    let client = world.client(&session).await;
    let mut objects = Objects::new();
    for commands in world.sync(&session, &client, "Pushed").await {
        apply(&mut objects, &commands);
    }
    objects
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever happens before, between the steps of the reading, and after: whoever has taken in all steps, goes on from
    /// there and pulls, has what is there.
    #[test]
    fn a_file_and_the_pulls_after_it_make_the_document(
        before in prop::collection::vec(change(), 0..20),
        during in prop::collection::vec(prop::collection::vec(change(), 0..6), 0..5),
        after in prop::collection::vec(change(), 0..10),
    ) {
        local(async {
            let world = World::on(Rc::new(TestRedis::start()), 1).await;
            let session = world.session("anna").await;
            let client = world.client(&session).await;
            for change in &before {
                make(&world, change).await;
            }
            let selection = BulkSelection {
                partition: PartitionRule::App,
                user: UserId::parse("anna").unwrap(),
                sources: [sync_core::SourceName::parse("Pushed").unwrap()].into(),
            };
            let now = world.engine.ports().clock.now();
            let begun = world.engine.begin_bulk_data(&selection, now).await.unwrap();
            let BulkBegin::Now(mut scan) = begun else { panic!("nothing is due") };
            let mut database = DeviceDatabase::new(scan.sources()).unwrap();
            let mut during = during.iter();
            loop {
                match scan.next().await.unwrap() {
                    BulkStep::Objects { source, objects } => database.put(source, &objects).unwrap(),
                    BulkStep::CatchUp => {
                        for statement in database.index_statements() {
                            database.index(&statement).unwrap();
                        }
                    }
                    BulkStep::End => break,
                }
                for change in during.next().into_iter().flatten() {
                    make(&world, change).await;
                }
            }
            database.finish(scan.sources()).unwrap();
            let mut bytes = Vec::new();
            for page in 1..=database.pages().unwrap() {
                database.read_page(page, |page| bytes.extend_from_slice(page)).unwrap();
            }
            let mut objects = Downloaded::open(&bytes).objects("Pushed");
            // The content itself is of no interest here.
            let writer = world.engine.bulk_writer().await.unwrap();
            let content = BulkContent::default();
            world.engine.keep_bulk_data(&selection, &scan, writer, content).await.unwrap();
            for change in &after {
                make(&world, change).await;
            }
            ask_until_ready(&world, (&session, &client), PartitionRule::App, Some(&["Pushed"])).await;
            for commands in world.sync(&session, &client, "Pushed").await {
                apply(&mut objects, &commands);
            }
            prop_assert_eq!(objects, everything(&world).await);
            Ok(())
        })?;
    }
}

#[test]
fn an_empty_file_is_a_file() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        let device = (&session, &client);
        let path = ask_until_ready(&world, device, PartitionRule::App, Some(&["Pushed"])).await;
        let content = download(&world, &session, &path, None).await.unwrap();
        assert_eq!(Downloaded::open(&content).objects("Pushed"), Objects::new());
        make(&world, &Change::Set(1, 1, 1)).await;
        let mut objects = Objects::new();
        for commands in world.sync(&session, &client, "Pushed").await {
            apply(&mut objects, &commands);
        }
        assert_eq!(objects, everything(&world).await);
    });
}
