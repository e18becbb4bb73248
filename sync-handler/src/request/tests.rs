use http::Method;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn request(uri: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut request = http::Request::builder().method(Method::POST).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    arrived(
        request
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap(),
    )
}

/// A request of an instance of 128 MiB, with its body.
fn arrived(request: http::Request<Bytes>) -> Request {
    arrived_in(&Memory::of_instance(128 << 20), request)
}

fn arrived_in(memory: &Memory, request: http::Request<Bytes>) -> Request {
    let (head, body) = request.into_parts();
    Request {
        body,
        ..Request::new(head, Vec::new(), memory)
    }
}

#[test]
fn a_body_that_would_become_too_much_is_refused_and_one_for_which_there_is_no_room_comes_again() {
    let json = [("content-type", "application/json")];
    let heavy = format!(r#"{{"x":[{}{{}}]}}"#, r#"{"":0},"#.repeat(150_000));
    let error = request("/", &json, &heavy).body::<Value>().unwrap_err();
    assert!(matches!(error, HttpError::BodyTooHeavy(_)), "{error:?}");
    let memory = Memory::of_instance(128 << 20);
    let large = || {
        let body = format!(r#"{{"x":"{}"}}"#, "y".repeat(1 << 20));
        let request = http::Request::post("/").header(json[0].0, json[0].1);
        arrived_in(&memory, request.body(Bytes::from(body)).unwrap())
    };
    let others = memory.hold(usize::MAX);
    let error = large().body::<Value>().unwrap_err();
    assert!(matches!(error, HttpError::OutOfMemory(_)), "{error:?}");
    drop(others);
    let large = large();
    large.body::<Value>().unwrap();
    assert!(large.held.borrow().bytes() > 1 << 20);
}

#[test]
fn bodies_are_json_or_forms_and_always_objects() {
    let json = [("content-type", "application/json; charset=UTF-8")];
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let login = |request: Request| request.body::<sync_proto::Login>();
    let read = login(request("/", &json, r#"{"login":"u 1","password":"p"}"#)).unwrap();
    assert_eq!((read.login.as_str(), read.password.as_str()), ("u 1", "p"));
    let read = login(request("/", &form, "login=u+1&password=%70")).unwrap();
    assert_eq!((read.login.as_str(), read.password.as_str()), ("u 1", "p"));
    assert!(login(request("/", &json, " ")).unwrap().login.is_empty());
    for wrong in [
        "[]",
        r#"["u1","p"]"#,
        "\"x\"",
        "{",
        "null",
        r#"{"login":7}"#,
        "\u{feff}{}",
    ] {
        let error = login(request("/", &json, wrong)).unwrap_err();
        assert!(matches!(error, HttpError::MalformedBody(_)), "{wrong}");
    }
    assert!(
        request("/", &json, &"[".repeat(100_000))
            .body::<Value>()
            .is_err()
    );
}

#[test]
fn the_client_id_is_the_headers_or_else_the_querys_or_else_the_bodys() {
    let both = request("/?client_id=q", &[("X-RhoConnect-CLIENT-ID", "h")], "");
    assert_eq!(both.client_id(), "h");
    assert_eq!(request("/?client_id=q", &[], "").client_id(), "q");
    let body = r#"{"client_id":"b","create":{}}"#;
    assert_eq!(request("/?client_id=q", &[], body).client_id(), "q");
    assert_eq!(request("/", &[], body).client_id(), "b");
    assert_eq!(request("/", &[], "[]").client_id(), "");
    assert_eq!(request("/", &[], "").client_id(), "");
}

#[test]
fn page_sizes_and_push_numbers_have_limits() {
    assert_eq!(request("/", &[], "").page_size().unwrap(), 500);
    assert_eq!(request("/?p_size=2000", &[], "").page_size().unwrap(), 2000);
    for wrong in ["0", "-1", "abc", "1000000000", "", "1e3"] {
        assert!(
            request(&format!("/?p_size={wrong}"), &[], "")
                .page_size()
                .is_err(),
            "{wrong}"
        );
    }
    let number =
        |text: &str| request("/", &[("x-rhosync-push-sequence", text)], "").push_sequence();
    assert_eq!(number("7").unwrap(), Some(7));
    for wrong in ["0", "-1", "x", "9007199254740992"] {
        assert!(number(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn grouped_parameters_are_read_by_their_inner_names() {
    let grouped = request(
        "/?query[a]=1&query%5Bb%5D%5Bc%5D=x%20y&query=z&query[&p_size=1",
        &[],
        "",
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        grouped.query_group("query"),
        [pair("a", "1"), pair("b[c]", "x y")]
    );
}

#[test]
fn a_trace_is_read_from_headers_that_make_sense() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = |headers: &[(&str, &str)]| {
        let trace = request("/", headers, "").trace()?;
        let headers = trace.headers().map(|(_, value)| value.to_owned());
        Some(headers.collect::<Vec<_>>())
    };
    let whole = [
        ("traceparent", parent),
        ("tracestate", "a=b"),
        ("tracestate", "c=d"),
    ];
    assert_eq!(trace(&whole).unwrap(), [parent, "a=b,c=d"]);
    assert_eq!(trace(&whole[..1]).unwrap(), [parent]);
    assert_eq!(trace(&whole[1..]), None);
    assert_eq!(trace(&[("traceparent", "00-1-1-01")]), None);
}

/// A request as nobody would write it: any bytes where HTTP allows them.
fn any_request() -> impl Strategy<Value = http::Request<Bytes>> {
    let header = prop::sample::select(vec![
        "content-type",
        "cookie",
        "authorization",
        "traceparent",
        "tracestate",
        "idempotency-key",
        "x-rhoconnect-client-id",
        "x-rhoconnect-api-token",
        "x-rhosync-push-sequence",
        "spin-client-addr",
        "spin-full-url",
        "host",
        "x-forwarded-proto",
    ]);
    let value = prop_oneof![
        vec(any::<u8>(), 0..60),
        "[ -~]{0,60}".prop_map(String::into_bytes),
        Just(b"application/x-www-form-urlencoded".to_vec()),
        Just(b"application/json".to_vec()),
    ];
    let query = "((query|search|sources)?(\\[[a-z\\[\\]]{0,6}\\]?)*=?[!-\"$-~]{0,6}&?){0,6}";
    let body = prop_oneof![
        vec(any::<u8>(), 0..200),
        "[\\[{\"a:,0-9}\\]&=% ]{0,80}".prop_map(String::into_bytes),
    ];
    (query, vec((header, value), 0..8), body).prop_filter_map(
        "no request",
        |(query, headers, body)| {
            let mut request = http::Request::builder()
                .method(Method::POST)
                .uri(format!("/application?{query}"));
            for (name, value) in headers {
                let value = http::HeaderValue::from_bytes(&value).ok();
                request = request.header(name, value?);
            }
            request.body(Bytes::from(body)).ok()
        },
    )
}

proptest! {
    #[test]
    fn no_request_is_too_odd_to_be_read(request in any_request()) {
        let request = arrived(request);
        let _ = request.body::<Map<String, Value>>();
        let _ = request.body::<sync_proto::DeviceDescription>();
        let _ = request.require_object();
        let _ = request.query_list("sources");
        let _ = request.base_url();
        let _ = request.client_id();
        let _ = request.bearer_token();
        let _ = request.idempotency_key("idempotency-key");
        let _ = request.token();
        let _ = request.trace();
        let _ = request.is_https();
        let _ = client_address(request.headers(), &[]);
        let _ = request.argument("", &["client_id"]);
        for (name, _) in request.query_group("query") {
            prop_assert!(name.len() < 1_000);
        }
        if let Ok(size) = request.page_size() {
            prop_assert!((1..=HIGHEST_PAGE_SIZE).contains(&size));
        }
        if let Ok(Some(number)) = request.push_sequence() {
            prop_assert!(number > 0);
        }
    }

    #[test]
    fn what_is_put_into_a_query_comes_out_of_it(
        pairs in vec(("[a-z]{1,6}", any::<String>()), 0..10),
    ) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &pairs {
            query.append_pair(&format!("query[{name}]"), value);
        }
        let request = request(&format!("/x?{}", query.finish()), &[], "");
        prop_assert_eq!(request.query_group("query"), pairs);
    }
}
