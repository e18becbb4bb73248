//! What is counted, as Prometheus and as old scripts get it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use sync_core::Scope;
use sync_core::test_support::{Fault, TestPorts, World};
use sync_handler::App;

const SETTINGS: &str = r#"
    stats = true

    [sources.Shared]
    adapter = "rust"
    rust = "back-end"
    partition = "app"
    poll_interval = 0

    [sources.Pushed]
    adapter = "push-only"
    partition = "app"
"#;

struct Server {
    app: App<TestPorts>,
    world: World,
    /// Of the API, good for reading the system.
    token: String,
    /// Of the old addresses.
    old_token: String,
}

impl Server {
    async fn start(settings: &str) -> Self {
        let world = World::start().await;
        let engine = world.another(Some(settings), 7).await;
        let origin = sync_core::Origin("test");
        let old_token = engine
            .log_in_administrator("rhoadmin", "admin-password", origin)
            .await
            .unwrap();
        let scopes = vec![Scope::SystemRead];
        let (_, token) = engine
            .create_api_token("scraper", scopes, None)
            .await
            .unwrap();
        Self {
            app: App::new(engine),
            world,
            token,
            old_token,
        }
    }

    async fn send(&self, request: http::request::Builder, body: &str) -> Response<String> {
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let answer = self.app.handle(request.body(body).unwrap()).await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
    }

    /// What the components do beside answering.
    async fn flush(&self) {
        assert!(self.app.must_tidy_up());
        assert!(!self.app.must_tidy_up(), "one does it");
        self.app.tidy_up_soon().await;
        assert!(!self.app.must_tidy_up());
    }

    async fn scrape(&self) -> String {
        let request =
            Request::get("/metrics").header("authorization", format!("Bearer {}", self.token));
        let answer = self.send(request, "").await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert_eq!(
            answer.headers()["content-type"],
            "text/plain; version=0.0.4; charset=utf-8"
        );
        answer.into_body()
    }

    async fn stats(&self, query: &str) -> Response<String> {
        let uri = format!("/rc/v1/system/stats?{query}");
        let request = Request::get(uri).header("X-RhoConnect-API-TOKEN", &self.old_token);
        self.send(request, "").await
    }

    /// A user's device: its cookie and its client.
    async fn device(&self) -> (String, String) {
        let session = self.world.sign_in("u1").await;
        let client = self.world.client(&session).await;
        let login = Request::post("/rc/v1/app/login").header("content-type", "application/json");
        let answer = self
            .send(login, r#"{"login":"u1","password":"password"}"#)
            .await;
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        (
            cookie.split(';').next().unwrap().to_owned(),
            client.to_string(),
        )
    }

    async fn pull(&self, source: &str, (cookie, client): &(String, String)) -> Response<String> {
        let request = Request::get(format!("/app/v1/{source}?client_id={client}"));
        self.send(request.header("cookie", cookie), "").await
    }
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|known| known == line), "{line}\n{text}");
}

#[tokio::test]
async fn requests_calls_logins_and_changes_are_counted() {
    let server = Server::start(SETTINGS).await;
    let device = server.device().await;
    for _ in 0..3 {
        assert_eq!(server.pull("Shared", &device).await.status(), 200);
    }
    assert_eq!(server.pull("Nobodys", &device).await.status(), 200);
    let wrong = Request::post("/rc/v1/app/login").header("content-type", "application/json");
    let refused = server.send(wrong, r#"{"login":"u1","password":"x"}"#).await;
    assert_eq!(refused.status(), 401);
    let push = Request::post("/app/v1/Pushed")
        .header("cookie", &device.0)
        .header("X-RhoConnect-CLIENT-ID", &device.1)
        .header("content-type", "application/json");
    let changes = r#"{"create":{"1":{"a":"b"},"2":{"a":"b"}},"delete":{"3":{}}}"#;
    assert_eq!(server.send(push, changes).await.status(), 200);
    let odd = Request::builder().method("BREW").uri("/nothing/4711");
    assert_eq!(server.send(odd, "").await.status(), 404);
    let old = Request::post("/login").header("content-type", "application/json");
    let old = server.send(old, r#"{"login":"rhoadmin","password":"admin-password"}"#);
    assert_eq!(old.await.status(), 200);
    assert!(!server.scrape().await.contains("GET"), "not there yet");
    server.flush().await;

    let text = server.scrape().await;
    for line in [
        r#"rhosync_http_requests_total{method="GET",route="/app/v1/{source}",status="200"} 4"#,
        r#"rhosync_http_requests_total{method="POST",route="/app/v1/{source}",status="200"} 1"#,
        r#"rhosync_http_requests_total{method="POST",route="/rc/v1/app/login",status="200"} 1"#,
        r#"rhosync_http_requests_total{method="POST",route="/rc/v1/app/login",status="401"} 1"#,
        r#"rhosync_http_requests_total{method="OTHER",route="unmatched",status="404"} 1"#,
        r#"rhosync_http_request_duration_seconds_count{method="GET",route="/app/v1/{source}"} 4"#,
        r#"rhosync_http_request_duration_seconds_bucket{method="GET",route="/app/v1/{source}",le="+Inf"} 4"#,
        r#"rhosync_adapter_calls_total{source="Shared",operation="query",outcome="ok"} 3"#,
        r#"rhosync_adapter_calls_total{source="Pushed",operation="create",outcome="ok"} 2"#,
        r#"rhosync_adapter_call_duration_seconds_count{source="Shared",operation="query"} 3"#,
        r#"rhosync_logins_total{who="device",outcome="ok"} 1"#,
        r#"rhosync_logins_total{who="device",outcome="refused"} 1"#,
        r#"rhosync_logins_total{who="administrator",outcome="ok"} 1"#,
        r#"rhosync_pulls_total{source="Shared"} 3"#,
        r#"rhosync_pushes_total{source="Pushed"} 1"#,
        r#"rhosync_pushed_operations_total{source="Pushed",operation="create"} 2"#,
        r#"rhosync_pushed_operations_total{source="Pushed",operation="delete"} 1"#,
        "rhosync_clients 1",
        "rhosync_users 2",
        &format!(
            "rhosync_build_info{{version=\"{}\"}} 1",
            env!("CARGO_PKG_VERSION")
        ),
    ] {
        has(&text, line);
    }
    assert!(
        !text.contains("Nobodys") && !text.contains("4711"),
        "{text}"
    );
    // What was scraped in between counts from the next time on.
    server.flush().await;
    has(
        &server.scrape().await,
        r#"rhosync_http_requests_total{method="GET",route="/metrics",status="200"} 2"#,
    );
}

#[tokio::test]
async fn a_failed_call_is_counted_by_what_became_of_it() {
    let server = Server::start(SETTINGS).await;
    let device = server.device().await;
    server.world.back_end.fail([Fault::Unreachable]);
    assert_eq!(server.pull("Shared", &device).await.status(), 200);
    server.flush().await;
    has(
        &server.scrape().await,
        r#"rhosync_adapter_calls_total{source="Shared",operation="query",outcome="unavailable"} 1"#,
    );
}

#[tokio::test]
async fn what_two_instances_count_is_added_up_and_a_deleted_client_is_taken_off() {
    let server = Server::start(SETTINGS).await;
    let other = App::new(server.world.another(Some(SETTINGS), 8).await);
    for app in [&server.app, &other] {
        for _ in 0..5 {
            let request = Request::get("/health")
                .body(Full::new(Bytes::new()))
                .unwrap();
            assert_eq!(app.handle(request).await.status(), 200);
        }
        assert!(app.must_tidy_up());
    }
    futures_util::join!(server.app.tidy_up_soon(), other.tidy_up_soon());
    let (_, client) = server.device().await;
    server
        .world
        .engine
        .delete_client(None, &client)
        .await
        .unwrap();
    let text = server.scrape().await;
    has(
        &text,
        r#"rhosync_http_requests_total{method="GET",route="/health",status="200"} 10"#,
    );
    has(&text, "rhosync_clients 0");
}

#[tokio::test]
async fn metrics_need_a_token_that_may_read_the_system() {
    let server = Server::start(SETTINGS).await;
    let engine = &server.world.engine;
    let scopes = vec![Scope::UsersRead];
    let (_, other) = engine
        .create_api_token("other", scopes, None)
        .await
        .unwrap();
    for (header, status) in [
        (None, 401),
        (Some("Bearer nonsense".to_owned()), 401),
        (Some(format!("Bearer {other}")), 403),
    ] {
        let request = Request::get("/metrics");
        let request = header.iter().fold(request, |request, value| {
            request.header("authorization", value)
        });
        let answer = server.send(request, "").await;
        assert_eq!(answer.status(), status, "{header:?}");
        assert!(!answer.body().contains("rhosync_"), "{answer:?}");
    }
    let answer = server.send(Request::post("/metrics"), "").await;
    assert_eq!(answer.status(), 405);
}

#[tokio::test]
async fn old_scripts_read_what_was_counted_minute_by_minute() {
    let server = Server::start(SETTINGS).await;
    let device = server.device().await;
    server.pull("Shared", &device).await;
    server.flush().await;
    server.pull("Shared", &device).await;
    server.pull("Shared", &device).await;
    server.flush().await;
    let clock = &server.world.engine.ports().clock;
    let first = sync_core::Clock::now(clock).0 / 60_000 * 60;

    let names: Vec<String> = serde_json::from_str(server.stats("names=*").await.body()).unwrap();
    for name in [
        "clients",
        "users",
        "http:GET:",
        "http:POST:/login",
        "source:query:Shared",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let some = server.stats("names=source:*").await;
    assert_eq!(some.body(), r#"["source:query:Shared"]"#);
    assert_eq!(some.headers()["content-type"], "text/html;charset=utf-8");
    let query = "metric=source:query:Shared&start=0&finish=-1";
    // The test's clock stands still while it is asked.
    assert_eq!(
        server.stats(query).await.body(),
        &format!("[\"3.0,0.0:{first}\"]")
    );
    assert_eq!(
        server.stats("metric=clients").await.body(),
        &format!("[\"1:{first}\"]")
    );
    assert_eq!(
        server.stats("metric=users&start=5&finish=9").await.body(),
        "[]"
    );
    let by_post = Request::post("/api/admin/stats").header("content-type", "application/json");
    let body = format!(
        r#"{{"api_token":"{}","metric":"users","start":0,"finish":-1}}"#,
        server.old_token
    );
    let answer = server.send(by_post, &body).await;
    assert_eq!(answer.body(), &format!("[\"2:{first}\"]"));
    assert!(answer.headers().contains_key("warning"));
}

#[tokio::test]
async fn stats_that_are_off_or_unknown_are_refused_as_ever() {
    let server = Server::start(SETTINGS).await;
    let unknown = server.stats("metric=nothing").await;
    assert_eq!(
        (unknown.status().as_u16(), unknown.body().as_str()),
        (404, "Unknown metric")
    );
    assert_eq!(server.stats("").await.status(), 404);
    assert_eq!(server.stats("metric=users&start=x").await.status(), 400);
    let long = format!("names={}", "*".repeat(300));
    assert_eq!(server.stats(&long).await.status(), 400);
    let nobodys = server
        .send(Request::get("/rc/v1/system/stats?names=*"), "")
        .await;
    assert_eq!(nobodys.status(), 422);

    let server = Server::start("[sources.Pushed]\nadapter = \"push-only\"").await;
    let off = server.stats("names=*").await;
    assert_eq!(
        (off.status().as_u16(), off.body().as_str()),
        (500, "Stats not enabled")
    );
}
