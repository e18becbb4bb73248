//! What is in a file, and in which forms it is served.

use std::io::{Cursor, Read as _};

use sync_core::{BlobError, BulkDataAnswer, PartitionRule, SyncError};
use sync_jobs::JobState;
use test_support::{Fault, World, local};

use crate::device::{Downloaded, ask, ask_until_ready, download, in_back_end, jobs, work};

const APP: PartitionRule = PartitionRule::App;

/// A source whose objects are stored in a table of their own, one they belong to, and one that is never asked for.
const SETTINGS: &str = r#"
    bulk_selections = [["Item", "Plain"]]

    [sources.Item]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 60
    sync_priority = 2
    belongs_to = { group = "Plain" }

    [sources.Item.schema]
    version = "1.0"
    property = { name = "string", price = "string", picture = "blob,overwrite", other = "blob" }
    index = { by_name_price = "name,price" }
    unique_index = { by_price = "price" }

    [sources.Plain]
    adapter = "push-only"
    partition = "app"
    metadata = "{\"foo\":\"bar\"}"

    [sources.Asleep]
    adapter = "push-only"
    partition = "app"
    sync_priority = 1

    [sources.Own]
    adapter = "push-only"
"#;

#[test]
fn the_file_is_laid_out_as_the_device_engine_expects() {
    local(async {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        world.back_end.put(
            "1",
            &[
                ("name", "iPhone"),
                ("price", "199"),
                ("colour", "no column"),
            ],
        );
        world.back_end.put("2", &[("name", "żółć's \"☃\"")]);
        let plain = r#"{"a":{"x":"1","y":"2"},"b":{"x":"3"}}"#;
        let plain = serde_json::from_str(plain).unwrap();
        world
            .engine
            .feed_objects("Plain", "anna", plain)
            .await
            .unwrap();

        let device = (&session, &client);
        let wanted = ["Item", "Plain", "Own", "OnlyOnTheDevice"];
        let path = ask_until_ready(&world, device, APP, Some(&wanted)).await;
        let content = download(&world, &session, &path, None).await.unwrap();
        let file = Downloaded::open(&content);
        assert_eq!(
            file.rows(
                "SELECT source_id, name, token, sync_priority, partition, sync_type, metadata, last_updated, last_inserted_size,
                 last_deleted_size, last_sync_duration, last_sync_success, backend_refresh_time > 1790000000, source_attribs,
                 schema_version, associations, blob_attribs FROM sources"
            ),
            [
                "1|Asleep||1|app|none||0|0|0|0|0|0||||",
                "2|Item||2|app|incremental||0|2|0|0|0|1||||other,0,picture,1",
                "3|Plain||3|app|incremental|{\"foo\":\"bar\"}|0|2|0|0|0|0|x,2,y,1||Item,group|",
            ]
        );
        assert_eq!(
            file.rows("SELECT * FROM Item ORDER BY object"),
            ["1|iPhone|||199", "2|żółć's \"☃\"|||"]
        );
        assert_eq!(
            file.rows(
                "SELECT source_id, attrib, object, value FROM object_values ORDER BY object, attrib"
            ),
            ["3|x|a|1", "3|y|a|2", "3|x|b|3"]
        );
        for table in ["client_info", "changed_values"] {
            assert_eq!(file.rows(&format!("SELECT count(*) FROM {table}")), ["0"]);
        }
        assert_eq!(
            file.rows(
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL ORDER BY name"
            ),
            [
                "by_name_price",
                "by_price",
                "by_src_id",
                "by_src_object",
                "by_src_value"
            ]
        );
        let schema = file.rows("SELECT schema FROM sources WHERE name = 'Item'");
        assert!(schema[0].contains("\"version\":\"1.0\""), "{schema:?}");
        // The next pull is a plain difference: nothing.
        for source in ["Item", "Plain"] {
            let news = world.sync(&session, &client, source).await;
            assert_eq!(news, [serde_json::json!({})], "{source}");
        }
    });
}

#[test]
fn the_forms_of_a_file_have_the_same_content_whole_and_in_parts() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        // Several blocks of a megabyte.
        let mut random = 1_u64;
        for number in 0..6_000_u64 {
            let value: String = (0..20)
                .map(|_| {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    format!("{random:x}")
                })
                .collect();
            world
                .back_end
                .put(&format!("o{number}"), &[("value", &value)]);
        }
        let path = ask_until_ready(&world, (&session, &client), APP, Some(&["Shared"])).await;
        let plain = download(&world, &session, &path, None).await.unwrap();
        assert!(plain.len() > 3 << 20, "{} bytes", plain.len());
        assert_eq!(
            Downloaded::open(&plain).objects("Shared"),
            in_back_end(&world)
        );

        let gzip = download(&world, &session, &format!("{path}.gzip"), None)
            .await
            .unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert!(unpacked == plain, "gzip has something else");

        let zip = download(&world, &session, &format!("{path}.rzip"), None)
            .await
            .unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&zip[..])).unwrap();
        assert_eq!(archive.len(), 1);
        let mut entry = archive.by_index(0).unwrap();
        assert_eq!(entry.name(), path.rsplit('/').next().unwrap());
        unpacked.clear();
        entry.read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain, "zip has something else");

        for (suffix, whole) in [("", &plain), (".gzip", &gzip), (".rzip", &zip)] {
            let path = format!("{path}{suffix}");
            let size = whole.len() as u64;
            let places = [
                0,
                1,
                9,
                10,
                11,
                100,
                524_288,
                1 << 20,
                (1 << 20) + 1,
                size - 23,
                size - 1,
                size,
            ];
            for (place, first) in places.into_iter().enumerate() {
                for last in &places[place..] {
                    let range = first..*last;
                    let part = download(&world, &session, &path, Some(range.clone()))
                        .await
                        .unwrap();
                    let expected = &whole[first as usize..*last as usize];
                    assert!(part == expected, "{suffix} {range:?}");
                }
            }
        }
    });
}

#[test]
fn all_devices_of_a_partition_share_a_file_and_nobody_gets_that_of_others() {
    local(async {
        let world = World::start().await;
        let (anna, ben) = (world.session("anna").await, world.session("ben").await);
        let phones = [
            (&anna, world.client(&anna).await),
            (&anna, world.client(&anna).await),
            (&ben, world.client(&ben).await),
        ];
        world.back_end.put("1", &[("name", "one")]);
        for _ in 0..3 {
            for (session, client) in &phones {
                let answer = ask(&world, (session, client), APP, Some(&["Shared"])).await;
                assert_eq!(answer, BulkDataAnswer::Wait);
            }
        }
        assert_eq!(jobs(&world.engine, JobState::Ready).await.len(), 1);
        let mut paths = Vec::new();
        for (session, client) in &phones {
            paths.push(ask_until_ready(&world, (session, client), APP, Some(&["Shared"])).await);
        }
        paths.dedup();
        assert_eq!(paths.len(), 1, "{paths:?}");
        assert_eq!(jobs(&world.engine, JobState::Done).await.len(), 1);
        let _shared = download(&world, &ben, &paths[0], None).await.unwrap();

        let user = PartitionRule::User;
        let (session, client) = &phones[0];
        let own = ask_until_ready(&world, (session, client), user, Some(&["Own"])).await;
        let _own = download(&world, &anna, &own, None).await.unwrap();
        let others = download(&world, &ben, &own, None).await;
        assert_eq!(others, Err(SyncError::Blob(BlobError::Unknown)));
        for wrong in [
            format!("{own}x"),
            own.replace(".data", ""),
            own.replacen("/data/", "/data/0", 1),
            format!("/data/../{}", own.rsplit('/').next().unwrap()),
        ] {
            let found = download(&world, &anna, &wrong, None).await;
            assert_eq!(found, Err(SyncError::Blob(BlobError::Unknown)), "{wrong}");
        }
    });
}

#[test]
fn a_back_end_that_is_away_fails_the_first_file_and_not_those_that_follow() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        let device = (&session, &client);
        world.back_end.fail([Fault::Unreachable; 100]);
        world.back_end.put("1", &[("name", "one")]);
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(ask(&world, device, APP, Some(&["Shared"])).await);
            work(&world.engine).await;
        }
        assert_eq!(answers.pop(), Some(BulkDataAnswer::Failed), "{answers:?}");
        let dead = jobs(&world.engine, JobState::Dead).await;
        let reason = dead[0].reason.as_deref().unwrap_or_default();
        assert!(reason.starts_with("Shared: "), "{reason}");

        // Whoever asks later begins anew; what is there is good enough when the back end goes away again.
        world.back_end.heal();
        world.forget_bulk_data().await;
        ask_until_ready(&world, device, APP, Some(&["Shared"])).await;
        world.back_end.fail([Fault::Unreachable; 100]);
        world.forget_bulk_data().await;
        let path = ask_until_ready(&world, device, APP, Some(&["Shared"])).await;
        let content = download(&world, &session, &path, None).await.unwrap();
        assert_eq!(
            Downloaded::open(&content).objects("Shared"),
            in_back_end(&world)
        );
        let news = world.sync(&session, &client, "Shared").await;
        assert!(news[0]["source-error"].is_object(), "{news:?}");
    });
}

#[test]
fn objects_that_do_not_fit_their_schema_end_the_job_with_the_reason() {
    local(async {
        let mut world = World::start().await;
        world.engine = world.another(Some(SETTINGS), 2).await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        for id in ["1", "2"] {
            world.back_end.put(id, &[("price", "199")]);
        }
        let device = (&session, &client);
        assert_eq!(
            ask(&world, device, APP, Some(&["Item"])).await,
            BulkDataAnswer::Wait
        );
        work(&world.engine).await;
        let dead = jobs(&world.engine, JobState::Dead).await;
        let reason = dead[0].reason.as_deref().unwrap_or_default();
        assert!(
            reason.contains("UNIQUE") && reason.contains("price"),
            "{reason}"
        );
        assert_eq!(
            ask(&world, device, APP, Some(&["Item"])).await,
            BulkDataAnswer::Failed
        );
    });
}

#[test]
fn nothing_of_the_partition_is_nothing_to_download() {
    local(async {
        let world = World::start().await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        let device = (&session, &client);
        for sources in [&[][..], &["Own"], &["Nobody"], &["Passed"]] {
            let answer = ask(&world, device, APP, Some(sources)).await;
            assert_eq!(answer, BulkDataAnswer::Nothing, "{sources:?}");
        }
        assert_eq!(ask(&world, device, APP, None).await, BulkDataAnswer::Wait);
        // Where nobody makes files, devices sync by pages.
        let settings = "bulk_sync_poll_interval = 0\n[sources.Pushed]\nadapter = \"push-only\"\npartition = \"app\"";
        let mut world = world;
        world.engine = world.another(Some(settings), 2).await;
        assert_eq!(
            ask(&world, device, APP, None).await,
            BulkDataAnswer::Nothing
        );
    });
}

#[test]
fn files_are_made_of_one_source_of_all_and_of_selections_that_the_settings_name() {
    local(async {
        let mut world = World::start().await;
        let settings = r#"
            bulk_selections = [["B", "C", "Own"]]
            [sources.A]
            adapter = "push-only"
            partition = "app"
            [sources.B]
            adapter = "push-only"
            partition = "app"
            [sources.C]
            adapter = "push-only"
            partition = "app"
            [sources.Own]
            adapter = "push-only"
        "#;
        world.engine = world.another(Some(settings), 2).await;
        let session = world.session("anna").await;
        let client = world.client(&session).await;
        let device = (&session, &client);
        for sources in [
            &["A"][..],
            &["C"],
            &["A", "B", "C"],
            &["B", "C"],
            &["C", "B", "Own"],
        ] {
            let answer = ask(&world, device, APP, Some(sources)).await;
            assert_eq!(answer, BulkDataAnswer::Wait, "{sources:?}");
        }
        // Otherwise a user could have 2^n files made.
        for sources in [["A", "B"], ["A", "C"]] {
            let answer = ask(&world, device, APP, Some(&sources)).await;
            assert_eq!(answer, BulkDataAnswer::Nothing, "{sources:?}");
        }
        assert_eq!(jobs(&world.engine, JobState::Ready).await.len(), 4);
    });
}
