//! What a source has beside objects that are kept: metadata, a schema, a search, and objects that pass through. End to
//! end, as devices in the field write their requests.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use http::Method;
use http::header::SET_COOKIE;
use integration_tests::{Deployment, Options, Rest, password_of};
use serde_json::{Value, json};
use sync_proto::{PAGE_OBJECT_COUNT_HEADER, PAGE_TOKEN_HEADER};

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("JSON")
}

/// A device of anna's, as far as headers go.
fn device(deployment: &Deployment) -> Rest {
    let server = Rest::json(deployment.url());
    let login = json!({"login": "anna", "password": password_of("anna")});
    let answer = server.send(Method::POST, "/rc/v1/app/login", login.to_string());
    let cookie = answer.headers()[SET_COOKIE].to_str().expect("a cookie");
    let cookie = cookie.split(';').next().unwrap_or_default();
    let server = server.with_header("cookie", cookie);
    let client = json_of(&server.call(Method::POST, "/rc/v1/clients", None));
    let client = client["client"]["client_id"].as_str().expect("an id");
    server.with_header("x-rhoconnect-client-id", client)
}

#[test]
fn devices_are_told_what_a_plugin_says_of_its_source() {
    let deployment = Deployment::start(Options::default());
    deployment.create_user("anna");
    let plugin = deployment.plugin().control();
    let set = |what: &str, body: &str| {
        let path = format!("/places/Probe/anna/{what}");
        let answer = plugin.send(Method::PUT, &path, body.to_owned());
        assert!(answer.status().is_success());
    };
    let device = device(&deployment);
    let pull = |token: &str| device.get(&format!("/app/v1/Probe?p_size=10&token={token}"));

    set("objects", r#"{"1": {"name": "iPhone"}}"#);
    set("metadata", r#"{"foo":"bar"}"#);
    set("schema", r#"{"version":"1.0"}"#);
    let told = json!({"insert": {"1": {"name": "iPhone"}}, "metadata": r#"{"foo":"bar"}"#});
    let first = pull("");
    assert_eq!(first[5], told);
    assert_eq!(
        pull(first[1]["token"].as_str().expect("text"))[5],
        json!({})
    );

    set("schema", r#"{"version":"2.0"}"#);
    let changed = pull("");
    assert_eq!(changed[5], json!({"schema-changed": "true"}));
    assert_eq!(pull(changed[1]["token"].as_str().expect("text"))[5], told);
}

#[test]
fn devices_search_and_pass_through() {
    let deployment = Deployment::start(Options::default());
    deployment.create_user("anna");
    let plugin = deployment.plugin().control();
    let set = |path: &str, body: Value| {
        plugin.call(Method::PUT, &format!("/places/{path}"), Some(&body));
    };
    let device = device(&deployment);
    let search = |body: &str| {
        let path = "/rc/v1/app/search?p_size=1&version=3";
        device.send(Method::POST, path, body.to_owned())
    };

    set(
        "Probe/anna/found",
        json!({"s1": {"name": "a"}, "s2": {"name": "a"}}),
    );
    set("Pass/anna/found", json!({"p1": {"name": "a"}}));
    // The device engine leaves out the comma between sources.
    let both = r#"{"sources":[{"name":"Probe"}{"name":"Pass"}],"search":{"name":"a"}}"#;
    let answer = search(both);
    let found = json_of(answer.body());
    let [probe, pass] = [0, 1].map(|source| found[source][1]["token"].clone());
    assert_eq!(
        found,
        json!([
            [{"version": 3}, {"token": probe}, {"source": "Probe"}, {"count": 1}, {"insert": {"s1": {"name": "a"}}}],
            [{"version": 3}, {"token": pass}, {"source": "Pass"}, {"count": 1}, {"insert": {"p1": {"name": "a"}}}]
        ])
    );
    assert_eq!(
        answer.headers()[PAGE_TOKEN_HEADER],
        pass.as_str().expect("text")
    );
    assert_eq!(answer.headers()[PAGE_OBJECT_COUNT_HEADER], "1");
    let next =
        json!({"sources": [{"name": "Pass", "token": pass}, {"name": "Probe", "token": probe}]});
    let second = json_of(search(&next.to_string()).body());
    assert_eq!(second[0][4], json!({"insert": {"s2": {"name": "a"}}}));
    assert_eq!(second[1], json!([]));
    let calls = plugin.get("/places/Probe/anna/calls");
    assert_eq!(calls[0]["body"]["attributes"], json!({"name": "a"}));

    set(
        "Pass/anna/objects",
        json!({"1": {"name": "iPhone"}, "2": {"name": "G2"}}),
    );
    let create = json!({"source_name": "Pass", "create": {"t1": {"name": "Droid"}}});
    device.call(Method::POST, "/app/v1/Pass", Some(&create));
    let page = device.get("/app/v1/Pass?p_size=1");
    assert_eq!(page[2], json!({"count": 3}));
    assert_eq!(page[5]["links"], json!({"t1": {"l": "srv1"}}));
    assert_eq!(page[5]["insert"]["srv1"], json!({"name": "Droid"}));
    let page = device.get("/app/v1/Pass?p_size=1");
    assert_eq!(
        (&page[2], page[5].get("links")),
        (&json!({"count": 3}), None)
    );
}
