//! The console's session, in a cookie.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use test_support::local;

use crate::server::Server;

const CONSOLE: (&str, &str) = ("x-rhosync-console", "1");

async fn send(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("host", "sync.example")
        .header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    server.send(request, body).await
}

fn login() -> String {
    json!({"login": "rhoadmin", "password": "admin-password", "cookie": true}).to_string()
}

fn set_cookie(answer: &Response<Bytes>) -> &str {
    answer.headers()["set-cookie"].to_str().unwrap()
}

/// The cookie that a browser would send after a login.
async fn log_in(server: &Server) -> String {
    let answer = send(server, "POST", "/login", &[CONSOLE], &login()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    set_cookie(&answer).split(';').next().unwrap().to_owned()
}

#[test]
fn the_token_is_in_the_cookie_and_nowhere_else() {
    local(async {
        let server = Server::start(None).await;
        let answer = send(&server, "POST", "/login", &[CONSOLE], &login()).await;
        let cookie = set_cookie(&answer);
        let (token, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(
            attributes,
            "HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"
        );
        let token = token.strip_prefix("rhosync_console=").unwrap();
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(!token.is_empty() && !body.contains(token), "{body}");
        let session: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(session["role"], "administrator");
        let https = [CONSOLE, ("x-forwarded-proto", "https")];
        let answer = send(&server, "POST", "/login", &https, &login()).await;
        assert!(set_cookie(&answer).ends_with("; Secure"));
    });
}

#[test]
fn a_cookie_counts_only_beside_the_header_of_the_console() {
    local(async {
        let server = Server::start(None).await;
        let cookie = log_in(&server).await;
        let cookie = ("cookie", cookie.as_str());
        for (headers, status) in [
            (vec![cookie, CONSOLE], StatusCode::OK),
            (vec![cookie], StatusCode::UNAUTHORIZED),
            (vec![cookie, (CONSOLE.0, "0")], StatusCode::UNAUTHORIZED),
            (vec![CONSOLE], StatusCode::UNAUTHORIZED),
            (
                vec![("cookie", "rhosync_console=x"), CONSOLE],
                StatusCode::UNAUTHORIZED,
            ),
            // The header that names its token wins, also when it is wrong.
            (
                vec![cookie, CONSOLE, ("authorization", "Bearer x")],
                StatusCode::UNAUTHORIZED,
            ),
        ] {
            let answer = send(&server, "GET", "/session", &headers, "").await;
            assert_eq!(answer.status(), status, "{headers:?}");
        }
    });
}

#[test]
fn what_a_browser_sends_for_another_site_is_refused() {
    local(async {
        let server = Server::start(None).await;
        let cookie = log_in(&server).await;
        let cookie = ("cookie", cookie.as_str());
        for (header, status) in [
            (("origin", "https://sync.example"), StatusCode::OK),
            (("origin", "https://evil.example"), StatusCode::UNAUTHORIZED),
            (
                ("origin", "https://sync.example.evil.example"),
                StatusCode::UNAUTHORIZED,
            ),
            (("origin", "null"), StatusCode::UNAUTHORIZED),
            (("sec-fetch-site", "same-origin"), StatusCode::OK),
            (("sec-fetch-site", "same-site"), StatusCode::UNAUTHORIZED),
            (("sec-fetch-site", "cross-site"), StatusCode::UNAUTHORIZED),
        ] {
            let headers = [cookie, CONSOLE, header];
            let answer = send(&server, "GET", "/session", &headers, "").await;
            assert_eq!(answer.status(), status, "{header:?}");
        }
        // Nor may another site log somebody in.
        for headers in [vec![], vec![CONSOLE, ("origin", "https://evil.example")]] {
            let answer = send(&server, "POST", "/login", &headers, &login()).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{headers:?}");
            assert!(!answer.headers().contains_key("set-cookie"));
        }
    });
}

#[test]
fn who_logs_out_ends_the_token_and_the_cookie() {
    local(async {
        let server = Server::start(None).await;
        let cookie = log_in(&server).await;
        let headers = [("cookie", cookie.as_str()), CONSOLE];
        let answer = send(&server, "POST", "/logout", &headers, "").await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let ended = "rhosync_console=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";
        assert_eq!(set_cookie(&answer), ended);
        let answer = send(&server, "GET", "/session", &headers, "").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let (_, token) = cookie.split_once('=').unwrap();
        let bearer = format!("Bearer {token}");
        let answer = send(
            &server,
            "GET",
            "/session",
            &[("authorization", &bearer)],
            "",
        )
        .await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn pages_of_other_sites_are_never_let_send_the_header_of_the_console() {
    local(async {
        for origins in ["[\"https://app.example\"]", "[\"*\"]"] {
            let settings = format!("[cors]\norigins = {origins}");
            let server = Server::start(Some(&settings)).await;
            let asked = [
                ("origin", "https://app.example"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", CONSOLE.0),
            ];
            let answer = send(&server, "OPTIONS", "/users", &asked, "").await;
            let allowed = answer.headers()["access-control-allow-headers"]
                .to_str()
                .unwrap();
            assert!(
                !allowed.contains(CONSOLE.0) && !allowed.contains('*'),
                "{allowed}"
            );
        }
    });
}
