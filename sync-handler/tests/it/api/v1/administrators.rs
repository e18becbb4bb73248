//! Administrators: roles, passwords and sessions.

use http::StatusCode;
use serde_json::{Value, json};
use sync_core::{AccountError, Origin};
use test_support::local;

use crate::server::{Server, call};

/// The first administrator's.
const PASSWORD: &str = "admin-password";

const PASSWORD_OF_OTHERS: &str = "long enough";

/// The token of a login, if it succeeds.
async fn log_in(server: &Server, login: &str, password: &str) -> Result<String, StatusCode> {
    let body = json!({"login": login, "password": password});
    let (status, made) = call(server, "", "POST", "/login", &body).await;
    match made["token"].as_str() {
        Some(token) => Ok(token.to_owned()),
        None => Err(status),
    }
}

async fn add(server: &Server, admin: &str, login: &str, role: &str) -> Value {
    let new = json!({"login": login, "password": PASSWORD_OF_OTHERS, "role": role});
    let (status, made) = call(server, admin, "POST", "/administrators", &new).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

async fn status(server: &Server, token: &str, method: &str, path: &str, body: Value) -> StatusCode {
    call(server, token, method, path, &body).await.0
}

#[test]
fn each_role_may_do_what_it_says() {
    local(async {
        let server = Server::start(None).await;
        let admin = log_in(&server, "rhoadmin", PASSWORD).await.unwrap();
        let user = json!({"login": "u", "password": "p"});
        let app_server = json!({"url": null});
        for (role, writes, changes_system, administers) in [
            ("viewer", false, false, false),
            ("operator", true, false, false),
            ("administrator", true, true, true),
        ] {
            let made = add(&server, &admin, role, role).await;
            assert_eq!(made["role"], role);
            let token = log_in(&server, role, PASSWORD_OF_OTHERS).await.unwrap();
            let (_, session) = call(&server, &token, "GET", "/session", &Value::Null).await;
            assert_eq!(
                (&session["name"], &session["role"]),
                (&json!(role), &json!(role))
            );
            assert!(session["expires_at"].is_u64(), "{session}");
            for path in ["/users", "/queues", "/sources", "/system"] {
                let read = status(&server, &token, "GET", path, Value::Null).await;
                assert_eq!(read, StatusCode::OK, "{role}: {path}");
            }
            for (may, method, path, body) in [
                (writes, "POST", "/users", &user),
                (changes_system, "PUT", "/system/app-server", &app_server),
                (administers, "GET", "/administrators", &Value::Null),
                (administers, "GET", "/tokens", &Value::Null),
            ] {
                let (status, body) = call(&server, &token, method, path, body).await;
                assert_eq!(
                    status != StatusCode::FORBIDDEN,
                    may,
                    "{role}: {path}: {body}"
                );
            }
        }
        let (_, listed) = call(&server, &admin, "GET", "/administrators", &Value::Null).await;
        let listed = listed["items"].as_array().unwrap();
        let names: Vec<_> = listed
            .iter()
            .map(|it| it["login"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["rhoadmin", "administrator", "operator", "viewer"]);
        assert!(listed.iter().all(|it| it["seen_at"].is_u64()), "{listed:?}");
    });
}

#[test]
fn another_role_and_another_password_end_the_sessions() {
    local(async {
        let server = Server::start(None).await;
        let admin = log_in(&server, "rhoadmin", PASSWORD).await.unwrap();
        add(&server, &admin, "ann", "administrator").await;
        let old = log_in(&server, "ann", PASSWORD_OF_OTHERS).await.unwrap();
        let demoted = json!({"role": "viewer"});
        let (_, changed) = call(&server, &admin, "PATCH", "/administrators/ann", &demoted).await;
        assert_eq!(changed["role"], "viewer");
        let refused = status(&server, &old, "GET", "/users", Value::Null).await;
        assert_eq!(refused, StatusCode::UNAUTHORIZED);
        let viewer = log_in(&server, "ann", PASSWORD_OF_OTHERS).await.unwrap();
        let refused = status(&server, &viewer, "GET", "/tokens", Value::Null).await;
        assert_eq!(refused, StatusCode::FORBIDDEN);

        let other = json!({"password": "another password"});
        call(&server, &admin, "PATCH", "/administrators/ann", &other).await;
        let refused = status(&server, &viewer, "GET", "/users", Value::Null).await;
        assert_eq!(refused, StatusCode::UNAUTHORIZED);
        assert_eq!(
            log_in(&server, "ann", PASSWORD_OF_OTHERS).await,
            Err(StatusCode::UNAUTHORIZED)
        );
        let gone = log_in(&server, "ann", "another password").await.unwrap();
        let removed = status(
            &server,
            &admin,
            "DELETE",
            "/administrators/ann",
            Value::Null,
        )
        .await;
        assert_eq!(removed, StatusCode::NO_CONTENT);
        let refused = status(&server, &gone, "GET", "/users", Value::Null).await;
        assert_eq!(refused, StatusCode::UNAUTHORIZED);
        assert_eq!(
            log_in(&server, "ann", "another password").await,
            Err(StatusCode::UNAUTHORIZED)
        );
        let unknown = status(
            &server,
            &admin,
            "DELETE",
            "/administrators/ann",
            Value::Null,
        )
        .await;
        assert_eq!(unknown, StatusCode::NOT_FOUND);
    });
}

#[test]
fn the_first_administrator_stays_one() {
    local(async {
        let server = Server::start(None).await;
        let admin = log_in(&server, "rhoadmin", PASSWORD).await.unwrap();
        add(&server, &admin, "ann", "administrator").await;
        let ann = log_in(&server, "ann", PASSWORD_OF_OTHERS).await.unwrap();
        let path = "/administrators/rhoadmin";
        let viewer = json!({"role": "viewer"});
        assert_eq!(
            status(&server, &ann, "PATCH", path, viewer).await,
            StatusCode::CONFLICT
        );
        assert_eq!(
            status(&server, &ann, "DELETE", path, Value::Null).await,
            StatusCode::CONFLICT
        );
        let new = json!({"login": "rhoadmin", "password": PASSWORD_OF_OTHERS, "role": "viewer"});
        let again = status(&server, &ann, "POST", "/administrators", new).await;
        assert_eq!(again, StatusCode::CONFLICT);
        assert_eq!(
            status(&server, &admin, "GET", "/tokens", Value::Null).await,
            StatusCode::OK
        );
    });
}

#[test]
fn whoever_changes_its_password_keeps_this_session_and_loses_the_others() {
    local(async {
        let server = Server::start(None).await;
        let this = log_in(&server, "rhoadmin", PASSWORD).await.unwrap();
        let other = log_in(&server, "rhoadmin", PASSWORD).await.unwrap();
        let change = |current: &str| json!({"current": current, "new": "new-password"});
        let path = "/session/password";
        let wrong = status(&server, &this, "POST", path, change("wrong")).await;
        assert_eq!(wrong, StatusCode::BAD_REQUEST);
        assert_eq!(
            status(&server, &other, "GET", "/session", Value::Null).await,
            StatusCode::OK
        );
        let changed = status(&server, &this, "POST", path, change(PASSWORD)).await;
        assert_eq!(changed, StatusCode::NO_CONTENT);
        assert_eq!(
            status(&server, &this, "GET", "/session", Value::Null).await,
            StatusCode::OK
        );
        let ended = status(&server, &other, "GET", "/session", Value::Null).await;
        assert_eq!(ended, StatusCode::UNAUTHORIZED);
        assert_eq!(
            log_in(&server, "rhoadmin", PASSWORD).await,
            Err(StatusCode::UNAUTHORIZED)
        );
        log_in(&server, "rhoadmin", "new-password").await.unwrap();

        let script = json!({"name": "script", "scopes": ["admin"]});
        let (_, made) = call(&server, &this, "POST", "/tokens", &script).await;
        assert_eq!(made["info"]["made_by"], "rhoadmin");
        let script = made["token"].as_str().unwrap();
        let refused = status(&server, script, "POST", path, change("new-password")).await;
        assert_eq!(refused, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn passwords_of_administrators_cannot_be_guessed() {
    local(async {
        let server = Server::start(None).await;
        let admin = log_in(&server, "rhoadmin", PASSWORD).await.unwrap();
        add(&server, &admin, "ann", "viewer").await;
        let ann = log_in(&server, "ann", PASSWORD_OF_OTHERS).await.unwrap();
        let limit = 100;
        let mut refused = StatusCode::UNAUTHORIZED;
        for _ in 0..limit {
            refused = log_in(&server, "ann", "wrong").await.unwrap_err();
            if refused != StatusCode::UNAUTHORIZED {
                break;
            }
        }
        assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
        // Nor with the present password that a change needs.
        let change = json!({"current": PASSWORD_OF_OTHERS, "new": "another password"});
        let refused = status(&server, &ann, "POST", "/session/password", change).await;
        assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
    });
}

#[test]
fn administrators_and_users_of_devices_are_different_accounts() {
    local(async {
        let server = Server::start(None).await;
        let admin = log_in(&server, "rhoadmin", PASSWORD).await.unwrap();
        server.world.sign_in("ann").await;
        assert_eq!(
            log_in(&server, "ann", "password").await,
            Err(StatusCode::UNAUTHORIZED)
        );
        add(&server, &admin, "ann", "administrator").await;
        let accounts = server.world.engine.accounts();
        let device = accounts
            .log_in("ann", PASSWORD_OF_OTHERS, Origin("test"))
            .await;
        assert!(
            matches!(device, Err(AccountError::LoginFailed { .. })),
            "{device:?}"
        );
        accounts
            .log_in("ann", "password", Origin("test"))
            .await
            .unwrap();
        log_in(&server, "ann", PASSWORD_OF_OTHERS).await.unwrap();
        let old = accounts
            .log_in_administrator("ann", PASSWORD_OF_OTHERS, Origin("test"))
            .await;
        assert!(
            matches!(old, Err(AccountError::LoginFailed { .. })),
            "{old:?}"
        );
    });
}

#[test]
fn a_reset_leaves_the_administrators() {
    local(async {
        let server = Server::start(None).await;
        let admin = log_in(&server, "rhoadmin", PASSWORD).await.unwrap();
        add(&server, &admin, "ann", "viewer").await;
        let ann = log_in(&server, "ann", PASSWORD_OF_OTHERS).await.unwrap();
        server.world.engine.reset().await.unwrap();
        for token in [&admin, &ann] {
            assert_eq!(
                status(&server, token, "GET", "/session", Value::Null).await,
                StatusCode::OK
            );
        }
        log_in(&server, "ann", PASSWORD_OF_OTHERS).await.unwrap();
        // A session that is listed no more could not be ended.
        call(
            &server,
            &admin,
            "DELETE",
            "/administrators/ann",
            &Value::Null,
        )
        .await;
        let ended = status(&server, &ann, "GET", "/session", Value::Null).await;
        assert_eq!(ended, StatusCode::UNAUTHORIZED);
    });
}
