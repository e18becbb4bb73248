//! `/changes`, and what is shown of a client that has some.

use serde_json::{Value, json};
use sync_core::Scope;
use sync_proto::DeviceDescription;
use test_support::{Fault, local};

use crate::console::{Console, Device};

/// A server with a device whose change waits.
async fn waiting() -> (Console, Device, Value) {
    let console = Console::start().await;
    let anna = console.device("anna").await;
    let phone = DeviceDescription {
        device_type: Some("Android".to_owned()),
        device_pin: Some("token-of-the-phone".to_owned()),
        ..DeviceDescription::default()
    };
    let engine = &console.world().engine;
    let registered = engine.register_client(&anna.session, anna.id(), &phone);
    registered.await.unwrap();
    console.world().back_end.put("7", &[("name", "there")]);
    console.pull(&anna, "Shared", "").await;
    console.world().back_end.fail([Fault::Unreachable; 3]);
    let change = r#"{"update":{"7":{"name":"mine"}}}"#;
    assert_eq!(console.push(&anna, "Shared", change).await, 200);
    console.flush().await;
    let list = console.see("/changes?state=waiting").await;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list}");
    (console, anna, items[0].clone())
}

#[test]
fn a_change_is_shown_corrected_and_tried_again() {
    local(async {
        let (console, anna, change) = waiting().await;
        assert_eq!(change["client"], anna.id());
        assert_eq!(change["attributes"], Value::Null);
        let path = format!("/changes/{}", change["id"].as_str().unwrap());
        let shown = console.see(&path).await;
        assert_eq!(shown["attributes"], json!({"name": "mine"}));
        assert_eq!(shown["current"], json!({"name": "there"}));

        let retry = format!("{path}/retry");
        let body = json!({"attributes": {"name": {"deep": 1}}}).to_string();
        let (status, corrected) = console.call("POST", &retry, &body).await;
        assert_eq!(status, 200, "{corrected}");
        assert_eq!(corrected["attributes"]["name"], r#"{"deep":1}"#);
        let body = json!({"attributes": {"name": "yours"}}).to_string();
        let (status, corrected) = console.call("POST", &retry, &body).await;
        assert_eq!((status, &corrected["state"]), (200, &json!("waiting")));
        console.world().work().await;
        assert_eq!(console.world().back_end.get("7").unwrap()["name"], "yours");
        let (status, _) = console.call("GET", &path, "").await;
        assert_eq!(status, 404);
        let (status, _) = console.call("POST", &retry, "").await;
        assert_eq!(status, 404);
    });
}

#[test]
fn a_change_is_discarded() {
    local(async {
        let (console, anna, change) = waiting().await;
        let path = format!("/changes/{}", change["id"].as_str().unwrap());
        assert_eq!(console.call("DELETE", &path, "").await.0, 204);
        let left = console.see("/changes").await;
        assert_eq!(left["items"][0]["state"], "refused", "{left}");
        assert_eq!(left["items"].as_array().unwrap().len(), 1);
        console.world().back_end.heal();
        let (_, page) = console.pull(&anna, "Shared", "").await;
        assert!(page[5]["update-error"]["7-error"].is_object(), "{page}");
    });
}

#[test]
fn a_refused_change_is_tried_again_under_another_id_and_its_device_hears_of_both() {
    local(async {
        let console = Console::start().await;
        let anna = console.device("anna").await;
        console.world().back_end.put("7", &[("name", "there")]);
        let (_, page) = console.pull(&anna, "Shared", "").await;
        let token = page[1]["token"].as_str().unwrap().to_owned();
        console.world().back_end.fail([Fault::Rejected]);
        let change = r#"{"update":{"7":{"name":"mine"}}}"#;
        assert_eq!(console.push(&anna, "Shared", change).await, 200);
        console.flush().await;
        let refused = console.see("/changes?state=refused").await["items"][0].clone();
        let path = format!("/changes/{}", refused["id"].as_str().unwrap());
        let shown = console.see(&path).await;
        assert_eq!(shown["attributes"], json!({"name": "mine"}));
        assert_eq!(shown["current"], json!({"name": "there"}));
        let body = json!({"attributes": {"name": "ours"}}).to_string();
        let (status, retried) = console.call("POST", &format!("{path}/retry"), &body).await;
        assert_eq!((status, &retried["state"]), (200, &json!("waiting")));
        assert_eq!(console.call("GET", &path, "").await.0, 404);
        console.world().work().await;
        assert_eq!(console.world().back_end.get("7").unwrap()["name"], "ours");
        let (_, page) = console.pull(&anna, "Shared", &token).await;
        assert_eq!(page[5]["update-error"]["7"]["name"], "mine", "{page}");
        assert_eq!(page[5]["insert"]["7"]["name"], "ours", "{page}");
    });
}

#[test]
fn what_is_no_change_is_not_found_and_no_state_is_refused() {
    local(async {
        let console = Console::start().await;
        for id in ["x", "WyJrIiwiMDAwMDAwMDAwMDAwMDAwOSJd"] {
            for (method, rest) in [("GET", ""), ("POST", "/retry"), ("DELETE", "")] {
                let path = format!("/changes/{id}{rest}");
                let (status, body) = console.call(method, &path, "").await;
                assert_eq!(status, 404, "{method} {path}: {body}");
            }
        }
        for query in ["state=odd", "cursor=x", "cursor=w:x", "limit=0"] {
            let (status, body) = console.call("GET", &format!("/changes?{query}"), "").await;
            assert_eq!(status, 400, "{query}: {body}");
        }
    });
}

#[test]
fn what_the_object_is_now_is_for_those_who_may_read_objects() {
    local(async {
        let (console, _, change) = waiting().await;
        let path = format!("/changes/{}", change["id"].as_str().unwrap());
        let shown = console.see_as(Scope::JobsRead, &path).await;
        assert_eq!(shown["attributes"]["name"], "mine");
        assert_eq!(shown["current"], Value::Null);
    });
}

#[test]
fn diagnostics_have_everything_but_secrets() {
    local(async {
        let (console, anna, _) = waiting().await;
        let told = console
            .see(&format!("/clients/{}/diagnostics", anna.id()))
            .await;
        assert_eq!(told["client"]["device"]["device_type"], "Android");
        assert_eq!(told["client"]["push"]["has_token"], true);
        assert_eq!(told["summary"]["waiting"], 1);
        assert_eq!(told["sources"][0]["source"], "Shared");
        assert_eq!(told["sources"][0]["waiting"], 1);
        assert_eq!(told["changes"][0]["object"], "7");
        assert_eq!(told["events"][0]["kind"], "push");
        assert!(!told.to_string().contains("token-of-the-phone"), "{told}");
    });
}

#[test]
fn a_preview_is_of_one_source() {
    local(async {
        let (console, anna, _) = waiting().await;
        let path = format!("/clients/{}/sources", anna.id());
        let preview = console.see(&format!("{path}/Shared/preview")).await;
        assert_eq!(preview["objects"][0]["id"], "7");
        assert_eq!(preview["objects"][0]["change"], "create");
        let (status, _) = console
            .call("GET", &format!("{path}/Pushed/preview"), "")
            .await;
        assert_eq!(status, 404, "it does not sync that");
    });
}
