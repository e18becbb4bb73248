//! What a back end says beside objects and errors: of a change that it has made, and with the answer to a query.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_support::local;

use crate::device_sync::device_at;
use crate::device_sync_changes::answered;
use crate::rest::World;

/// The verdicts of a device of our own library that makes an object, changes another and deletes a third; and those that it is
/// told when it sends the same again.
#[expect(
    clippy::unwrap_used,
    reason = "an answer that does not come is a failed test"
)]
async fn verdicts(world: &World) -> Vec<Value> {
    let device = device_at(&world.engine, "u1").await;
    let changes = json!([
        {"id": "c1", "source": "Product", "op": "create", "object": "mine", "set": {"name": "a"}},
        {"id": "c2", "source": "Product", "op": "update", "object": "2", "set": {"name": "b"}},
        {"id": "c3", "source": "Product", "op": "delete", "object": "3"},
    ]);
    let send = async || {
        let body = json!({"changes": changes});
        let lines = answered(&world.engine, &device, &BTreeMap::new(), body).await;
        let verdict = |line: &Value| line.get("verdict").cloned();
        let lines = lines.unwrap();
        lines.iter().filter_map(verdict).collect::<Vec<_>>()
    };
    let told = send().await;
    assert_eq!(send().await, told, "the same change has the same verdict");
    told
}

#[test]
fn what_a_back_end_says_of_a_change_is_in_its_verdict() {
    local(async {
        let long = "x".repeat(600);
        let applied = |id: &str, object: &str, message: &str| json!({"id": id, "status": "applied", "object": object, "message": message});
        let told = [
            applied("c1", "17", "delivered on Monday"),
            json!({"id": "c2", "status": "applied", "object": "2"}),
            applied("c3", "3", &"x".repeat(500)),
        ];

        let world = World::start_with("rest", "message = \"$.info\"").await;
        world.answer(201, &[], r#"{"id":17,"info":"delivered on Monday"}"#);
        world.answer(200, &[], r#"{"id":2,"info":""}"#);
        world.answer(200, &[], &format!(r#"{{"info":"{long}"}}"#));
        assert_eq!(verdicts(&world).await, told);

        let world = World::start_with("http", "").await;
        world.answer(200, &[], r#"{"id":"17","message":"delivered on Monday"}"#);
        world.answer(200, &[], "ok");
        world.answer(200, &[], &format!(r#"{{"message":"{long}"}}"#));
        assert_eq!(verdicts(&world).await, told);

        let call = r#"{ body = "<x/>" }"#;
        let settings = format!(
            "records = \"$.r\"\ncreated_id = \"$.Made.Key\"\nmessage = \"$.Made.Info\"\nlist = {call}\ncreate = {call}\nupdate = {call}\ndelete = {call}"
        );
        let world = World::start_with("soap", &settings).await;
        let answer = |made: &str| {
            let body = format!(
                "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><Made>{made}</Made></s:Body></s:Envelope>"
            );
            world.answer(200, &[], &body);
        };
        answer("<Key>17</Key><Info>delivered on Monday</Info>");
        answer("<Key>2</Key>");
        answer(&format!("<Info>{long}</Info>"));
        assert_eq!(verdicts(&world).await, told);
    });
}

#[test]
fn devices_of_the_old_protocols_are_told_of_a_change_as_before() {
    local(async {
        let world = World::start_with("rest", "message = \"$.info\"").await;
        world.answer(201, &[], r#"{"id":17,"info":"delivered on Monday"}"#);
        world.push(json!({"create": {"t1": {"name": "a"}}})).await;
        world.answer(200, &[], r#"[{"id":17,"name":"a"}]"#);
        let told = json!({"links": {"t1": {"l": "17"}}});
        assert_eq!(world.pull("").await[5], told);
    });
}

#[test]
fn what_an_answer_says_of_the_source_is_its_metadata() {
    local(async {
        let settings = "records = \"$.items\"\nmetadata = \"$.notice\"";
        let world = World::start_with("rest", settings).await;
        world.answer(
            200,
            &[],
            r#"{"items":[{"id":1}],"notice":"prices of today"}"#,
        );
        let first = world.pull("").await;
        assert_eq!(first[5]["metadata"], "prices of today");
        let token = first[1]["token"].as_str().unwrap().to_owned();
        assert_eq!(
            world.pull(&token).await[5],
            json!({}),
            "it was acknowledged"
        );

        // It is kept while the back end has no answer, or the same.
        for (status, body) in [(500, "down"), (304, "")] {
            world.answer(status, &[], body);
            assert_eq!(world.pull("").await[5].get("metadata"), None, "{status}");
        }
        // With the same objects, other words are news.
        world.answer(
            200,
            &[],
            r#"{"items":[{"id":1}],"notice":"prices of tomorrow"}"#,
        );
        let changed = world.pull("").await;
        assert_eq!(changed[5], json!({"metadata": "prices of tomorrow"}));
        let token = changed[1]["token"].as_str().unwrap().to_owned();
        world.pull(&token).await;

        // Without a word there is none any more, and to begin with the same words again is news.
        world.answer(200, &[], r#"{"items":[{"id":1}]}"#);
        assert_eq!(world.pull("").await[5], json!({}));
        world.answer(200, &[], r#"{"items":[{"id":1}],"notice":{"code":7}}"#);
        assert_eq!(world.pull("").await[5], json!({"metadata": "{\"code\":7}"}));
    });
}
