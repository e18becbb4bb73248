//! What is counted, as Prometheus and as old scripts get it.

use http::{Request, Response, request};
use sync_core::Scope;
use sync_handler::App;
use test_support::{ENGINE_PASSWORD, Fault, World};

use crate::server::Server;

pub(crate) const SETTINGS: &str = r#"
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

/// A server, and those who watch over it.
pub(crate) struct Watched {
    pub(crate) server: Server,
    /// Of the API, good for reading the system.
    token: String,
    /// Of the old addresses.
    pub(crate) old_token: String,
}

impl Watched {
    pub(crate) async fn start(settings: &str) -> Self {
        let world = World::start().await;
        let engine = world.another(Some(settings), 7).await;
        let origin = sync_core::Origin("test");
        let old_token = engine
            .accounts()
            .log_in_administrator("rhoadmin", ENGINE_PASSWORD, origin)
            .await
            .unwrap();
        let scopes = vec![Scope::SystemRead];
        let (_, token) = engine
            .accounts()
            .api_tokens()
            .create("scraper", scopes, None, None)
            .await
            .unwrap();
        Self {
            server: Server {
                app: App::new(engine),
                world,
            },
            token,
            old_token,
        }
    }

    pub(crate) async fn send(&self, request: request::Builder, body: &str) -> Response<String> {
        let answer = self.server.send(request, body).await;
        answer.map(|body| String::from_utf8(body.to_vec()).unwrap())
    }

    /// What the components do beside answering.
    pub(crate) async fn flush(&self) {
        assert!(self.server.app.must_tidy_up());
        assert!(!self.server.app.must_tidy_up(), "one does it");
        self.server.app.tidy_up_soon().await;
        assert!(!self.server.app.must_tidy_up());
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

    /// A user's device: its cookie and its client.
    pub(crate) async fn device(&self) -> (String, String) {
        let session = self.server.world.sign_in("u1").await;
        let client = self.server.world.client(&session).await;
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

    pub(crate) async fn pull(
        &self,
        source: &str,
        (cookie, client): &(String, String),
    ) -> Response<String> {
        let request = Request::get(format!("/app/v1/{source}?client_id={client}"));
        self.send(request.header("cookie", cookie), "").await
    }
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|known| known == line), "{line}\n{text}");
}

#[tokio::test]
async fn requests_calls_logins_and_changes_are_counted() {
    let server = Watched::start(SETTINGS).await;
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
        r#"rhosync_change_requests_total{source="Pushed"} 1"#,
        r#"rhosync_changes_total{source="Pushed",operation="create"} 2"#,
        r#"rhosync_changes_total{source="Pushed",operation="delete"} 1"#,
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
    let server = Watched::start(SETTINGS).await;
    let device = server.device().await;
    server.server.world.back_end.fail([Fault::Unreachable]);
    assert_eq!(server.pull("Shared", &device).await.status(), 200);
    server.flush().await;
    has(
        &server.scrape().await,
        r#"rhosync_adapter_calls_total{source="Shared",operation="query",outcome="unavailable"} 1"#,
    );
}

#[tokio::test]
async fn what_two_instances_count_is_added_up_and_a_deleted_client_is_taken_off() {
    let server = Watched::start(SETTINGS).await;
    let other = App::new(server.server.world.another(Some(SETTINGS), 8).await);
    for app in [&server.server.app, &other] {
        for _ in 0..5 {
            let request = Request::get("/health").body(String::new()).unwrap();
            assert_eq!(app.handle(request).await.status(), 200);
        }
        assert!(app.must_tidy_up());
    }
    futures_util::join!(server.server.app.tidy_up_soon(), other.tidy_up_soon());
    let (_, client) = server.device().await;
    server
        .server
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
    let server = Watched::start(SETTINGS).await;
    let engine = &server.server.world.engine;
    let scopes = vec![Scope::UsersRead];
    let (_, other) = engine
        .accounts()
        .api_tokens()
        .create("other", scopes, None, None)
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
