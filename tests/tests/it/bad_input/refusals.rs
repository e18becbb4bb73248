//! What the server refuses: with a status, a code and a text, and without a trace.

use http::Method;
use http::header::{ALLOW, CONTENT_LENGTH, COOKIE};
use serde_json::{Map, Value, json};
use sync_proto::ErrorCode::{
    self, InvalidApiToken, InvalidPageSize, InvalidValue, LoginFailed, MalformedBody,
    MethodNotAllowed, NotAdministrator, NotAuthenticated, NotFound, TooLarge, UnknownClient,
    UnknownSource, UnknownUser, UserExists,
};
use sync_proto::{
    API_TOKEN_HEADER, CLIENT_ID_HEADER, ERROR_CODE_HEADER, PUSH_SEQUENCE_HEADER, SESSION_COOKIE,
};
use test_support::{password_of, text_of};

use super::server::{Bad, Server, push};

/// What is wrong, the request, and the status and code it must get.
type Row = (&'static str, Bad, u16, ErrorCode);

const BOARD: &str = "/app/v1/Board";

/// Looks like a client id, and is none.
const NO_CLIENT: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn bad_requests_are_refused_and_change_nothing() {
    let server = Server::start();
    let before = (server.content(), server.records());
    let mut failures = Vec::new();
    let rows = [
        bodies(&server),
        sizes(),
        names(),
        strangers(&server),
        numbers(),
        identities(&server),
        addresses(),
    ];
    for (what, bad, status, code) in rows.into_iter().flatten() {
        let answer = server.send(&bad);
        let mut check = |is_right: bool, problem: String| {
            if !is_right {
                failures.push(format!("{what}: {problem}"));
            }
        };
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let text = text_of(&answer);
        let got = (answer.status().as_u16(), header(ERROR_CODE_HEADER));
        check(
            got == (status, code.as_str()),
            format!("{got:?} instead of {status} {code}: {text}"),
        );
        check(!text.trim().is_empty(), "no message".to_owned());
        let length = header(CONTENT_LENGTH.as_str());
        check(
            length == answer.body().len().to_string(),
            format!("the content length is {length:?}"),
        );
        let has_allow = answer.headers().contains_key(ALLOW);
        check(
            has_allow == (status == 405),
            "405 and Allow belong together".to_owned(),
        );
        let content = server.content();
        check(
            content == before.0,
            format!("changed {:?}", before.0.difference(&content)),
        );
        check(
            server.records() == before.1,
            "changed the back end".to_owned(),
        );
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn login(login: impl Into<Value>, password: impl Into<Value>) -> Bad {
    let body = json!({"login": login.into(), "password": password.into()});
    Bad::post("/rc/v1/app/login", body)
}

fn new_user(login: &str, password: &str) -> Bad {
    let user = json!({"attributes": {"login": login, "password": password}});
    Bad::post("/rc/v1/users", user)
}

fn objects(user: &str, objects: Value) -> Bad {
    let body = json!({"user_id": user, "objects": objects});
    Bad::post("/app/v1/Board/push_objects", body)
}

fn reset(client: &str, body: Value) -> Bad {
    Bad::post(&format!("/rc/v1/clients/{client}/reset"), body)
}

fn search(body: impl ToString) -> Bad {
    Bad::post("/rc/v1/app/search", body)
}

fn pull(query: &str) -> Bad {
    Bad::get(&format!("{BOARD}?{query}"))
}

fn created(attributes: Value) -> Bad {
    push("create", "t2", attributes)
}

fn put(body: &'static str) -> Bad {
    Bad::new(Method::PUT, "/app/v1/Board/1", body)
}

fn delete(path: &str) -> Bad {
    Bad::new(Method::DELETE, path, "")
}

fn good() -> Bad {
    created(json!({"n": "x"}))
}

fn many_attributes(count: usize) -> Value {
    let attributes = (0..count).map(|number| (format!("a{number}"), json!("x")));
    attributes.collect::<Map<_, _>>().into()
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!("x"), |inner, _| json!({"n": inner}))
}

#[rustfmt::skip] // A row is a line.
fn bodies(server: &Server) -> Vec<Row> {
    vec![
        ("malformed JSON", Bad::post(BOARD, r#"{"create": {"#), 400, MalformedBody),
        ("a JSON array", Bad::post(BOARD, "[1, 2]"), 400, MalformedBody),
        ("a JSON text", Bad::post(BOARD, r#""create""#), 400, MalformedBody),
        ("a JSON number", Bad::post(BOARD, "42"), 400, MalformedBody),
        ("a search for a text", search(json!({"sources": [], "search": "x"})), 400, MalformedBody),
        ("a search in a source without a name", search(json!({"sources": [{}]})), 400, MalformedBody),
        ("a search that breaks off", search(r#"{"sources": [{"name": "Board"}{"#), 400, MalformedBody),
        ("JSON and something after it", Bad::post(BOARD, "{} {}"), 400, MalformedBody),
        ("a body that is not UTF-8", Bad::new(Method::POST, BOARD, &b"{\"create\":{\"\xff\":{}}}"[..]), 400, MalformedBody),
        ("half a surrogate pair", Bad::post(BOARD, r#"{"create": {"a": {"n": "\ud800"}}}"#), 400, MalformedBody),
        ("JSON a thousand levels deep", created(nested(1_000)), 400, MalformedBody),
        ("creates that are a text", Bad::post(BOARD, json!({"create": "x"})), 400, MalformedBody),
        ("creates that are a number", Bad::post(BOARD, json!({"create": 5})), 400, MalformedBody),
        ("an object that is a text", created(json!("x")), 400, MalformedBody),
        ("an object that is a list", push("update", "1", json!(["x"])), 400, MalformedBody),
        ("an update that is a text", put(r#"{"update": "x"}"#), 400, MalformedBody),
        ("an update without one", put("{}"), 400, MalformedBody),
        ("a login that is a number", login(5, "x"), 400, MalformedBody),
        ("a user that is a list", Bad::post("/rc/v1/users", json!({"attributes": []})), 400, MalformedBody),
        ("objects that are a list", objects("anna", json!(["x"])), 400, MalformedBody),
        ("objects of nobody", Bad::post("/app/v1/Board/push_objects", json!({"objects": {}})), 400, InvalidValue),
        ("sources that are a text", reset(&server.client_id, json!({"sources": "Board"})), 400, MalformedBody),
        ("a pin that is an object", Bad::post("/rc/v1/clients", json!({"device_pin": {}})), 400, MalformedBody),
    ]
}

#[rustfmt::skip] // A row is a line.
fn sizes() -> Vec<Row> {
    let mebibyte = || "x".repeat(1 << 20);
    vec![
        ("a value of a mebibyte", created(json!({"n": mebibyte()})), 413, TooLarge),
        ("a pushed value of a mebibyte", objects("anna", json!({"1": {"n": mebibyte()}})), 413, TooLarge),
        ("a body over the limit", Bad::post(BOARD, " ".repeat(17 << 20)), 413, TooLarge),
        ("1001 attributes", created(many_attributes(1_001)), 413, TooLarge),
        ("a search for 9 KiB", search(json!({"search": {"n": "x".repeat(9 << 10)}})), 413, TooLarge),
        ("a query for 101 things", pull(&"query[n]=x&".repeat(101)), 413, TooLarge),
        ("a search in 51 sources", search(json!({"sources": vec![json!({"name": "Board"}); 51]})), 400, InvalidValue),
        ("an id of 300 bytes", push("create", &"x".repeat(300), json!({"n": "x"})), 400, InvalidValue),
        ("an attribute's name of 300 bytes", created(json!({"x".repeat(300): "x"})), 400, InvalidValue),
    ]
}

#[rustfmt::skip] // A row is a line.
fn names() -> Vec<Row> {
    let half_bad = json!({"create": {"t2": {"n": "x"}}, "delete": {"a\u{7}": {}}});
    vec![
        ("an empty id", push("create", "", json!({"n": "x"})), 400, InvalidValue),
        ("an id with a NUL", push("create", "a\0b", json!({"n": "x"})), 400, InvalidValue),
        ("an id with a line break", push("update", "a\nb", json!({"n": "x"})), 400, InvalidValue),
        ("an id with a control character in the path", delete("/app/v1/Board/a%0Db"), 400, InvalidValue),
        ("an attribute with an escape", push("update", "1", json!({"a\u{1b}": "x"})), 400, InvalidValue),
        ("a good create beside a bad delete", Bad::post(BOARD, half_bad), 400, InvalidValue),
        ("a pushed id with a tab", objects("anna", json!({"a\tb": {"n": "x"}})), 400, InvalidValue),
        ("a user with a line break", new_user("a\nb", "secret"), 400, InvalidValue),
        ("a user without a name", new_user("", "secret"), 400, InvalidValue),
        ("a user without a password", new_user("carl", ""), 400, InvalidValue),
        ("a user who exists", new_user("anna", "another"), 500, UserExists),
    ]
}

#[rustfmt::skip] // A row is a line.
fn strangers(server: &Server) -> Vec<Row> {
    let two_clients = Bad::get(BOARD).with(CLIENT_ID_HEADER, NO_CLIENT).with(CLIENT_ID_HEADER, &server.client_id);
    let climbing = "/app/v1/..%2F..%2Fetc%2Fpasswd";
    let for_everybody = json!({"user_id": "__shared__", "objects": {"1": {"n": "x"}}});
    vec![
        ("a push to an unknown source", Bad::post("/app/v1/Nothing", json!({"create": {"t2": {"n": "x"}}})), 404, UnknownSource),
        ("objects for a source that cannot be", Bad::post("/app/v1/%7BBoard%7D/push_objects", json!({"user_id": "anna"})), 400, InvalidValue),
        ("a source that climbs", Bad::get(climbing), 404, UnknownSource),
        ("a source with a brace", Bad::get("/app/v1/%7BBoard%7D"), 404, UnknownSource),
        ("a source with a NUL", Bad::get("/app/v1/Board%00"), 404, UnknownSource),
        ("objects of everybody's, where each has a copy", Bad::post("/app/v1/Note/push_objects", for_everybody), 404, UnknownUser),
        ("an unknown client", Bad::get(BOARD).with(CLIENT_ID_HEADER, NO_CLIENT), 500, UnknownClient),
        ("a push of an unknown client", good().with(CLIENT_ID_HEADER, NO_CLIENT), 500, UnknownClient),
        ("no client", Bad::get(BOARD).without(CLIENT_ID_HEADER), 500, UnknownClient),
        ("a push of no client", good().without(CLIENT_ID_HEADER), 500, UnknownClient),
        ("a client that is a pattern", Bad::get(BOARD).with(CLIENT_ID_HEADER, "*"), 500, UnknownClient),
        ("a client that climbs", Bad::get(BOARD).with(CLIENT_ID_HEADER, "../../x"), 500, UnknownClient),
        ("a client that is not text", Bad::get(BOARD).with(CLIENT_ID_HEADER, b"\xff\xfe"), 500, UnknownClient),
        ("two clients, the first unknown", two_clients, 500, UnknownClient),
        ("a search in an unknown source", search(json!({"sources": [{"name": "Nothing"}]})), 404, UnknownSource),
        ("a search of no client", search(json!({})).without(CLIENT_ID_HEADER), 500, UnknownClient),
        ("a reset of an unknown client", reset(NO_CLIENT, json!({})), 500, UnknownClient),
    ]
}

#[rustfmt::skip] // A row is a line.
fn numbers() -> Vec<Row> {
    let numbered = |number: &str| good().with(PUSH_SEQUENCE_HEADER, number);
    vec![
        ("pages of nothing", pull("p_size=0"), 400, InvalidPageSize),
        ("a search by pages of nothing", Bad::post("/rc/v1/app/search?p_size=0", "{}"), 400, InvalidPageSize),
        ("pages of less than nothing", pull("p_size=-1"), 400, InvalidPageSize),
        ("pages of abc", pull("p_size=abc"), 400, InvalidPageSize),
        ("pages of a milliard", pull("p_size=1000000000"), 400, InvalidPageSize),
        ("pages of more than fits a number", pull("p_size=99999999999999999999999999"), 400, InvalidPageSize),
        ("push number 0", numbered("0"), 400, InvalidValue),
        ("push number -1", numbered("-1"), 400, InvalidValue),
        ("push number 2^53", numbered("9007199254740992"), 400, InvalidValue),
    ]
}

#[rustfmt::skip] // A row is a line.
fn identities(server: &Server) -> Vec<Row> {
    let forged = |session: &str| Bad::get(BOARD).with(COOKIE, format!("{SESSION_COOKIE}={session}"));
    let session = server.cookie.split_once('=').map(|(_, session)| session);
    let (payload, signature) = session.and_then(|session| session.split_once('.')).expect("a session");
    let others = format!("{payload}.{}", signature.chars().rev().collect::<String>());
    let at_the_wrong_door = json!({"login": "anna", "password": password_of("anna")});
    let deletes = json!({"user_id": "anna", "objects": ["t1"]});
    vec![
        ("no session", Bad::get(BOARD).without(COOKIE), 401, NotAuthenticated),
        ("a search without a session", search(json!({})).without(COOKIE), 401, NotAuthenticated),
        ("a push without a session", good().without(COOKIE), 401, NotAuthenticated),
        ("a client without a session", Bad::post("/rc/v1/clients", "").without(COOKIE), 401, NotAuthenticated),
        ("a session without its signature", forged(payload), 401, NotAuthenticated),
        ("a session with an empty signature", forged(&format!("{payload}.")), 401, NotAuthenticated),
        ("a session with another signature", forged(&others), 401, NotAuthenticated),
        ("a session of nonsense", forged("%00..%FF"), 401, NotAuthenticated),
        ("a very long session", forged(&"x".repeat(4_000)), 401, NotAuthenticated),
        ("a wrong password", login("anna", "wrong"), 401, LoginFailed),
        ("an unknown login", login("nobody", "wrong"), 401, LoginFailed),
        ("a login with a line break", login("an\nna", "wrong"), 401, LoginFailed),
        ("a long password", login("anna", "x".repeat(5_000)), 401, LoginFailed),
        ("an endless password", login("anna", "x".repeat(100_000)), 413, TooLarge),
        ("an empty login", Bad::post("/rc/v1/app/login", ""), 401, LoginFailed),
        ("a user at the administrator's door", Bad::post("/rc/v1/system/login", at_the_wrong_door), 422, NotAdministrator),
        ("users without a token", Bad::get("/rc/v1/users").without(API_TOKEN_HEADER), 422, InvalidApiToken),
        ("users with a wrong token", Bad::get("/rc/v1/users").with(API_TOKEN_HEADER, "0".repeat(32)), 422, InvalidApiToken),
        ("users with an empty token", Bad::get("/rc/v1/users").with(API_TOKEN_HEADER, ""), 422, InvalidApiToken),
        ("a new user without a token", new_user("carl", "secret").without(API_TOKEN_HEADER), 422, InvalidApiToken),
        ("objects without a token", objects("anna", json!({"1": {"n": "x"}})).without(API_TOKEN_HEADER), 422, InvalidApiToken),
        ("objects with a wrong token", objects("anna", json!({"1": {"n": "x"}})).with(API_TOKEN_HEADER, "wrong"), 422, InvalidApiToken),
        ("deletes with a wrong token", Bad::post("/app/v1/Board/push_deletes", deletes).with(API_TOKEN_HEADER, "wrong"), 422, InvalidApiToken),
        ("sources with a wrong token", Bad::get("/rc/v1/sources/type/all").with(API_TOKEN_HEADER, "wrong"), 422, InvalidApiToken),
        ("sources of an unknown type", Bad::get("/rc/v1/sources/type/none"), 400, InvalidValue),
    ]
}

#[rustfmt::skip] // A row is a line.
fn addresses() -> Vec<Row> {
    vec![
        ("an unknown path", Bad::get("/nothing"), 404, NotFound),
        ("an unknown path below a known one", Bad::get("/app/v1/Board/1/2"), 404, NotFound),
        ("a path that climbs", Bad::get("/app/v1/../../rc/v1/users"), 404, NotFound),
        ("a path that is not UTF-8", Bad::get("/app/v1/%FF"), 400, InvalidValue),
        ("an object that is not UTF-8", delete("/app/v1/Board/%C3%28"), 400, InvalidValue),
        ("a method that sources do not take", Bad::new(Method::PATCH, BOARD, "{}"), 405, MethodNotAllowed),
        ("a method that health does not take", Bad::post("/health", ""), 405, MethodNotAllowed),
        ("a search by GET", Bad::get("/rc/v1/app/search"), 405, MethodNotAllowed),
        ("a login by GET", Bad::get("/rc/v1/app/login"), 405, MethodNotAllowed),
        ("a trace", Bad::new(Method::TRACE, BOARD, ""), 405, MethodNotAllowed),
    ]
}
