//! Searches and objects that pass through, as devices in the field write their requests.

use http::Method;
use serde_json::{Value, json};
use sync_proto::{PAGE_OBJECT_COUNT_HEADER, PAGE_TOKEN_HEADER};
use test_support::{Deployment, Options, json_of};

#[test]
fn devices_search_and_pass_through() {
    let deployment = Deployment::start(Options::default());
    deployment.create_user("anna");
    let plugin = deployment.plugin().control();
    let set = |path: &str, body: Value| {
        plugin.call(Method::PUT, &format!("/places/{path}"), Some(&body));
    };
    let device = deployment.rest_of_device("anna");
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
    let found = json_of(&answer);
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
    let second = json_of(&search(&next.to_string()));
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
