//! Back ends that answer badly, late, or ask for a pause.

use std::time::Duration;

use serde_json::json;
use sync_core::StorePorts as _;
use test_support::local;

use super::World;

#[test]
fn whatever_a_back_end_answers_in_place_of_its_records_deletes_nothing() {
    local(async {
        let json_and_xml = [
            "",
            "null",
            "7",
            "\"busy\"",
            "{}",
            "[7]",
            "{\"error\":\"busy\"}",
            "{\"rows\":null}",
            "{\"rows\":[{\"n\":1}]}",
            "{\"rows\":[{\"id\":1}",
            "<html><body/></html>",
            "<list><item><id>1</id></item>",
            "\u{1}\u{2}",
        ];
        let csv = [
            "",
            "{\"error\":\"busy\"}",
            "\n",
            "<html>\n<body>\n",
            "id;n\n1",
            "n\na\n",
        ];
        for (settings, whole, broken) in [
            (
                "records = \"$.rows\"",
                r#"{"rows":[{"id":1,"n":"a"}]}"#,
                &json_and_xml[..],
            ),
            (
                "records = \"$.rows[*]\"",
                r#"{"rows":[{"id":1,"n":"a"}]}"#,
                &json_and_xml[..],
            ),
            (
                "records = \"$.rows[?@.n]\"",
                r#"{"rows":[{"id":1,"n":"a"}]}"#,
                &json_and_xml[..],
            ),
            (
                "records = \"/rows\"",
                r#"{"rows":[{"id":1,"n":"a"}]}"#,
                &json_and_xml[..],
            ),
            (
                "format = \"xml\"\nrecords = \"$.list.item\"",
                "<list><item><id>1</id><n>a</n></item></list>",
                &json_and_xml[..],
            ),
            (
                "format = \"csv\"\ndelimiter = \";\"",
                "id;n\n1;a\n",
                &csv[..],
            ),
        ] {
            let world = World::start(settings).await;
            world.answer(200, &[], whole);
            let page = world.pull("").await;
            assert_eq!(page[5], json!({"insert": {"1": {"n": "a"}}}));
            world.pull(page[1]["token"].as_str().unwrap()).await;
            for body in broken {
                world.answer(200, &[], body);
                let told = world.pull("").await;
                assert!(
                    told[5]["source-error"].is_object(),
                    "{settings}: {body:?}: {told}"
                );
                assert_eq!(told[5].get("delete"), None, "{settings}: {body:?}");
                assert_eq!(told[5].get("insert"), None, "{settings}: {body:?}");
            }
        }
    });
}

#[test]
fn a_question_is_asked_again_as_often_as_declared_and_a_change_is_not() {
    local(async {
        let world = World::start("retries = 2").await;
        for status in [503, 500] {
            world.answer(status, &[], "");
        }
        world.answer(200, &[], r#"[{"id":1,"n":"a"}]"#);
        assert_eq!(
            world.pull("").await[5],
            json!({"insert": {"1": {"n": "a"}}})
        );
        assert_eq!(world.asked().len(), 3);
        world.answer(404, &[], "");
        world.pull("").await;
        assert_eq!(
            world.asked().len(),
            1,
            "that will not be otherwise in a moment"
        );
    });
}

#[test]
fn a_back_end_that_asks_for_a_pause_has_it() {
    local(async {
        let world = World::start("retries = 2").await;
        world.answer(200, &[], r#"[{"id":1,"n":"a"}]"#);
        let page = world.pull("").await;
        world.pull(page[1]["token"].as_str().unwrap()).await;
        world.asked();
        for (status, headers, seconds) in [
            (429, vec![("retry-after", "30")], 30),
            (
                503,
                vec![
                    ("date", "Sat, 31 Jan 2026 09:00:00 GMT"),
                    ("retry-after", "Sat, 31 Jan 2026 09:01:00 GMT"),
                ],
                60,
            ),
        ] {
            world.answer(status, &headers, r#"{"message":"slow down"}"#);
            let told = world.pull("").await;
            assert_eq!(
                told[5]["source-error"]["query-error"]["message"],
                "slow down"
            );
            assert_eq!(world.asked().len(), 1, "it is not asked again at once");
            world
                .engine
                .ports()
                .clock()
                .advance(Duration::from_secs(seconds - 1));
            world.pull("").await;
            assert_eq!(world.asked(), [""; 0], "{status}");
            world.engine.ports().clock().advance(Duration::from_secs(2));
            world.answer(200, &[], r#"[{"id":1,"n":"a"}]"#);
            assert_eq!(world.pull("").await[5], json!({}));
            assert_eq!(world.asked().len(), 1);
        }
    });
}

#[test]
fn a_part_of_an_answer_or_one_that_was_not_asked_for_deletes_nothing() {
    local(async {
        for (status, body, reason) in [
            (206, r#"[{"id":1,"n":"a"}]"#, "a part (206)"),
            (304, "", "nothing has changed (304)"),
            (
                200,
                r#"[{"id":123456789012345678901234567890},{"id":2}]"#,
                "more digits than can be told apart",
            ),
        ] {
            let world = World::start("").await;
            world.answer(200, &[], r#"[{"id":1,"n":"a"},{"id":2,"n":"a"}]"#);
            let page = world.pull("").await;
            world.pull(page[1]["token"].as_str().unwrap()).await;
            world.answer(status, &[], body);
            let told = world.pull("").await;
            let error = told[5]["source-error"]["query-error"]["message"].to_string();
            assert!(error.contains(reason), "{status}: {told}");
            assert_eq!(told[5].get("delete"), None, "{status}: {told}");
        }
        let world = World::start("").await;
        world.answer(
            200,
            &[],
            r#"[{"id":18446744073709551615,"n":"a"},{"id":1.5,"n":"b"}]"#,
        );
        let page = world.pull("").await;
        let all = json!({"1.5": {"n": "b"}, "18446744073709551615": {"n": "a"}});
        assert_eq!(page[5]["insert"], all);
    });
}
