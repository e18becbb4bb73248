//! `/clients`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sync_proto::DeviceDescription;
use test_support::{Fault, local};

use crate::console::Console;

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn who_was_heard_of_last_comes_first() {
    local(async {
        let console = Console::start().await;
        let (anna, ben) = (console.device("anna").await, console.device("ben").await);
        console.pull(&ben, "Shared", "").await;
        console.flush().await;
        console.pass(60);
        // Nothing is new to her but that she is there.
        console.pull(&anna, "Pushed", "").await;
        console.flush().await;
        let all = console.see("/clients").await;
        assert_eq!(ids(&all), [anna.id(), ben.id()]);
        let seen = all["items"][0]["seen_at"].as_u64().unwrap();
        assert!(seen - all["items"][1]["seen_at"].as_u64().unwrap() >= 60_000);
        assert_eq!(all["items"][0]["state"], "ok", "{all}");
        let shown = console.see(&format!("/clients/{}", anna.id())).await;
        assert_eq!(shown["seen_at"], seen);

        console.pass(8 * 86_400);
        console.pull(&ben, "Shared", "").await;
        console.flush().await;
        assert_eq!(ids(&console.see("/clients").await), [ben.id(), anna.id()]);
        assert_eq!(
            ids(&console.see("/clients?state=silent").await),
            [anna.id()]
        );
    });
}

#[test]
fn a_list_read_part_by_part_has_every_client_once() {
    local(async {
        let console = Console::start().await;
        let mut all = BTreeSet::new();
        for user in ["anna", "ante", "ben"] {
            for _ in 0..4 {
                all.insert(console.device(user).await.id().to_owned());
            }
        }
        let whole = async |path: &str| {
            let mut found = Vec::new();
            let mut cursor = String::new();
            for _ in 0..20 {
                let part = console.see(&format!("{path}&limit=3{cursor}")).await;
                found.extend(ids(&part).into_iter().map(str::to_owned));
                let Some(next) = part["next"].as_str() else {
                    return found;
                };
                cursor = format!("&cursor={}", next.replace('/', "%2F"));
            }
            panic!("no end of {path}");
        };
        // All were heard of in the same moment.
        for path in ["/clients?sort=seen", "/clients?sort=id"] {
            let found = whole(path).await;
            assert_eq!(found.len(), 12, "{path}");
            assert_eq!(BTreeSet::from_iter(found), all, "{path}");
        }
        assert_eq!(whole("/clients?q=an").await.len(), 8);
        assert_eq!(whole("/clients?user=ben").await.len(), 4);
        let one = all.first().unwrap();
        assert_eq!(
            whole(&format!("/clients?q={}", &one[..20])).await,
            std::slice::from_ref(one)
        );
        assert_eq!(whole("/clients?q=nobody").await, [""; 0]);
        for wrong in ["cursor=x", "state=odd", "sort=odd", "q=a&cursor=x"] {
            let (status, body) = console.call("GET", &format!("/clients?{wrong}"), "").await;
            assert_eq!(status, 400, "{wrong}: {body}");
        }
    });
}

#[test]
fn what_a_client_did_is_told_but_for_what_found_nothing() {
    local(async {
        let console = Console::start().await;
        console.world().back_end.put("1", &[("name", "a")]);
        let anna = console.device("anna").await;
        let (_, page) = console.pull(&anna, "Shared", "").await;
        let token = page[1]["token"].as_str().unwrap();
        console.pull(&anna, "Shared", token).await;
        console.pull(&anna, "Shared", "").await;
        let change = r#"{"create":{"t1":{"name":"b"},"t2":{"name":"c"}}}"#;
        assert_eq!(console.push(&anna, "Pushed", change).await, 200);
        console.world().back_end.fail([Fault::Unreachable]);
        console.pull(&anna, "Shared", "").await;
        console.flush().await;

        let path = format!("/clients/{}/events", anna.id());
        let events = console.see(&path).await;
        let told: Vec<_> = events["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| {
                json!([
                    event["kind"],
                    event["source"],
                    event["sent"],
                    event["received"]
                ])
            })
            .collect();
        assert_eq!(
            told,
            [
                json!(["pull", "Shared", 0, 0]),
                json!(["push", "Pushed", 2, 0]),
                json!(["pull", "Shared", 0, 1]),
            ],
            "{events}"
        );
        let error = events["items"][0]["error"].as_str().unwrap();
        assert!(!error.is_empty());
        let failing = console.see("/clients?state=failing").await;
        assert_eq!(ids(&failing), [anna.id()]);
        assert_eq!(failing["items"][0]["problem"], error);

        // It works again.
        console.pull(&anna, "Shared", "").await;
        console.flush().await;
        assert_eq!(ids(&console.see("/clients?state=failing").await), [""; 0]);
        let (status, _) = console.call("GET", "/clients/nobody/events", "").await;
        assert_eq!(status, 404);
    });
}

#[test]
fn a_deleted_client_is_in_no_list() {
    local(async {
        let console = Console::start().await;
        let anna = console.device("anna").await;
        console.world().back_end.fail([Fault::Unreachable]);
        console.pull(&anna, "Shared", "").await;
        console.flush().await;
        let (status, _) = console
            .call("DELETE", &format!("/clients/{}", anna.id()), "")
            .await;
        assert_eq!(status, 204);
        let left = console.world().keys().await;
        let left: Vec<_> = left.iter().filter(|key| key.contains("client")).collect();
        assert_eq!(left.len(), 0, "{left:?}");
        for list in ["", "?sort=id", "?state=failing", "?q=anna"] {
            assert_eq!(ids(&console.see(&format!("/clients{list}")).await), [""; 0]);
        }
    });
}

#[test]
fn it_is_told_how_a_client_is_pushed_to() {
    local(async {
        let console = Console::start().await;
        let anna = console.device("anna").await;
        let path = format!("/clients/{}", anna.id());
        assert_eq!(console.see(&path).await["push"], Value::Null);
        let phone = DeviceDescription {
            device_type: Some("Android".to_owned()),
            ..DeviceDescription::default()
        };
        let engine = &console.world().engine;
        engine
            .register_client(&anna.session, anna.id(), &phone)
            .await
            .unwrap();
        let expected = json!({"service": "fcm", "has_token": false});
        assert_eq!(console.see(&path).await["push"], expected);
    });
}

#[test]
fn a_device_that_has_synced_takes_less_than_a_kibibyte_of_the_store() {
    const DEVICES: usize = 50;
    const MOST: i64 = 1_024;
    local(async {
        let console = Console::start().await;
        console.world().back_end.put("1", &[("name", "a")]);
        let sync = async |user: &str| {
            let device = console.device(user).await;
            let (_, page) = console.pull(&device, "Shared", "").await;
            let token = page[1]["token"].as_str().unwrap().to_owned();
            console.pull(&device, "Shared", &token).await;
        };
        sync("u").await;
        console.flush().await;
        let before = console.world().bytes_of_keys().await;
        for _ in 0..DEVICES {
            sync("u").await;
        }
        console.flush().await;
        let grown = console.world().bytes_of_keys().await - before;
        let each = grown / i64::try_from(DEVICES).unwrap();
        assert!(each < MOST, "{each} bytes");
    });
}
