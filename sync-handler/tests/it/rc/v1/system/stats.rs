//! The old statistics, as old scripts get them.

use http::{Request, Response};

use crate::metrics::{SETTINGS, Watched};

async fn stats(server: &Watched, query: &str) -> Response<String> {
    let uri = format!("/rc/v1/system/stats?{query}");
    let request = Request::get(uri).header("X-RhoConnect-API-TOKEN", &server.old_token);
    server.send(request, "").await
}

#[tokio::test]
async fn old_scripts_read_what_was_counted_minute_by_minute() {
    let server = Watched::start(SETTINGS).await;
    let device = server.device().await;
    server.pull("Shared", &device).await;
    server.flush().await;
    server.pull("Shared", &device).await;
    server.pull("Shared", &device).await;
    server.flush().await;
    let clock = &server.server.world.engine.ports().clock;
    let first = sync_core::Clock::now(clock).0 / 60_000 * 60;

    let names: Vec<String> = serde_json::from_str(stats(&server, "names=*").await.body()).unwrap();
    for name in [
        "clients",
        "users",
        "http:GET:",
        "http:POST:/login",
        "source:query:Shared",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let some = stats(&server, "names=source:*").await;
    assert_eq!(some.body(), r#"["source:query:Shared"]"#);
    assert_eq!(some.headers()["content-type"], "text/html;charset=utf-8");
    let query = "metric=source:query:Shared&start=0&finish=-1";
    // The test's clock stands still while it is asked.
    assert_eq!(
        stats(&server, query).await.body(),
        &format!("[\"3.0,0.0:{first}\"]")
    );
    assert_eq!(
        stats(&server, "metric=clients").await.body(),
        &format!("[\"1:{first}\"]")
    );
    assert_eq!(
        stats(&server, "metric=users&start=5&finish=9").await.body(),
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
    let server = Watched::start(SETTINGS).await;
    let unknown = stats(&server, "metric=nothing").await;
    assert_eq!(
        (unknown.status().as_u16(), unknown.body().as_str()),
        (404, "Unknown metric")
    );
    assert_eq!(stats(&server, "").await.status(), 404);
    assert_eq!(stats(&server, "metric=users&start=x").await.status(), 400);
    let long = format!("names={}", "*".repeat(300));
    assert_eq!(stats(&server, &long).await.status(), 400);
    let nobodys = server
        .send(Request::get("/rc/v1/system/stats?names=*"), "")
        .await;
    assert_eq!(nobodys.status(), 422);

    let server = Watched::start("[sources.Pushed]\nadapter = \"push-only\"").await;
    let off = stats(&server, "names=*").await;
    assert_eq!(
        (off.status().as_u16(), off.body().as_str()),
        (500, "Stats not enabled")
    );
}
