//! Every route there is, with what nobody should send to it.
//!
//! The routes come from the router itself, so that a new one cannot be forgotten.

use http::header::{ALLOW, AUTHORIZATION, COOKIE};
use http::{Method, Response};
use sync_proto::{API_TOKEN_HEADER, CLIENT_ID_HEADER, ERROR_CODE_HEADER};
use test_support::text_of;

use super::server::{Bad, Server};

/// Addresses anybody may use, and those where one logs in or proves who sends by what is sent.
const PUBLIC: [&str; 14] = [
    "/",
    "/health",
    "/ready",
    "/api/v1/openapi.json",
    "/api/v1/login",
    "/rc/v1/app/login",
    "/rc/v1/system/login",
    "/application/clientlogin",
    "/api/application/clientlogin",
    "/api/admin/login",
    "/api/login",
    "/login",
    "/hooks/{source}",
    "/sync/v1/session",
];

/// Errors of the server's own that the addresses of old have always had for a mistake of the other end.
const OLD_ERRORS: [&str; 4] = [
    "unknown_client",
    "unknown_source",
    "user_exists",
    "not_served",
];

const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Bodies that are no JSON object.
const BODIES: [&str; 6] = ["{\"a\":", "[1,2]", "\"text\"", "7", "{} {}", "\u{feff}{"];

/// Takes bytes of any kind, and as many as a file may have.
const FILES: &str = "/sync/v1/blobs/{blob}";

/// What stands in the place of an id.
fn ids() -> Vec<String> {
    let mut ids: Vec<String> = [
        "%00",
        "a%0Ab",
        "%FF",
        "%7Bx%7D",
        "..%2F..%2Fx",
        "*",
        "%25",
        "%E2%80%AE",
    ]
    .map(str::to_owned)
    .into();
    ids.push("x".repeat(300));
    ids.push("%C3%A9".repeat(200));
    ids
}

/// The routes with their parameters filled in.
fn routes() -> Vec<(Method, &'static str, String)> {
    sync_handler::routes()
        .map(|(method, template)| {
            (
                method,
                template,
                fill(template, &|name| usual(name).to_owned()),
            )
        })
        .collect()
}

/// What stands in the place of a parameter of this name.
pub(crate) fn usual(parameter: &str) -> &'static str {
    match parameter {
        "user" => "anna",
        "source" => "Board",
        "partition" => "all",
        "doc" => "md",
        "blob" => "0000000000000000000000000000000000000000000000000000000000000000",
        _ => "none",
    }
}

/// Replaces a template's `{parameters}`.
pub(crate) fn fill(template: &str, value: &dyn Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("a template");
        filled += before;
        filled += &value(name);
        rest = after;
    }
    filled + rest
}

/// Collects what is wrong with answers.
struct Walk {
    server: Server,
    failures: Vec<String>,
}

impl Walk {
    fn start() -> Self {
        Self {
            server: Server::start(),
            failures: Vec::new(),
        }
    }

    /// Sends a request that must be refused, by the other end's fault.
    fn refuse(
        &mut self,
        what: &str,
        method: &Method,
        path: &str,
        bad: &Bad,
    ) -> Response<bytes::Bytes> {
        let answer = self.send(what, method, path, bad);
        if answer.status().is_success() {
            self.fail(what, method, path, &answer);
        }
        answer
    }

    /// Sends a request that must not be the server's fault, whatever else.
    fn send(
        &mut self,
        what: &str,
        method: &Method,
        path: &str,
        bad: &Bad,
    ) -> Response<bytes::Bytes> {
        let answer = self.server.send(bad);
        let code = code(&answer);
        if answer.status().is_server_error() && !OLD_ERRORS.contains(&code.as_str()) {
            self.fail(what, method, path, &answer);
        }
        if answer.status().is_client_error() && method != Method::HEAD {
            let text = text_of(&answer);
            let is_api =
                path.starts_with("/api/v1") || path.starts_with("/sync/v1") || path == "/metrics";
            if text.is_empty() || is_api != text.starts_with("{\"error\":{\"code\":\"") {
                self.fail("the error's form", method, path, &answer);
            }
        }
        answer
    }

    fn fail(&mut self, what: &str, method: &Method, path: &str, answer: &Response<bytes::Bytes>) {
        let text: String = text_of(answer).chars().take(200).collect();
        let path: String = path.chars().take(120).collect();
        self.failures.push(format!(
            "{what}: {method} {path}: {} {text}",
            answer.status()
        ));
    }

    /// Runs requests that must leave no trace.
    fn without_a_trace(&mut self, what: &str, run: impl FnOnce(&mut Self)) {
        let before = self.server.content();
        run(self);
        let after = self.server.content();
        if before != after {
            self.failures
                .push(format!("{what} changed {:?}", before.difference(&after)));
        }
    }

    fn finish(self) {
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
    }
}

fn code(answer: &Response<bytes::Bytes>) -> String {
    let code = answer.headers().get(ERROR_CODE_HEADER);
    code.and_then(|code| code.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

fn bad(method: &Method, path: &str) -> Bad {
    Bad::new(method.clone(), path, "")
}

#[test]
fn no_route_lets_anybody_in_who_does_not_say_who_he_is() {
    let mut walk = Walk::start();
    for (method, template, path) in routes() {
        if PUBLIC.contains(&template) {
            continue;
        }
        walk.without_a_trace(template, |walk| {
            let nobody = || {
                bad(&method, &path)
                    .without(COOKIE)
                    .without(API_TOKEN_HEADER)
                    .without(AUTHORIZATION)
            };
            let forged = nobody()
                .with(COOKIE, "rhoconnect_session=x.y")
                .with(API_TOKEN_HEADER, "0123456789abcdef0123456789abcdef")
                .with(AUTHORIZATION, "Bearer rho_1_0123456789abcdef");
            let at_the_wrong_door = if template.starts_with("/rc/v1/app/")
                || template.contains("application")
                || template.starts_with("/app/v1/{source}")
                    && !template.contains("push_")
                    && !template.contains("fast_")
            {
                bad(&method, &path).without(COOKIE)
            } else if template.starts_with("/api/v1/")
                || template.starts_with("/sync/v1/")
                || template == "/metrics"
            {
                bad(&method, &path).without(AUTHORIZATION)
            } else {
                bad(&method, &path)
                    .without(API_TOKEN_HEADER)
                    .without(COOKIE)
            };
            for (what, request) in [
                ("nobody", nobody()),
                ("forged", forged),
                ("wrong kind", at_the_wrong_door),
            ] {
                let answer = walk.refuse(what, &method, &path, &request);
                if ![401, 403, 404, 422].contains(&answer.status().as_u16()) {
                    walk.fail(what, &method, &path, &answer);
                }
            }
        });
    }
    walk.finish();
}

#[test]
fn no_route_takes_a_body_that_is_no_object() {
    let mut walk = Walk::start();
    for (method, template, path) in routes() {
        if template == FILES || matches!(method, Method::GET | Method::HEAD | Method::DELETE) {
            continue;
        }
        walk.without_a_trace(template, |walk| {
            let deep = format!("{}{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
            for body in BODIES.into_iter().chain([deep.as_str()]) {
                let request = Bad::new(method.clone(), &path, body.to_owned());
                walk.refuse(
                    &body.chars().take(20).collect::<String>(),
                    &method,
                    &path,
                    &request,
                );
            }
        });
    }
    walk.finish();
}

#[test]
fn no_route_takes_a_body_over_the_limit() {
    let mut walk = Walk::start();
    let body = bytes::Bytes::from(vec![b' '; (16 << 20) + 1]);
    for (method, template, path) in routes() {
        // The addresses of RhoSync lead to the same handlers.
        let is_old = template.starts_with("/api/") && !template.starts_with("/api/v1/");
        if is_old || template == FILES || matches!(method, Method::GET | Method::HEAD) {
            continue;
        }
        let request = Bad::new(method.clone(), &path, body.clone());
        let answer = walk.refuse("too large", &method, &path, &request);
        if answer.status() != 413 {
            walk.fail("too large", &method, &path, &answer);
        }
    }
    walk.finish();
}

#[test]
fn every_path_names_its_methods_to_those_who_try_another() {
    let mut walk = Walk::start();
    let mut paths: Vec<(&str, String)> = routes()
        .into_iter()
        .map(|(_, template, path)| (template, path))
        .collect();
    paths.sort();
    paths.dedup();
    for (template, path) in paths {
        let takes: Vec<Method> = sync_handler::routes()
            .filter(|(_, other)| *other == template)
            .map(|(method, _)| method)
            .collect();
        for method in METHODS.iter().filter(|method| !takes.contains(method)) {
            let answer = walk.refuse("another method", method, &path, &bad(method, &path));
            let allow = answer
                .headers()
                .get(ALLOW)
                .and_then(|allow| allow.to_str().ok());
            let allow: Vec<&str> = allow.unwrap_or_default().split(", ").collect();
            let names_all = takes.iter().all(|method| allow.contains(&method.as_str()));
            if answer.status() != 405 || !names_all {
                walk.fail("another method", method, &path, &answer);
            }
        }
        for suffix in ["/x/y/z/1/2/3/4", "%2Fx"] {
            let path = format!("{path}{suffix}");
            if sync_handler::template_of(&path).is_none() {
                let answer = walk.refuse("no path", &Method::GET, &path, &Bad::get(&path));
                if answer.status() != 404 {
                    walk.fail("no path", &Method::GET, &path, &answer);
                }
            }
        }
    }
    walk.finish();
}

#[test]
fn no_id_gets_anywhere_it_does_not_belong() {
    let mut walk = Walk::start();
    for (method, template, _) in routes() {
        // What administrators may call a document or a source is not wrong for being odd.
        let may_write = method != Method::GET && method != Method::HEAD;
        let names: Vec<&str> = template.split(['{', '}']).skip(1).step_by(2).collect();
        for name in names {
            for id in ids() {
                let path = fill(template, &|parameter| {
                    if parameter == name {
                        id.clone()
                    } else {
                        usual(parameter).to_owned()
                    }
                });
                let request = if may_write {
                    Bad::new(method.clone(), &path, "[]")
                } else {
                    bad(&method, &path)
                };
                walk.send("an odd id", &method, &path, &request);
            }
        }
        if names_client(template) {
            let request = bad(&method, template).with(CLIENT_ID_HEADER, b"\xff\x80");
            walk.send("an odd client", &method, template, &request);
        }
    }
    let answer = walk.server.send(&Bad::get("/app/v1/Board"));
    assert_eq!(answer.status(), 200, "all is as it was");
    walk.finish();
}

fn names_client(template: &str) -> bool {
    template.starts_with("/app/v1/")
}
