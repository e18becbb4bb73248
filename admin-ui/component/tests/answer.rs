//! What the component answers, on a small site of its own (`tests/site`).

#![cfg(test)]

use admin_ui_component::answer;
use bytes::Bytes;
use http::request::Builder;
use http::{Method, Request, Response};

#[derive(rust_embed::Embed)]
#[folder = "tests/site"]
struct Site;

fn ask(request: Builder) -> Response<Bytes> {
    answer::<Site>(&request.body(()).unwrap().into_parts().0)
}

fn get(path: &str) -> Response<Bytes> {
    ask(Request::get(path))
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

const INDEX: &str = include_str!("site/index.html");

#[test]
fn files_have_their_type_their_length_and_their_content() {
    for (path, content_type, body) in [
        ("/console/", "text/html; charset=utf-8", INDEX),
        ("/console/index.html", "text/html; charset=utf-8", INDEX),
        (
            "/console/assets/app-0123.js",
            "text/javascript; charset=utf-8",
            "export default 1;\n",
        ),
        ("/console/assets/app-0123.wasm", "application/wasm", "\0asm"),
    ] {
        let response = get(path);
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header(&response, "content-type"), Some(content_type));
        assert_eq!(
            header(&response, "content-length"),
            Some(&*body.len().to_string())
        );
        assert_eq!(header(&response, "content-encoding"), None);
        assert_eq!(response.body(), body);
    }
}

#[test]
fn who_takes_compressed_files_gets_them_where_there_are_some() {
    let fetch =
        |path: &str, accepted: &str| ask(Request::get(path).header("accept-encoding", accepted));
    for (path, accepted, coding, body) in [
        ("/console/", "gzip, br", "br", "compressed index"),
        (
            "/console/assets/app-0123.js",
            "gzip, br",
            "br",
            "compressed script",
        ),
        (
            "/console/assets/app-0123.js",
            "gzip",
            "gzip",
            "zipped script",
        ),
        (
            "/console/assets/app-0123.js",
            "gzip, br;q=0",
            "gzip",
            "zipped script",
        ),
    ] {
        let (plain, compressed) = (get(path), fetch(path, accepted));
        assert_eq!(header(&compressed, "content-encoding"), Some(coding));
        assert_eq!(
            header(&compressed, "content-length"),
            Some(&*body.len().to_string())
        );
        assert_eq!(compressed.body(), body);
        assert_eq!(
            header(&compressed, "content-type"),
            header(&plain, "content-type")
        );
        assert_ne!(header(&compressed, "etag"), header(&plain, "etag"));
        for response in [plain, compressed] {
            assert_eq!(header(&response, "vary"), Some("accept-encoding"));
        }
    }
    assert_eq!(
        header(&fetch("/console/icon.svg", "gzip, br"), "content-encoding"),
        None
    );
}

#[test]
fn hashed_files_stay_in_the_cache_and_the_index_is_asked_for_again() {
    let immutable = Some("public, max-age=31536000, immutable");
    assert_eq!(
        header(&get("/console/assets/app-0123.js"), "cache-control"),
        immutable
    );
    assert_eq!(header(&get("/console/"), "cache-control"), Some("no-cache"));

    let etag = header(&get("/console/"), "etag").unwrap().to_owned();
    let again = ask(Request::get("/console/").header("if-none-match", format!("\"x\", {etag}")));
    assert_eq!(again.status(), 304);
    assert!(again.body().is_empty());
    assert_eq!(header(&again, "etag"), Some(&*etag));
    assert_eq!(header(&again, "cache-control"), Some("no-cache"));

    let stale = ask(Request::get("/console/").header("if-none-match", "\"x\""));
    assert_eq!(stale.status(), 200);
}

#[test]
fn pages_of_the_console_get_the_index_and_missing_files_404() {
    for page in [
        "/console/sources",
        "/console/sources/Product",
        "/console/users/7/",
        "/console//",
    ] {
        let response = get(page);
        assert_eq!(
            (response.status().as_u16(), response.body().as_ref()),
            (200, INDEX.as_bytes()),
            "{page}"
        );
    }
    for missing in [
        "/console/assets/app-9999.js",
        "/console/favicon.ico",
        "/console/index.html.br",
        "/console/../Cargo.toml",
        "/consoles",
        "/elsewhere",
    ] {
        let response = get(missing);
        assert_eq!(response.status(), 404, "{missing}");
        assert_eq!(header(&response, "content-length"), Some("10"));
    }
}

#[test]
fn the_base_without_its_slash_leads_to_the_one_with_it() {
    let response = get("/console?x=1");
    assert_eq!(response.status(), 308);
    assert_eq!(header(&response, "location"), Some("/console/"));
}

#[test]
fn head_says_what_get_would() {
    let head = ask(Request::head("/console/"));
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers(), get("/console/").headers());
}

#[test]
fn other_methods_are_refused() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let response = ask(Request::builder().method(method).uri("/console/"));
        assert_eq!(response.status(), 405);
        assert_eq!(header(&response, "allow"), Some("GET, HEAD"));
    }
}

#[test]
fn every_answer_is_guarded() {
    for path in [
        "/console",
        "/console/",
        "/console/assets/app-0123.js",
        "/console/x.js",
    ] {
        let response = get(path);
        let policy = header(&response, "content-security-policy").unwrap();
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&response, "referrer-policy"), Some("no-referrer"));
    }
}
