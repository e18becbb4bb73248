//! `/sources`, and copies of them.

use serde_json::{Value, json};
use test_support::local;

use crate::console::Console;

#[test]
fn a_paused_source_is_neither_queried_nor_sent_changes_until_it_is_resumed() {
    local(async {
        let console = Console::start().await;
        let back_end = std::rc::Rc::clone(&console.world().back_end);
        let anna = console.device("anna").await;
        back_end.put("1", &[("name", "a")]);
        console.pull(&anna, "Shared", "").await;
        let pause = async |paused: bool| {
            let body = json!({"paused": paused}).to_string();
            console.call("PATCH", "/sources/Shared", &body).await
        };
        let (status, source) = pause(true).await;
        assert_eq!((status, &source["paused"]), (200, &json!(true)));
        assert_eq!(source["adapter"], "rust");
        assert_eq!(source["poll_interval"], 0, "that stays");
        let queries = back_end.queries();
        back_end.put("2", &[("name", "b")]);
        // What is there is given.
        let (status, page) = console.pull(&anna, "Shared", "").await;
        assert_eq!(
            (status, &page[5]["insert"]["1"]["name"]),
            (200, &json!("a"))
        );
        assert_eq!(page[5]["source-error"], Value::Null);
        assert_eq!(back_end.queries(), queries);
        let change = r#"{"create":{"t1":{"name":"c"}}}"#;
        assert_eq!(console.push(&anna, "Shared", change).await, 200);
        console.pass(600);
        console.world().work().await;
        assert_eq!(back_end.writes(), 0);
        let changes = console.see("/changes").await;
        assert_eq!(changes["items"][0]["attempts"], 0, "{changes}");
        assert_eq!(changes["items"][0]["error"], "the source is paused");
        let overview = console.see("/overview").await;
        let kinds = overview["attention"].as_array().unwrap().iter();
        assert!(
            kinds
                .map(|one| &one["kind"])
                .any(|kind| kind == "source-paused")
        );
        let now = r#"{"now":true}"#;
        let path = "/sources/Shared/users/anna/refresh";
        assert_eq!(console.call("POST", path, now).await.0, 400);

        assert_eq!(pause(false).await.0, 200);
        console.pass(61);
        console.world().work().await;
        assert_eq!(back_end.writes(), 1);
        let (_, page) = console.pull(&anna, "Shared", "").await;
        assert_eq!(page[5]["insert"]["2"]["name"], "b");
        assert_eq!(console.see("/changes").await["items"], json!([]));
    });
}

#[test]
fn a_copy_is_refreshed_by_a_job_where_no_device_waits() {
    local(async {
        let console = Console::start().await;
        let anna = console.device("anna").await;
        console.pull(&anna, "Own", "").await;
        console.world().back_end.put("1", &[("name", "a")]);
        let path = "/sources/Own/users/anna";
        let refresh = format!("{path}/refresh");
        let (status, body) = console.call("POST", &refresh, r#"{"now":true}"#).await;
        assert_eq!(status, 204, "{body}");
        assert_eq!(console.see(path).await["objects"], 0);
        console.world().work().await;
        assert_eq!(console.see(path).await["objects"], 1);
        let (status, _) = console
            .call(
                "POST",
                "/sources/Pushed/users/anna/refresh",
                r#"{"now":true}"#,
            )
            .await;
        assert_eq!(status, 400, "nobody is there to be asked");
    });
}

#[test]
fn copies_are_listed_by_source_and_by_user() {
    local(async {
        let console = Console::start().await;
        console.world().back_end.put("1", &[("name", "a")]);
        for user in ["anna", "ben", "carl"] {
            let device = console.device(user).await;
            console.pull(&device, "Own", "").await;
            console.pull(&device, "Shared", "").await;
        }
        console.flush().await;
        let copies = console.see("/sources/Own/partitions").await;
        let mut found: Vec<_> = copies["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|copy| {
                json!([
                    copy["partition"],
                    copy["user"],
                    copy["objects"],
                    copy["clients"]
                ])
            })
            .collect();
        found.sort_by_key(Value::to_string);
        let expected =
            ["anna", "ben", "carl"].map(|user| json!([format!("user/{user}"), user, 1, 1]));
        assert_eq!(found, expected);
        let shared = console.see("/sources/Shared/partitions").await;
        assert_eq!(shared["items"][0]["partition"], "app");
        assert_eq!(shared["items"][0]["clients"], 3);
        let of_anna = console.see("/users/anna/copies").await;
        let names: Vec<_> = of_anna["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|copy| copy["source"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["Own", "Shared"]);
        assert_eq!(console.see("/users/anna").await["clients"], 1);
        let found = console.see("/users?q=b").await;
        assert_eq!(found["items"], json!([{"login": "ben"}]));
    });
}
