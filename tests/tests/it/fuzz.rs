//! Whatever comes in is read or refused, and never ends an instance: valid inputs that are broken in some places.
//!
//! A component's panic ends all requests of its instance, so what parses must not panic on anything. `PROPTEST_CASES` says how
//! many inputs each of these tries; a failing one is shown at its smallest.

use std::collections::BTreeMap;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use sync_client::rhoconnect::{Page, Replica};
use sync_core::{
    ClientId, Clock as _, DeviceProof, NewsRequest, SettingsFile, SourceName, StorePorts as _,
    TakenChanges, Token,
};
use sync_handler::App;
use sync_proto::ERROR_CODE_HEADER;
use sync_proto::sync::Line;
use test_support::{ScriptedHttp, TestPorts, TestRedis, World, engine};

/// What is put into an input: what parsers stumble over.
const PIECES: [&str; 24] = [
    "\0",
    "\u{1}",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[[[[[[[[[[[[[[[[",
    "]",
    ",",
    ":",
    "=",
    "&",
    "%",
    "%zz",
    "%00",
    "\r\n",
    "--bbb",
    "-1",
    "1e999",
    "99999999999999999999999",
    "null",
    "\u{202e}é",
    "\n[x]\n",
];

/// One place in which an input is broken.
#[derive(Debug, Clone)]
enum Break {
    Byte(u8),
    Insert(&'static str),
    Cut(usize),
    Double(usize),
}

fn breaks() -> impl Strategy<Value = Vec<(Index, Break)>> {
    let one = prop_oneof![
        any::<u8>().prop_map(Break::Byte),
        select(&PIECES[..]).prop_map(Break::Insert),
        (1..40_usize).prop_map(Break::Cut),
        (1..200_usize).prop_map(Break::Double),
    ];
    vec((any::<Index>(), one), 0..6)
}

/// Valid inputs, broken in some places.
fn broken(valid: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (select(valid), breaks()).prop_map(|(valid, breaks)| apply(valid.as_bytes().to_vec(), breaks))
}

fn apply(mut input: Vec<u8>, breaks: Vec<(Index, Break)>) -> Vec<u8> {
    for (at, what) in breaks {
        let at = at.index(input.len() + 1);
        match what {
            Break::Byte(byte) => {
                if let Some(place) = input.get_mut(at) {
                    *place = byte;
                }
            }
            Break::Insert(piece) => {
                input.splice(at..at, piece.bytes());
            }
            Break::Cut(length) => {
                input.drain(at..input.len().min(at + length));
            }
            Break::Double(length) => {
                let part = input[at..input.len().min(at + length)].to_vec();
                input.splice(at..at, part);
            }
        }
    }
    input
}

fn broken_text(valid: &'static [&'static str]) -> impl Strategy<Value = String> {
    broken(valid).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Tries inputs one after the other.
fn each<S: Strategy>(inputs: &S, try_one: impl Fn(S::Value)) {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let tried = runner.run(inputs, |input| {
        try_one(input);
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

const SETTINGS: [&str; 3] = [
    include_str!("../../../crates/test-support/src/deployment/rhosync.toml"),
    "retention_days = 3\nredis_timeout_ms = 500\n[authentication]\nmethod = \"back-end\"\nurl = \"http://users\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n[authentication.limits]\nfailures_per_address = 7\n[authentication.jwt]\nissuer = \"https://id\"\naudience = \"a\"\njwks_url = \"https://id/keys\"\n[cors]\norigins = [\"https://a.example\"]",
    "bulk_selections = [[\"A\", \"B\"]]\n[blobs]\nquota_bytes = 5\n[blobs.s3]\nendpoint = \"http://s3\"\nbucket = \"b\"\nregion = \"r\"\naccess_key = \"a\"\nsecret_key = { variable = \"s\" }\n[jobs]\nlease_seconds = 3\n[queues.\"adapter.slow\"]\nconcurrency = 2\nrate = { starts = 3, per_seconds = 4 }\n[schedules.x]\njob = \"report\"\nqueue = \"adapter\"\ncron = \"*/5 3 1-7 * mon\"\npayload = { a = 1 }\n[sources.A]\nadapter = \"push-only\"\nschema = { version = \"1\", property = { n = \"string\" } }\n[sources.B]\nadapter = \"rust\"\nrust = \"b\"\n",
];

#[test]
fn settings_are_read_or_refused() {
    each(&broken_text(&SETTINGS), |text| {
        if let Ok(file) = SettingsFile::parse("rhosync.toml", &text) {
            let _ = file.variables();
            let _ = file.resolve(|_| Some("https://value".to_owned()));
        }
    });
}

#[test]
fn names_tokens_and_sessions_are_read_or_refused() {
    const TEXTS: [&str; 5] = [
        "Product",
        "4fede851b1864b2e9a7b1f5c2d3e4f5a",
        "9007199254740991",
        "1.dTE.Zw.18446744073709551615.c2lnbmF0dXJl",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl",
    ];
    let runtime = runtime();
    let world = runtime.block_on(World::start());
    let session = runtime.block_on(world.sign_in("u1"));
    let accounts = world.engine.accounts();
    let now = world.engine.ports().clock().now();
    each(&broken_text(&TEXTS), |text| {
        let _ = SourceName::parse(text.as_str());
        let _ = ClientId::parse(text.as_str());
        if let Ok(Some(token)) = Token::parse(&text) {
            assert!(token.number() > 1, "{text:?}");
        }
        assert!(accounts.sessions().verify(&text, now).is_none());
    });
    assert_eq!(session.user().as_str(), "u1");
}

#[test]
fn pages_are_read_or_refused_by_devices() {
    const PAGES: [&str; 2] = [
        r#"[{"version":3},{"token":"12"},{"count":2},{"progress_count":0},{"total_count":2},{"insert":{"1":{"name":"a"},"2":{"name":"b"}},"delete":{"3":{"name":""}},"links":{"t1":{"l":"1"}},"metadata":"{}"}]"#,
        r#"[{"version":3},{"token":""},{"count":0},{"progress_count":0},{"total_count":2},{"create-error":{"t1":{"n":"x"},"t1-error":{"message":"no"}},"update-error":{"1":{"n":"x"},"1-error":{"message":"no"}},"update-rollback":{"1":{"n":"y"}},"source-error":{"query-error":{"message":"m"}},"schema-changed":"true"}]"#,
    ];
    each(&broken(&PAGES), |page| {
        if let Ok(page) = Page::parse(&page) {
            Replica::new("Product").apply(page);
        }
    });
}

/// Requests that are good, but for what they name: method, address, type of the body, and the body.
const REQUESTS: [(Method, &str, &str, &str); 14] = [
    (
        Method::GET,
        "/app/v1/Shared?client_id=CLIENT&p_size=10&token=17&query[a][b]=c",
        "",
        "",
    ),
    (
        Method::POST,
        "/app/v1/Shared",
        JSON,
        r#"{"client_id":"CLIENT","create":{"t1":{"n":"x","m":1.5,"k":null}},"update":{"1":{"n":[1]}},"delete":{"2":{}}}"#,
    ),
    (
        Method::POST,
        "/sync/v1/sync",
        JSON,
        r#"{"have":{"Shared":"CURSOR","Own":null},"changes":[{"id":"c1","source":"Shared","op":"create","object":"m","set":{"n":[1.5,null],"b":true},"base":"CURSOR"},{"id":"c2","source":"Own","op":"update","object":"1","set":{"n":"x"},"unset":["m"]}],"pending":{"Shared":["c1"]},"max_bytes":70000}"#,
    ),
    (
        Method::POST,
        "/sync/v1/session",
        JSON,
        r#"{"login":"u1","password":"wrong","refresh":"x.y","attempt":"1","client":"CLIENT","device":{"device_type":"Android"}}"#,
    ),
    (
        Method::POST,
        "/sync/v1/sync",
        JSON,
        r#"{"have":{"Shared":"CURSOR","Own":null},"parameters":{"Shared":{"name":"x","a":"1.5"},"Own":{"n":"y"}},"settled":{"Shared":["c1"]}}"#,
    ),
    (
        Method::POST,
        "/sync/v1/search",
        JSON,
        r#"{"source":"Shared","parameters":{"name":"x","a":"1.5"}}"#,
    ),
    (
        Method::POST,
        "/sync/v1/verify",
        JSON,
        r#"{"source":"Shared","cursor":"CURSOR","buckets":BUCKETS}"#,
    ),
    (
        Method::POST,
        "/app/v1/Pushed",
        "multipart/form-data; boundary=bbb",
        "--bbb\r\nContent-Disposition: form-data; name=\"cud\"\r\n\r\n{\"client_id\":\"CLIENT\",\"create\":{\"t1\":{\"photo\":\"p.png\"}},\"blob_fields\":[\"photo\"]}\r\n--bbb\r\nContent-Disposition: form-data; name=\"photo-t1\"; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--bbb--\r\n",
    ),
    (
        Method::POST,
        "/rc/v1/app/search",
        JSON,
        r#"{"client_id":"CLIENT","sources":[{"name":"Shared","token":"17"}],"search":{"a":{"b":"c"}},"p_size":2}"#,
    ),
    (
        Method::POST,
        "/rc/v1/app/login",
        JSON,
        r#"{"login":"u1","password":"wrong","remember":[{"a":{}}]}"#,
    ),
    (
        Method::POST,
        "/application/clientlogin",
        FORM,
        "login=u1&password=wrong&attributes[a]=b&attributes[c][]=d",
    ),
    (
        Method::POST,
        "/rc/v1/clients",
        FORM,
        "device_type=Android&device_pin=abc&device_port=1",
    ),
    (
        Method::POST,
        "/rc/v1/users",
        JSON,
        r#"{"api_token":"no","attributes":{"login":"a","password":"b"}}"#,
    ),
    (
        Method::POST,
        "/api/application",
        JSON,
        r#"{"source_name":"Shared","client_id":"CLIENT","create":{"t9":{"n":"x"}}}"#,
    ),
];
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The access token of a device with our own library, and a cursor that it has got.
async fn synced(world: &World) -> (String, String) {
    let proof = DeviceProof::Password {
        login: "u1",
        password: "password",
        origin: sync_core::Origin("fuzz"),
    };
    let description = Default::default();
    let granted = world.engine.sign_in_device(proof, None, &description);
    let granted = granted.await.expect("a session");
    let have = BTreeMap::from([("Shared".to_owned(), None)]);
    let request = NewsRequest {
        have: &have,
        parameters: &BTreeMap::new(),
        max_bytes: None,
        images: &[],
        trace: None,
    };
    let lines = world
        .engine
        .answer_device(&granted.session, TakenChanges::default(), &[], request)
        .await;
    let cursor = lines
        .expect("news")
        .into_iter()
        .find_map(|line| match line {
            Line::News(news) => news.cursor,
            _ => None,
        });
    (granted.access, cursor.expect("a cursor"))
}

#[test]
fn requests_are_answered_whatever_is_wrong_with_them() {
    let runtime = runtime();
    let world = runtime.block_on(World::start());
    let session = runtime.block_on(world.sign_in("u1"));
    let client = runtime.block_on(world.client(&session));
    let origin = sync_core::Origin("fuzz");
    let cookie = world.engine.accounts().log_in("u1", "password", origin);
    let cookie = runtime.block_on(cookie).expect("a session");
    let cookie = format!("rhoconnect_session={cookie}");
    let (access, cursor) = runtime.block_on(synced(&world));
    let app = App::new(runtime.block_on(world.another(None, 7)));
    let answer = |method: &Method, path: &str, kind: &str, body: Vec<u8>| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", &cookie)
            .header("authorization", format!("Bearer {access}"))
            .header("content-type", kind);
        let body = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from(body)))]);
        // What is no request at all the host refuses.
        let request = request.body(StreamBody::new(body)).ok()?;
        Some(runtime.block_on(app.handle(request)).into_parts().0)
    };
    let buckets = json!(vec!["0000000000000000"; 256]).to_string();
    let named = |text: &str| {
        let text = text.replace("CLIENT", client.as_str());
        text.replace("CURSOR", &cursor).replace("BUCKETS", &buckets)
    };
    let inputs = (0..REQUESTS.len(), breaks(), breaks());
    each(&inputs, |(at, in_path, in_body)| {
        let (method, path, kind, body) = &REQUESTS[at];
        let path = apply(named(path).into_bytes(), in_path);
        let path = String::from_utf8_lossy(&path).into_owned();
        let body = apply(named(body).into_bytes(), in_body);
        if let Some(answer) = answer(method, &path, kind, body) {
            // Old devices know some errors by this status, and the code says which.
            let is_known = answer.headers.contains_key(ERROR_CODE_HEADER);
            assert!(
                is_known || !answer.status.is_server_error(),
                "{method} {path:?}: {answer:?}"
            );
        }
    });
    let path = named("/app/v1/Shared?client_id=CLIENT");
    let status = |method, path: &str, kind, body| {
        let answer = answer(method, path, kind, body);
        answer.map(|answer| answer.status)
    };
    let pulled = status(&Method::GET, &path, "", Vec::new());
    assert_eq!(pulled, Some(StatusCode::OK));
    let (method, path, kind, body) = &REQUESTS[2];
    let synced = status(method, path, kind, named(body).into_bytes());
    assert_eq!(synced, Some(StatusCode::OK));
    // What is not broken is good, or the inputs above try less than they seem to.
    for (method, path, kind, body) in &REQUESTS[4..6] {
        let answered = status(method, path, kind, named(body).into_bytes());
        assert_eq!(answered, Some(StatusCode::OK), "{path}");
    }
}

#[test]
fn answers_of_back_ends_are_read_or_told_as_errors() {
    const SOURCES: &str = r#"
        [sources.Plugin]
        adapter = "http"
        partition = "app"
        poll_interval = 0
        [sources.Plugin.http]
        url = "http://plugin"
        methods = ["metadata", "schema"]
        [sources.Rest]
        adapter = "rest"
        partition = "app"
        poll_interval = 0
        [sources.Rest.rest]
        url = "http://rest/items"
        records = "/items"
        types = { price = "number", tags = "json" }
    "#;
    const ANSWERS: [&str; 4] = [
        r#"{"1":{"name":"a","price":1},"2":{"name":"b"}}"#,
        r#"{"version":"1","property":{"name":"string"}}"#,
        r#"{"items":[{"id":1,"name":"a","price":2.5,"tags":["x",{"y":null}]},{"id":"2"}]}"#,
        r#"{"message":"what is wrong"}"#,
    ];
    let runtime = runtime();
    let redis = TestRedis::start();
    let engine: sync_core::Engine<TestPorts<ScriptedHttp>> =
        runtime.block_on(engine(&redis, SOURCES, 1));
    let session = runtime.block_on(async {
        let accounts = engine.accounts();
        accounts
            .create_user("u1", "password")
            .await
            .expect("a user");
        let origin = sync_core::Origin("fuzz");
        let session = accounts.log_in("u1", "password", origin).await;
        let now = engine.ports().clock().now();
        accounts
            .sessions()
            .verify(&session.expect("a session"), now)
    });
    let session = session.expect("a session of our own");
    let client = runtime.block_on(engine.create_client(&session, &Default::default()));
    let client = client.expect("a client").into_string();
    let pull = |source: &str| {
        let request = sync_core::PullRequest {
            client: &client,
            source,
            token: None,
            page_size: 10,
            parameters: &[],
            trace: None,
        };
        runtime.block_on(engine.pull(&session, request))
    };
    let answers = vec(
        (
            select(&[200, 200, 200, 304, 400, 401, 404, 500, 999][..]),
            broken_text(&ANSWERS),
        ),
        3,
    );
    let inputs = (any::<bool>(), answers);
    each(&inputs, |(is_plugin, answers)| {
        for (status, body) in answers {
            engine.ports().http.answer(status, &[], &body);
        }
        let pulled = pull(if is_plugin { "Plugin" } else { "Rest" });
        assert!(pulled.is_ok(), "{pulled:?}");
        // The next begins with answers of its own.
        engine.ports().http.forget();
        engine
            .ports()
            .clock
            .advance(std::time::Duration::from_secs(600));
    });
    engine
        .ports()
        .http
        .answer(200, &[], r#"{"items":[{"id":"9","name":"last"}]}"#);
    let page = pull("Rest").expect("a page");
    let page = serde_json::to_value(page).expect("JSON");
    assert!(
        page.to_string().contains("last") || page[5] == json!({}),
        "{page}"
    );
}
