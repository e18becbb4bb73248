//! Answers in other forms, and records that are no flat objects.

use serde_json::json;
use test_support::local;

use super::World;

#[test]
fn xml_and_csv_are_read_as_json_is() {
    local(async {
        for (settings, body) in [
            (
                "format = \"xml\"\nrecords = \"$.list.item\"\nattributes = { name = \"$.n\" }",
                "<?xml version=\"1.0\"?><list><item><id>1</id><n>a</n><x>1</x></item><item><id>2</id><n>b &amp; c</n></item></list>",
            ),
            (
                "format = \"csv\"\ndelimiter = \";\"\nomit = [\"x\"]",
                "id;name;x\n1;a;1\n2;\"b & c\";2\n",
            ),
        ] {
            let world = World::start(settings).await;
            world.answer(200, &[], body);
            let page = world.pull("").await;
            assert_eq!(
                page[5],
                json!({"insert": {"1": {"name": "a"}, "2": {"name": "b & c"}}}),
                "{settings}"
            );
        }
    });
}

#[test]
fn nested_records_become_flat_ones_or_a_source_of_their_own() {
    local(async {
        let orders = r#"[{"id":7,"at":1769850000,"to":{"city":"Bern","zip":{"no":3000}},"lines":[{"pos":1,"n":"a"},{"pos":2,"n":"b"}]}]"#;
        let flat = World::start(
            "nested = \"flatten\"\ntypes = { at = \"unix-seconds\" }\nomit = [\"lines\"]",
        )
        .await;
        flat.answer(200, &[], orders);
        assert_eq!(
            flat.pull("").await[5],
            json!({"insert": {"7": {"at": "2026-01-31T09:00:00Z", "to.city": "Bern", "to.zip.no": "3000"}}})
        );
        flat.asked();
        flat.answer(200, &[], "");
        flat.push(json!({"update": {"7": {"to.city": "Basel", "at": "2026-01-31T09:00:01Z"}}}))
            .await;
        assert_eq!(
            flat.asked(),
            [r#"PUT http://crm/products/7 {"at":1769850001,"to":{"city":"Basel"}}"#]
        );
        let lines = World::start("id = [\"order\", \"pos\"]\nchildren = { records = \"$.lines\", parent = { order = \"$.id\" } }").await;
        lines.answer(200, &[], orders);
        assert_eq!(
            lines.pull("").await[5],
            json!({"insert": {
                "7:1": {"order": "7", "pos": "1", "n": "a"},
                "7:2": {"order": "7", "pos": "2", "n": "b"},
            }})
        );
    });
}

#[test]
fn a_record_with_a_value_that_is_not_of_its_type_is_refused_and_the_others_are_kept() {
    local(async {
        let world = World::start("types = { at = \"date\" }").await;
        world.answer(
            200,
            &[],
            r#"[{"id":1,"at":"2026-01-31"},{"id":2,"at":"2026-02-01"}]"#,
        );
        let page = world.pull("").await;
        world.pull(page[1]["token"].as_str().unwrap()).await;
        world.answer(
            200,
            &[],
            r#"[{"id":1,"at":"2026-01-30"},{"id":2,"at":"soon"}]"#,
        );
        let told = world.pull("").await;
        assert_eq!(told[5]["insert"], json!({"1": {"at": "2026-01-30"}}));
        assert_eq!(told[5].get("delete"), None, "what it had stays");
        let told = world.pull(told[1]["token"].as_str().unwrap()).await;
        assert!(
            told[5]["source-error"].to_string().contains("soon"),
            "{told}"
        );
    });
}
