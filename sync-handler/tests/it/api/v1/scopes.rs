//! What a token is good for: every scope at every route.

use http::StatusCode;
use serde_json::{Value, json};
use sync_core::Scope;
use sync_jobs::{JobState, Jobs, NewJob, Priority, QueueName};
use test_support::local;

use crate::server::{Server, call};

/// The document that the API has of itself.
const OPEN_API: &str = include_str!("../../../../../docs/openapi.json");

/// What each route needs.
const NEEDED: &[(&str, &str, Scope)] = &[
    ("GET", "/administrators", Scope::Admin),
    ("POST", "/administrators", Scope::Admin),
    ("GET", "/administrators/{login}", Scope::Admin),
    ("PATCH", "/administrators/{login}", Scope::Admin),
    ("DELETE", "/administrators/{login}", Scope::Admin),
    ("GET", "/audit", Scope::Admin),
    ("GET", "/tokens", Scope::Admin),
    ("POST", "/tokens", Scope::Admin),
    ("DELETE", "/tokens/{token}", Scope::Admin),
    ("GET", "/users", Scope::UsersRead),
    ("POST", "/users", Scope::UsersWrite),
    ("GET", "/users/{user}", Scope::UsersRead),
    ("PATCH", "/users/{user}", Scope::UsersWrite),
    ("DELETE", "/users/{user}", Scope::UsersWrite),
    ("GET", "/users/{user}/clients", Scope::ClientsRead),
    ("GET", "/clients", Scope::ClientsRead),
    ("GET", "/clients/{client}/events", Scope::ClientsRead),
    ("GET", "/clients/{client}", Scope::ClientsRead),
    ("DELETE", "/clients/{client}", Scope::ClientsWrite),
    ("POST", "/clients/{client}/reset", Scope::ClientsWrite),
    (
        "GET",
        "/clients/{client}/sources/{source}",
        Scope::ClientsRead,
    ),
    (
        "GET",
        "/clients/{client}/sources/{source}/objects",
        Scope::DataRead,
    ),
    ("GET", "/clients/{client}/sources", Scope::ClientsRead),
    ("GET", "/clients/{client}/diagnostics", Scope::ClientsRead),
    (
        "GET",
        "/clients/{client}/sources/{source}/preview",
        Scope::DataRead,
    ),
    (
        "GET",
        "/clients/{client}/sources/{source}/differences",
        Scope::DataRead,
    ),
    ("GET", "/changes", Scope::JobsRead),
    ("GET", "/changes/{change}", Scope::JobsRead),
    ("POST", "/changes/{change}/retry", Scope::JobsWrite),
    ("DELETE", "/changes/{change}", Scope::JobsWrite),
    ("GET", "/queues", Scope::JobsRead),
    ("PATCH", "/queues/{queue}", Scope::JobsWrite),
    ("GET", "/queues/{queue}/history", Scope::JobsRead),
    ("POST", "/queues/{queue}/retry", Scope::JobsWrite),
    ("GET", "/jobs", Scope::JobsRead),
    ("POST", "/jobs/run/{component}", Scope::JobsWrite),
    ("GET", "/jobs/{job}", Scope::JobsRead),
    ("POST", "/jobs/{job}/retry", Scope::JobsWrite),
    ("POST", "/jobs/{job}/run", Scope::JobsWrite),
    ("DELETE", "/jobs/{job}", Scope::JobsWrite),
    ("GET", "/schedules", Scope::JobsRead),
    ("POST", "/schedules/{schedule}/run", Scope::JobsWrite),
    ("GET", "/pings", Scope::ClientsRead),
    ("POST", "/pings", Scope::ClientsWrite),
    ("GET", "/push-services", Scope::SystemRead),
    ("POST", "/push-services/{service}/check", Scope::SystemWrite),
    ("GET", "/sources", Scope::SourcesRead),
    ("GET", "/sources/{source}", Scope::SourcesRead),
    ("PATCH", "/sources/{source}", Scope::SourcesWrite),
    ("DELETE", "/sources/{source}", Scope::SourcesWrite),
    ("GET", "/sources/{source}/users/{user}", Scope::DataRead),
    (
        "POST",
        "/sources/{source}/users/{user}/refresh",
        Scope::SourcesWrite,
    ),
    (
        "GET",
        "/sources/{source}/users/{user}/objects",
        Scope::DataRead,
    ),
    (
        "POST",
        "/sources/{source}/users/{user}/objects",
        Scope::DataWrite,
    ),
    (
        "GET",
        "/sources/{source}/users/{user}/objects/{object}",
        Scope::DataRead,
    ),
    (
        "PUT",
        "/sources/{source}/users/{user}/objects/{object}",
        Scope::DataWrite,
    ),
    (
        "PATCH",
        "/sources/{source}/users/{user}/objects/{object}",
        Scope::DataWrite,
    ),
    (
        "DELETE",
        "/sources/{source}/users/{user}/objects/{object}",
        Scope::DataWrite,
    ),
    (
        "GET",
        "/sources/{source}/users/{user}/objects/{object}/versions",
        Scope::DataRead,
    ),
    ("GET", "/documents/{key}", Scope::DataRead),
    ("PUT", "/documents/{key}", Scope::DataWrite),
    ("GET", "/settings", Scope::SystemRead),
    ("GET", "/overview", Scope::SystemRead),
    ("GET", "/sources/{source}/partitions", Scope::SourcesRead),
    (
        "GET",
        "/sources/{source}/partitions/{partition}",
        Scope::SourcesRead,
    ),
    (
        "GET",
        "/sources/{source}/partitions/{partition}/objects",
        Scope::DataRead,
    ),
    (
        "GET",
        "/sources/{source}/partitions/{partition}/objects/{object}/versions",
        Scope::DataRead,
    ),
    ("GET", "/users/{user}/copies", Scope::SourcesRead),
    ("GET", "/statistics", Scope::SystemRead),
    ("GET", "/statistics/metrics", Scope::SystemRead),
    ("GET", "/system", Scope::SystemRead),
    ("PUT", "/system/app-server", Scope::SystemWrite),
    ("POST", "/system/reset", Scope::Admin),
];

/// Routes for whoever has a token. Whoever has logged out has none any more: that comes last.
const FOR_EVERY_TOKEN: [(&str, &str); 3] = [
    ("GET", "/session"),
    ("POST", "/session/password"),
    ("POST", "/logout"),
];

/// Routes that need no token.
const OPEN: [(&str, &str); 2] = [("POST", "/login"), ("GET", "/openapi.json")];

/// Whether a scope is enough: `admin` always is, and who may write may read.
fn is_enough(scope: Scope, needed: Scope) -> bool {
    let writes_what_is_read = needed
        .as_str()
        .strip_suffix(":read")
        .is_some_and(|what| scope.as_str() == format!("{what}:write"));
    scope == Scope::Admin || scope == needed || writes_what_is_read
}

async fn token(server: &Server, scope: Scope) -> String {
    let tokens = server.world.engine.accounts().api_tokens();
    let (_, text) = tokens
        .create(scope.as_str(), vec![scope], None, None)
        .await
        .unwrap();
    text
}

#[test]
fn the_table_has_every_route() {
    let document: Value = serde_json::from_str(OPEN_API).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.replacen("/api/v1", "", 1)));
        }
    }
    let needed = NEEDED.iter().map(|(method, path, _)| (*method, *path));
    let mut table: Vec<_> = needed
        .chain(FOR_EVERY_TOKEN)
        .chain(OPEN)
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    routes.sort();
    table.sort();
    assert_eq!(routes, table);
}

#[test]
fn a_token_does_what_its_scope_says_and_nothing_else() {
    local(async {
        let server = Server::start(None).await;
        for scope in Scope::ALL {
            let text = token(&server, scope).await;
            for (method, path, needed) in NEEDED {
                let path = path.replace(['{', '}'], "");
                let (status, body) = call(&server, &text, method, &path, &json!({})).await;
                let is_refused = status == StatusCode::FORBIDDEN;
                assert_ne!(
                    status,
                    StatusCode::UNAUTHORIZED,
                    "{scope}: {method} {path}: {body}"
                );
                assert_eq!(
                    is_refused,
                    !is_enough(scope, *needed),
                    "{scope}: {method} {path}: {body}"
                );
            }
            for (method, path) in FOR_EVERY_TOKEN {
                let (status, body) = call(&server, &text, method, path, &json!({})).await;
                let is_refused =
                    [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
                assert!(!is_refused, "{scope}: {method} {path}: {body}");
            }
            let (status, _) = call(&server, &text, "GET", "/session", &json!({})).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{scope}");
        }
    });
}

#[test]
fn only_the_administrator_sets_the_administrators_password() {
    local(async {
        let server = Server::start(None).await;
        let writer = token(&server, Scope::UsersWrite).await;
        let admin = token(&server, Scope::Admin).await;
        let wish = json!({"password": "taken over"});
        let (status, body) = call(&server, &writer, "PATCH", "/users/rhoadmin", &wish).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
        let log_in = json!({"login": "rhoadmin", "password": "taken over"});
        let (status, _) = call(&server, "", "POST", "/login", &log_in).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let (status, body) = call(&server, &admin, "PATCH", "/users/rhoadmin", &wish).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let (status, _) = call(&server, "", "POST", "/login", &log_in).await;
        assert_eq!(status, StatusCode::CREATED);
    });
}

#[test]
fn a_corrected_job_stays_that_of_who_asked_for_it() {
    local(async {
        let server = Server::start(None).await;
        let ports = server.world.engine.ports();
        let jobs = Jobs::new(&ports.redis);
        let payload = json!({"user": "anna", "source": "Product", "attributes": {"name": "x"}});
        let queue = QueueName::parse("adapter").unwrap();
        let job = NewJob {
            name: "no such job".to_owned(),
            queue: queue.clone(),
            payload: payload.to_string(),
            turn: None,
            priority: Priority::Normal,
            max_attempts: 1,
            delay: std::time::Duration::ZERO,
            unique: None,
        };
        jobs.enqueue(&job).await.unwrap();
        let claim = sync_jobs::Claim {
            queue: &queue,
            most: 1,
            lease: "test",
            lease_time: std::time::Duration::from_secs(10),
            worker: "test",
            limits: sync_jobs::QueueLimits::default(),
            idle: true,
        };
        let id = jobs.claim(&claim).await.unwrap()[0].id.clone();
        let failure = sync_jobs::Failure {
            attempt: 1,
            error: "refused",
            retry: sync_jobs::Retry::Never,
        };
        jobs.fail(
            sync_jobs::Leased {
                id: &id,
                lease: "test",
            },
            &failure,
            sync_jobs::History::DEAD,
        )
        .await
        .unwrap();
        assert_eq!(jobs.show(&id).await.unwrap().unwrap().state, JobState::Dead);

        let writer = token(&server, Scope::JobsWrite).await;
        let path = format!("/jobs/{}/retry", id.as_str());
        let mut other = payload.clone();
        other["user"] = json!("bert");
        let (status, body) =
            call(&server, &writer, "POST", &path, &json!({"payload": other})).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
        assert_eq!(jobs.show(&id).await.unwrap().unwrap().state, JobState::Dead);
        let mut corrected = payload;
        corrected["attributes"]["name"] = json!("y");
        let (status, body) = call(
            &server,
            &writer,
            "POST",
            &path,
            &json!({"payload": corrected}),
        )
        .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["state"], "ready", "{body}");
    });
}
