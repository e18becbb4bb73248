//! What a device is told that begins.

use std::time::Duration;

use serde_json::{Value, json};
use sync_core::ImageForm;
use sync_jobs::JobState;
use test_support::local;

use crate::device::{
    Device, delete, download, feed, file_of, fill, jobs, lines_of, of_settings, pass,
    settings_with, start, work,
};

#[test]
fn pages_come_until_there_is_an_image_which_is_made_once_for_all_who_come_later() {
    local(async {
        let world = start().await;
        fill(&world, "Shared", "anna", 0..1_200).await;
        let mut first = Device::new(&world, "anna", "Shared").await;
        let lines = first.ask(&world, &[ImageForm::Ndjson]).await;
        let has_pages = |line: &Value| line["objects"].is_object() && line.get("image").is_none();
        assert!(has_pages(&lines[0]), "nobody waits for an image");
        let mut second = Device::new(&world, "ben", "Shared").await;
        second.ask(&world, &[ImageForm::Ndjson]).await;
        assert_eq!(jobs(&world, JobState::Ready).await, 1);
        work(&world).await;
        assert_eq!(jobs(&world, JobState::Dead).await, 0);

        let answer = second.ask(&world, &[ImageForm::Ndjson]).await;
        let image = &answer[0]["image"];
        assert_eq!(answer.len(), 2, "{answer:?}");
        assert_eq!(answer[0]["source"], "Shared");
        assert_eq!(answer[1]["end"]["why"], "idle");
        let content = download(&world, &second.session, image).await.unwrap();
        second.begin_with(&lines_of(&content, image), image);
        assert_eq!(second.objects.len(), 1_200);
        // From here on it has pages: what came later, and nothing else.
        fill(&world, "Shared", "anna", 1_200..1_201).await;
        delete(&world, "Shared", "anna", "o7").await;
        let lines = second.sync(&world).await;
        assert_eq!(lines[0]["objects"].as_object().unwrap().len(), 1);
        assert_eq!(lines[0]["deleted"], json!(["o7"]));
        first.sync(&world).await;
        assert_eq!(second.objects, first.objects);

        // Others are told of the same, in words of their own.
        let third = Device::new(&world, "cleo", "Shared").await;
        let theirs = third.image(&world).await.unwrap();
        assert_eq!(theirs["url"], image["url"]);
        assert_ne!(theirs["cursor"], image["cursor"]);
        assert_eq!(jobs(&world, JobState::Ready).await, 0);
        // Who cannot read images, and who has begun, gets pages.
        assert!(has_pages(&third.ask(&world, &[]).await[0]));
        assert_eq!(second.image(&world).await, None);
    });
}

#[test]
fn few_objects_come_by_pages_and_so_do_all_where_none_are_made() {
    local(async {
        let world = start().await;
        fill(&world, "Shared", "anna", 0..2).await;
        Device::new(&world, "anna", "Shared")
            .await
            .ask(&world, &[ImageForm::Ndjson])
            .await;
        assert_eq!(jobs(&world, JobState::Ready).await, 0);
        fill(&world, "Shared", "anna", 0..9).await;
        let none = settings_with("image_objects = 3", "image_objects = 0");
        let world = of_settings(world, &none).await;
        Device::new(&world, "anna", "Shared")
            .await
            .ask(&world, &[ImageForm::Ndjson])
            .await;
        assert_eq!(jobs(&world, JobState::Ready).await, 0);
    });
}

#[test]
fn a_users_own_copy_has_an_image_when_a_second_device_begins() {
    local(async {
        let world = start().await;
        fill(&world, "Own", "anna", 0..9).await;
        let phone = Device::new(&world, "anna", "Own").await;
        phone.ask(&world, &[ImageForm::Ndjson]).await;
        assert_eq!(jobs(&world, JobState::Ready).await, 0);
        let tablet = Device::new(&world, "anna", "Own").await;
        tablet.ask(&world, &[ImageForm::Ndjson]).await;
        assert_eq!(jobs(&world, JobState::Ready).await, 1);
        work(&world).await;
        assert!(phone.image(&world).await.is_some());
    });
}

#[test]
fn the_first_line_has_what_first_pages_have_and_values_have_their_types() {
    local(async {
        let world = start().await;
        fill(&world, "Typed", "anna", 0..4).await;
        let mut paged = Device::new(&world, "anna", "Typed").await;
        let page = paged.ask(&world, &[ImageForm::Ndjson]).await[0].clone();
        work(&world).await;
        let device = Device::new(&world, "ben", "Typed").await;
        let image = device.image(&world).await.unwrap();
        let content = download(&world, &device.session, &image).await.unwrap();
        let lines = lines_of(&content, &image);
        assert_eq!(lines[0]["schema"], page["schema"]);
        assert_eq!(lines[0]["metadata"], page["metadata"]);
        assert_eq!(lines[1]["objects"], page["objects"]);
        assert_eq!(lines[1]["objects"]["o3"]["price"], json!(3));
        assert_eq!(lines.last().unwrap()["more"], false);
        paged.sync(&world).await;
    });
}

#[test]
fn an_image_with_another_schema_is_nobodys() {
    local(async {
        let world = start().await;
        fill(&world, "Typed", "anna", 0..4).await;
        Device::new(&world, "anna", "Typed")
            .await
            .ask(&world, &[ImageForm::Ndjson])
            .await;
        work(&world).await;
        let device = Device::new(&world, "ben", "Typed").await;
        assert!(device.image(&world).await.is_some());
        let other = settings_with("version = \"1\"", "version = \"2\"");
        let world = of_settings(world, &other).await;
        assert_eq!(device.image(&world).await, None);
        work(&world).await;
        let image = device.image(&world).await.unwrap();
        let content = download(&world, &device.session, &image).await.unwrap();
        assert_eq!(lines_of(&content, &image)[0]["schema"]["version"], "2");
    });
}

#[test]
fn an_image_is_made_anew_when_much_has_changed_but_not_all_the_time() {
    local(async {
        let world = start().await;
        fill(&world, "Shared", "anna", 0..8).await;
        let device = Device::new(&world, "anna", "Shared").await;
        device.ask(&world, &[ImageForm::Ndjson]).await;
        work(&world).await;
        let url = async || -> Option<Value> { Some(device.image(&world).await?["url"].clone()) };
        let first = url().await;
        fill(&world, "Shared", "anna", 8..12).await;
        assert_eq!(url().await, first);
        assert_eq!(jobs(&world, JobState::Ready).await, 0, "it rests");
        pass(&world, Duration::from_secs(601));
        assert_eq!(url().await, first, "it is better than pages");
        assert_eq!(jobs(&world, JobState::Ready).await, 1);
        work(&world).await;
        let second = url().await;
        assert!(second.is_some() && second != first);
        // It is better than pages only as long as most of it is true.
        for round in 0..20 {
            fill(&world, "Shared", "anna", round..round + 1).await;
            let name = json!({format!("o{}", round % 12): {"name": round.to_string()}});
            crate::device::feed(&world, "Shared", "anna", name).await;
        }
        assert_eq!(url().await, None);
        work(&world).await;
        assert!(url().await.is_some());
        // And nobody knows how many tombstones are gone after a day.
        pass(&world, Duration::from_secs(24 * 3_600));
        assert_eq!(url().await, None);
    });
}

#[test]
fn an_image_is_made_in_the_form_that_a_device_reads_and_both_forms_have_the_same() {
    local(async {
        let world = start().await;
        let objects = json!({
            "1": {"price": "1.50", "sold": "true", "name": "a \"quoted\" <b>lamp</b>\n"},
            "2": {"price": "none", "name": ""},
            "3": {"name": "Łódź"},
            "4": {"sold": "false"},
        });
        feed(&world, "Typed", "anna", objects).await;
        let both = [ImageForm::Sqlite, ImageForm::Ndjson];
        let mut anna = Device::new(&world, "anna", "Typed").await;
        assert_eq!(anna.image_of(&world, &both[..1]).await, None);
        work(&world).await;
        assert_eq!(
            anna.image_of(&world, &both[1..]).await,
            None,
            "of lines there is none"
        );
        let file = anna.image_of(&world, &both[..1]).await.unwrap();
        assert_eq!(file["form"], "sqlite");
        // Who reads both gets the one that is there.
        let other_order = [ImageForm::Ndjson, ImageForm::Sqlite];
        assert_eq!(
            anna.image_of(&world, &other_order).await.unwrap()["form"],
            "sqlite"
        );
        work(&world).await;
        let lines = anna.image_of(&world, &other_order).await.unwrap();
        assert_eq!(lines["form"], "ndjson");
        assert_eq!(jobs(&world, JobState::Dead).await, 0);

        let content = download(&world, &anna.session, &lines).await.unwrap();
        anna.begin_with(&lines_of(&content, &lines), &lines);
        assert_eq!(anna.objects.len(), 4);
        let mut ben = Device::new(&world, "ben", "Typed").await;
        let content = download(&world, &ben.session, &file).await.unwrap();
        let database = file_of(&content, &file);
        let told = ben.image_of(&world, &both[..1]).await.unwrap();
        ben.begin_with_database(database.path(), &told);
        assert_eq!(ben.objects, anna.objects);
        let connection = rusqlite::Connection::open(database.path()).unwrap();
        let described = "SELECT name, metadata, schema FROM source";
        let (name, metadata, schema): (String, String, String) = connection
            .query_row(described, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!((name.as_str(), metadata.as_str()), ("Typed", r#"{"a":1}"#));
        let schema: Value = serde_json::from_str(&schema).unwrap();
        assert_eq!(schema["property"]["price"], "float");
        let check: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        // From there it has pages, whose check is of the same objects.
        feed(&world, "Typed", "anna", json!({"5": {"price": "2"}})).await;
        ben.sync(&world).await;
        assert_eq!(ben.objects.len(), 5);
    });
}
