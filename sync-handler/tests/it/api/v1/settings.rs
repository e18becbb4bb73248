//! Settings as they are in force.

use http::StatusCode;
use serde_json::{Value, json};
use sync_core::Scope;
use test_support::local;

use crate::server::{Server, call};

#[test]
fn what_is_set_at_run_time_is_there_with_where_it_comes_from() {
    local(async {
        let settings = "retention_days = 7\n[sources.A]\nadapter = \"http\"\n\
            [sources.A.http]\nurl = \"http://a.example\"\nheaders = { X-Key = \"secret\" }";
        let server = Server::start(Some(settings)).await;
        let tokens = server.world.engine.accounts().api_tokens();
        let made = tokens.create("t", vec![Scope::Admin], None, None).await;
        let token = made.unwrap().1;
        let list = async || {
            let (status, listed) = call(&server, &token, "GET", "/settings", &Value::Null).await;
            assert_eq!(status, StatusCode::OK, "{listed}");
            assert!(!listed.to_string().contains("secret"), "{listed}");
            let items = listed["items"].as_array().unwrap().clone();
            move |key: &str| {
                let setting = items.iter().find(|item| item["key"] == key);
                setting.map(|item| (item["value"].clone(), item["origin"].clone()))
            }
        };
        let find = list().await;
        assert_eq!(find("retention_days"), Some((json!("7"), json!("file"))));
        assert_eq!(find("stats"), Some((json!("false"), json!("default"))));
        let poll = "sources.A.poll_interval";
        assert_eq!(find(poll), Some((json!("300"), json!("default"))));
        assert_eq!(find("app_server"), None);

        let every_minute = json!({"poll_interval": 60});
        call(&server, &token, "PATCH", "/sources/A", &every_minute).await;
        let url = json!({"url": "http://user:secret@app.example"});
        call(&server, &token, "PUT", "/system/app-server", &url).await;
        let find = list().await;
        assert_eq!(find(poll), Some((json!("60"), json!("console"))));
        let shown = json!("\"http://***@app.example\"");
        assert_eq!(find("app_server"), Some((shown, json!("console"))));
    });
}
