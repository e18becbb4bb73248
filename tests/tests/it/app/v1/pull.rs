//! What a source has beside objects: metadata and a schema.

use http::Method;
use serde_json::json;
use test_support::{Deployment, Options};

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
    let device = deployment.rest_of_device("anna");
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
