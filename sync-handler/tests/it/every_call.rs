//! Pages of other sites, and the ids of requests.

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::server::Server;

const PAGE: &str = "https://app.example.com";

/// A server with these origins in its settings.
async fn server(origins: &str) -> Server {
    let settings = format!("[cors]\norigins = {origins}\n[sources.A]\nadapter = \"push-only\"");
    Server::start(Some(&settings)).await
}

async fn send(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    server.send(request, "").await
}

async fn preflight(server: &Server, path: &str, origin: &str) -> Response<Bytes> {
    let headers = [("origin", origin), ("access-control-request-method", "GET")];
    send(server, "OPTIONS", path, &headers).await
}

/// The headers of an answer that say something of origins.
fn told(answer: &Response<Bytes>) -> Vec<String> {
    let mut told: Vec<_> = answer
        .headers()
        .iter()
        .filter(|(name, _)| *name == "vary" || name.as_str().starts_with("access-control-"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn browsers_are_told_nothing_unless_the_settings_say_so() {
    let server = server("[]").await;
    let answer = preflight(&server, "/app/v1/A", PAGE).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers()["allow"], "GET, POST");
    assert!(told(&answer).is_empty());
    let answer = send(&server, "GET", "/app/v1/A", &[("origin", PAGE)]).await;
    assert!(told(&answer).is_empty());
}

#[tokio::test]
async fn a_page_that_may_call_is_told_how() {
    let server = server(&format!("[{PAGE:?}]")).await;
    for (path, methods) in [
        ("/app/v1/A", "GET, POST"),
        ("/api/v1/users", "GET, POST"),
        ("/application/clientlogin", "POST"),
    ] {
        let answer = preflight(&server, path, PAGE).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], PAGE);
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert_eq!(headers["access-control-allow-methods"], methods);
        assert_eq!(headers["access-control-max-age"], "7200");
        let sent = headers["access-control-allow-headers"].to_str().unwrap();
        assert!(sent.contains("x-rhoconnect-client-id"), "{sent}");
        assert_eq!(headers["vary"], "origin");
    }
}

#[tokio::test]
async fn a_page_may_read_answers_and_errors_and_the_headers_devices_need() {
    let server = server(&format!("[{PAGE:?}]")).await;
    for (path, status) in [
        ("/app/v1/A", StatusCode::UNAUTHORIZED),
        ("/api/v1/users", StatusCode::UNAUTHORIZED),
        ("/api/v1/nothing", StatusCode::NOT_FOUND),
    ] {
        let answer = send(&server, "GET", path, &[("origin", PAGE)]).await;
        assert_eq!(answer.status(), status, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], PAGE, "{path}");
        let read = headers["access-control-expose-headers"].to_str().unwrap();
        for name in [
            sync_proto::PAGE_TOKEN_HEADER,
            sync_proto::PAGE_OBJECT_COUNT_HEADER,
            sync_proto::REQUEST_ID_HEADER,
            sync_proto::ERROR_CODE_HEADER,
        ] {
            assert!(read.split(", ").any(|known| known == name), "{name}");
        }
    }
}

#[tokio::test]
async fn other_pages_and_other_addresses_get_nothing() {
    let server = server(&format!("[{PAGE:?}]")).await;
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
    ] {
        let answer = preflight(&server, "/app/v1/A", origin).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{origin}");
        assert_eq!(told(&answer), ["vary: origin"]);
        let answer = send(&server, "GET", "/app/v1/A", &[("origin", origin)]).await;
        assert_eq!(told(&answer), ["vary: origin"]);
    }
    // A cache must not give a page what was meant for nobody in particular.
    assert_eq!(
        told(&send(&server, "GET", "/app/v1/A", &[]).await),
        ["vary: origin"]
    );
    for path in [
        "/rc/v1/users",
        "/api/user/list_users",
        "/health",
        "/nothing",
    ] {
        let answer = preflight(&server, path, PAGE).await;
        assert!(answer.status().is_client_error(), "{path}");
        assert!(told(&answer).is_empty(), "{path}");
    }
    // Not a browser's question.
    let answer = send(&server, "OPTIONS", "/app/v1/A", &[("origin", PAGE)]).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    let answer = preflight(&server, "/api/v1/nothing", PAGE).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn any_page_may_call_without_the_devices_session() {
    let server = server("[\"*\"]").await;
    let answer = preflight(&server, "/app/v1/A", "https://anywhere.example").await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let headers = answer.headers();
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert!(!headers.contains_key("access-control-allow-credentials"));
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let server = server("[]").await;
    let id = |answer: &Response<Bytes>| {
        answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    for path in ["/health", "/nothing", "/app/v1/A", "/api/v1/users"] {
        let chosen = send(&server, "GET", path, &[("x-request-id", "4fede851")]).await;
        assert_eq!(id(&chosen), "4fede851", "{path}");
        let one = id(&send(&server, "GET", path, &[]).await);
        let other = id(&send(&server, "GET", path, &[("x-request-id", "two words")]).await);
        assert_eq!(one.len(), 16);
        assert_eq!(other.len(), 16);
        assert_ne!(one, other, "{path}");
    }
}
