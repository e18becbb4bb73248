//! The audit log.

use http::{Request, StatusCode};
use serde_json::{Value, json};
use sync_core::{AuditKind, AuditLog, AuditRecord, Order, RedisConn as _, Scope};
use test_support::local;

use crate::server::{Server, call};

const PASSWORD: &str = "admin-password";

async fn log_in(server: &Server) -> String {
    let body = json!({"login": "rhoadmin", "password": PASSWORD});
    let (_, made) = call(server, "", "POST", "/login", &body).await;
    made["token"].as_str().unwrap().to_owned()
}

async fn script(server: &Server, scope: Scope) -> String {
    let tokens = server.world.engine.accounts().api_tokens();
    let made = tokens.create("script", vec![scope], None, None).await;
    made.unwrap().1
}

/// Who did what to what, with which status; the oldest first.
async fn audit(server: &Server, token: &str) -> Vec<(String, String, String, u64)> {
    let (status, listed) = call(server, token, "GET", "/audit?limit=1000", &Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let entries = listed["items"].as_array().unwrap().iter().rev();
    entries
        .map(|entry| {
            let status = entry["status"].as_u64().unwrap();
            (
                text(entry, "who"),
                text(entry, "action"),
                text(entry, "subject"),
                status,
            )
        })
        .collect()
}

fn row(who: &str, action: &str, subject: &str, status: u64) -> (String, String, String, u64) {
    (
        who.to_owned(),
        action.to_owned(),
        subject.to_owned(),
        status,
    )
}

#[test]
fn writes_refusals_and_logins_are_kept_and_nothing_of_what_they_sent() {
    local(async {
        let server = Server::start(None).await;
        let failed = json!({"login": "my-password", "password": "secret-1"});
        call(&server, "", "POST", "/login", &failed).await;
        let failed = json!({"login": "rhoadmin", "password": "secret-2"});
        call(&server, "", "POST", "/login", &failed).await;
        let admin = log_in(&server).await;
        let reader = script(&server, Scope::UsersRead).await;
        let writer = script(&server, Scope::DataWrite).await;
        let user = json!({"login": "u", "password": "secret-3"});
        call(&server, &reader, "POST", "/users", &user).await;
        call(&server, &admin, "POST", "/users", &user).await;
        call(&server, &admin, "GET", "/users", &Value::Null).await;
        // Refused as wrong, or sent by nobody: nothing was done.
        call(&server, &admin, "POST", "/users", &json!({"login": 1})).await;
        call(&server, "", "DELETE", "/users/u", &Value::Null).await;
        let object = json!({"attributes": {"name": "secret-4"}});
        call(
            &server,
            &writer,
            "PUT",
            "/sources/Pushed/users/u/objects/1",
            &object,
        )
        .await;
        call(&server, &admin, "DELETE", "/users/u", &Value::Null).await;
        assert_eq!(
            audit(&server, &admin).await,
            [
                row("unknown", "LogIn", "/login", 401),
                row("rhoadmin", "LogIn", "/login", 401),
                row("rhoadmin", "LogIn", "/login", 201),
                row("script", "CreateUser", "/users", 403),
                row("rhoadmin", "CreateUser", "/users/u", 201),
                row(
                    "script",
                    "PutObject",
                    "/sources/Pushed/users/u/objects/1",
                    200
                ),
                row("rhoadmin", "DeleteUser", "/users/u", 204),
            ]
        );
        let (_, listed) = call(&server, &admin, "GET", "/audit", &Value::Null).await;
        let text = listed.to_string();
        for secret in ["my-password", "secret-", "rho_", &admin] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        let (_, scripts) = call(&server, &admin, "GET", "/audit?who=script", &Value::Null).await;
        let scripts = scripts["items"].as_array().unwrap();
        assert_eq!(scripts.len(), 2);
        assert!(
            scripts.iter().all(|entry| entry["token"].is_string()),
            "{scripts:?}"
        );
    });
}

#[test]
fn whatever_is_made_is_named() {
    local(async {
        let server = Server::start(None).await;
        let admin = log_in(&server).await;
        for (path, body) in [
            ("/users", json!({"login": "ann/ a", "password": "p"})),
            ("/tokens", json!({"name": "reports", "scopes": ["admin"]})),
            (
                "/administrators",
                json!({"login": "vera", "password": "long enough", "role": "viewer"}),
            ),
        ] {
            let (status, made) = call(&server, &admin, "POST", path, &body).await;
            assert_eq!(status, StatusCode::CREATED, "{made}");
        }
        let token = server.world.engine.accounts().api_tokens();
        let (tokens, _) = token.list(0, 10, Order::Descending).await.unwrap();
        let token = tokens.iter().find(|token| token.name == "reports").unwrap();
        let (_, listed) = call(&server, &admin, "GET", "/audit?limit=3", &Value::Null).await;
        let entries = listed["items"].as_array().unwrap().iter();
        let named: Vec<_> = entries.map(|it| (&it["subject"], &it["name"])).collect();
        let token = json!(format!("/tokens/{}", token.id));
        assert_eq!(
            named,
            [
                (&json!("/administrators/vera"), &Value::Null),
                (&token, &json!("reports")),
                (&json!("/users/ann%2F%20a"), &Value::Null),
            ]
        );
    });
}

#[test]
fn the_older_rest_api_is_kept_too() {
    local(async {
        let server = Server::start(None).await;
        let post = |path: &str, token: &str| {
            Request::post(path)
                .header("content-type", "application/json")
                .header("x-rhoconnect-api-token", token)
        };
        let login = json!({"login": "rhoadmin", "password": PASSWORD}).to_string();
        let answer = server.send(post("/rc/v1/system/login", ""), login).await;
        let token = String::from_utf8(answer.body().to_vec()).unwrap();
        let user = json!({"attributes": {"login": "u", "password": "p"}, "api_token": token});
        for (path, token, body) in [
            ("/rc/v1/users", token.as_str(), user.to_string()),
            // It has the token in its body.
            (
                "/api/user/delete_user",
                "",
                json!({"user_id": "u", "api_token": token}).to_string(),
            ),
            ("/api/user/list_users", token.as_str(), "{}".to_owned()),
            (
                "/rc/v1/users",
                "wrong",
                json!({"attributes": {"login": "v", "password": "p"}}).to_string(),
            ),
        ] {
            server.send(post(path, token), body).await;
        }
        let admin = log_in(&server).await;
        assert_eq!(
            audit(&server, &admin).await,
            [
                row("rhoadmin", "LogIn", "/rc/v1/system/login", 200),
                row("rhoadmin", "CreateUser", "/rc/v1/users", 200),
                row("rhoadmin", "DeleteUser", "/api/user/delete_user", 200),
                row("rhoadmin", "LogIn", "/login", 201),
            ]
        );
        let (_, listed) = call(&server, &admin, "GET", "/audit", &Value::Null).await;
        let entries = listed["items"].as_array().unwrap().iter();
        let named: Vec<_> = entries.filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(named, ["u", "u"], "who was made, and who was deleted");
    });
}

fn record(who: &str) -> AuditRecord {
    AuditRecord {
        who: who.to_owned(),
        token: None,
        action: "CreateUser".to_owned(),
        subject: "/users".to_owned(),
        name: None,
        status: 201,
        address: None,
    }
}

#[test]
fn a_list_in_parts_has_every_entry_once() {
    local(async {
        let server = Server::start(None).await;
        let log = AuditLog::new(server.world.engine.ports());
        for number in 0..20 {
            let kind = if number % 3 == 0 {
                AuditKind::Administration
            } else {
                AuditKind::Routine
            };
            log.add(kind, &record(&format!("w{}", number % 2)))
                .await
                .unwrap();
        }
        for (who, all) in [(None, 20), (Some("w1"), 10)] {
            let mut seen = Vec::new();
            let mut next = None;
            loop {
                let part = log.list(next, 3, who, Order::Descending).await.unwrap();
                seen.extend(part.entries.into_iter().map(|(place, _)| place));
                next = part.next;
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(seen.len(), all);
            assert!(seen.is_sorted_by(|one, other| one > other), "{seen:?}");
        }
    });
}

#[test]
fn what_is_too_much_or_too_old_goes_and_a_reset_leaves_the_rest() {
    local(async {
        let server = Server::start(None).await;
        let engine = &server.world.engine;
        let redis = &engine.ports().redis;
        let log = AuditLog::new(engine.ports());
        let key = "rhosync:1:{audit}:routine";
        let entry = serde_json::to_string(&record("old")).unwrap();
        let add = async |id: &str| {
            let command = ["XADD", key, id, "e", &entry].map(|arg| arg.as_bytes().to_vec());
            redis.run(command.to_vec()).await.unwrap();
        };
        add("1000-0").await;
        for _ in 0..10_000 {
            add("*").await;
        }
        log.add(AuditKind::Routine, &record("new")).await.unwrap();
        log.add(AuditKind::Administration, &record("rare"))
            .await
            .unwrap();
        let listed = log
            .list(None, 20_000, None, Order::Descending)
            .await
            .unwrap()
            .entries;
        assert_eq!(listed.len(), 10_001);
        assert!(listed.iter().any(|(_, record)| record.who == "rare"));
        assert!(listed.iter().all(|(place, _)| place.at().0 > 1_000));

        engine.reset().await.unwrap();
        assert_eq!(
            log.list(None, 20_000, None, Order::Descending)
                .await
                .unwrap()
                .entries
                .len(),
            10_001
        );
        redis.run(vec![b"DEL".to_vec(), key.into()]).await.unwrap();
        add("1000-0").await;
        log.add(AuditKind::Routine, &record("new")).await.unwrap();
        let listed = log
            .list(None, 10, Some("old"), Order::Descending)
            .await
            .unwrap();
        assert!(listed.entries.is_empty(), "a year has passed");
    });
}

#[test]
fn a_write_stands_though_its_entry_cannot_be_kept() {
    local(async {
        let server = Server::start(None).await;
        let admin = log_in(&server).await;
        let redis = &server.world.engine.ports().redis;
        // Something else in the log's place.
        let key = b"rhosync:1:{audit}:administration".to_vec();
        redis
            .run(vec![b"SET".to_vec(), key, b"x".to_vec()])
            .await
            .unwrap();
        let user = json!({"login": "u", "password": "p"});
        let (status, _) = call(&server, &admin, "POST", "/users", &user).await;
        assert_eq!(status, StatusCode::CREATED);
    });
}
