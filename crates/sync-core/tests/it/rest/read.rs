//! One object, asked for by its id.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a world that cannot be made is a failed test"
)]

use serde_json::{Value, json};
use sync_core::HandedBy;
use test_support::local;

use super::World;

const READ: &str = "read = {}";

/// A world whose device has the products 1 and 2, and whose back end is not due to be asked.
async fn start(settings: &str) -> World {
    let world = World::start_polled("rest", 3_600, settings).await;
    world.answer(200, &[], r#"[{"id":1,"n":"a","m":"x"},{"id":2,"n":"b"}]"#);
    let page = world.pull("").await;
    world.pull(token(&page)).await;
    world.asked();
    world
}

fn token(page: &Value) -> &str {
    page[1]["token"].as_str().expect("a token")
}

#[test]
fn a_device_is_told_of_a_conflict_with_the_object_as_it_is_now() {
    local(async {
        let nested =
            "read = { path = \"/one/{{ id }}\", query = { full = \"1\" } }\nrecord = \"$.data\"";
        for (settings, asked, body) in [
            (
                READ,
                "GET http://crm/products/1",
                r#"{"id":1,"n":"theirs","m":"x"}"#,
            ),
            (
                nested,
                "GET http://crm/products/one/1?full=1",
                r#"{"data":{"id":1,"n":"theirs","m":"x"}}"#,
            ),
        ] {
            let world = start(settings).await;
            world.answer(409, &[], r#"{"message":"somebody was faster"}"#);
            world.answer(200, &[], body);
            world.push(json!({"update": {"1": {"n": "mine"}}})).await;
            let all = world.asked();
            assert_eq!(all.last().map(String::as_str), Some(asked), "{all:?}");
            let told = world.pull("").await;
            let message = &told[5]["update-error"]["1-error"]["message"];
            assert_eq!(message, "somebody was faster", "{told}");
            assert_eq!(told[5]["insert"], json!({"1": {"n": "theirs"}}), "{told}");
            assert_eq!(world.asked(), [""; 0], "everything was asked for");
        }
        // Where no single object can be asked for, the next query tells.
        let world = start("").await;
        world.answer(409, &[], "");
        world.push(json!({"update": {"1": {"n": "mine"}}})).await;
        assert_eq!(world.asked().len(), 1);
    });
}

#[test]
fn an_object_of_a_conflict_that_is_gone_goes_from_devices() {
    local(async {
        for (status, body) in [
            (404, ""),
            (410, "{}"),
            (200, r#"{"id":1,"n":"a","deleted":true}"#),
        ] {
            let world = start("read = {}\nchanges = { query = { since = \"{{ since }}\" }, changed_at = \"$.t\", deleted_if = \"$.deleted\" }").await;
            world.answer(412, &[], "");
            world.answer(status, &[], body);
            world.push(json!({"update": {"1": {"n": "mine"}}})).await;
            let told = world.pull("").await;
            assert_eq!(
                told[5]["delete"],
                json!({"1": {"m": "", "n": ""}}),
                "{told}"
            );
        }
    });
}

#[test]
fn an_answer_that_is_not_the_object_changes_nothing() {
    local(async {
        for (status, body) in [
            (200, r#"{"id":2,"n":"another"}"#),
            (200, r#"{"n":"without an id"}"#),
            (200, "[]"),
            (200, "<html>"),
            (500, ""),
            (401, ""),
        ] {
            let world = start(READ).await;
            world.answer(409, &[], "");
            world.answer(status, &[], body);
            world.push(json!({"update": {"1": {"n": "mine"}}})).await;
            assert_eq!(world.asked().len(), 2, "{body}");
            let told = world.pull("").await;
            assert!(told[5].get("update-error").is_some(), "{body}: {told}");
            assert_eq!(told[5].get("delete"), None, "{body}: {told}");
            assert_eq!(told[5].get("insert"), None, "{body}: {told}");
        }
    });
}

#[test]
fn an_event_that_names_objects_has_them_read() {
    const HOOK: &str = "read = {}\n[sources.Product.hook]\nsecret = \"s3cret\"\nsecret_header = \"X-Secret\"\nchanged = \"$.ids\"";
    local(async {
        let world = start(HOOK).await;
        let mut headers = http::HeaderMap::new();
        headers.insert("x-secret", "s3cret".parse().expect("a header"));
        let tell = async |body: &str| {
            let engine = &world.engine;
            let taken = engine.take_hook("Product", HandedBy::Anybody, &headers, body.as_bytes());
            taken.await.expect("to be taken in");
        };
        world.answer(200, &[], r#"{"id":1,"n":"new"}"#);
        world.answer(404, &[], "");
        world.answer(200, &[], r#"{"id":"3","n":"c"}"#);
        tell(r#"{"ids":[1,2,{"id":3}]}"#).await;
        let asked = [1, 2, 3].map(|id| format!("GET http://crm/products/{id}"));
        assert_eq!(world.asked(), asked);
        let told = world.pull("").await;
        let news = json!({"insert": {"1": {"n": "new"}, "3": {"n": "c"}}, "delete": {"1": {"m": ""}, "2": {"n": ""}}});
        assert_eq!(told[5], news);
        assert_eq!(world.asked(), [""; 0]);
        // An object that cannot be read, and too many of them: the next pull asks for everything.
        for body in [
            json!({"ids": 1}).to_string(),
            json!({"ids": (1..30).collect::<Vec<u32>>()}).to_string(),
        ] {
            tell(&body).await;
            let before = world.asked();
            assert!(before.len() <= 1, "{before:?}");
            world.answer(200, &[], r#"[{"id":1,"n":"newer"},{"id":3,"n":"c"}]"#);
            world.pull("").await;
            assert_eq!(world.asked(), ["GET http://crm/products"]);
        }
    });
}
