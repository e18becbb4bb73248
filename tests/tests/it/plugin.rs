//! Back ends that speak the plugin protocol, end to end.

use http::Method;
use serde_json::{Value, json};
use sync_proto::API_TOKEN_HEADER;
use test_support::{Deployment, Options, Rest};

fn place(plugin: &Rest, path: &str) -> Value {
    plugin.get(&format!("/places/{path}"))
}

#[test]
fn a_plugin_is_read_and_written_and_pushes() {
    let deployment = Deployment::start(Options::default());
    deployment.create_user("anna");
    let plugin = deployment.plugin().control();
    let set = |method: Method, path: &str, body: Value| {
        plugin.call(method, &format!("/places/{path}"), Some(&body));
    };
    let mut phone = deployment.device("anna");

    set(
        Method::PUT,
        "Probe/anna/objects",
        json!({"1": {"name": "iPhone"}}),
    );
    phone.sync("Probe").expect("a sync");
    assert_eq!(phone.objects("Probe")["1"]["name"], "iPhone");
    phone.replica_mut("Probe").create([("name", "Droid")]);
    phone.sync("Probe").expect("a sync");
    assert_eq!(phone.objects("Probe")["srv1"]["name"], "Droid");
    assert_eq!(
        place(&plugin, "Probe/anna/objects"),
        json!({"1": {"name": "iPhone"}, "srv1": {"name": "Droid"}})
    );
    let calls = place(&plugin, "Probe/anna/calls");
    let create = calls.as_array().expect("calls").iter();
    let create = create
        .filter(|call| call["call"] == "create")
        .collect::<Vec<_>>();
    assert_eq!(create.len(), 1);
    let token = create[0]["body"]["api_token"].as_str().expect("a token");

    // The back end pushes with the token it was given.
    let rest = deployment.rest().with_header(API_TOKEN_HEADER, token);
    let objects = json!({"user_id": "anna", "objects": {"2": {"name": "pushed"}}});
    rest.call(Method::POST, "/app/v1/Probe/push_objects", Some(&objects));

    set(
        Method::POST,
        "Probe/anna/answers",
        json!({"call": "query", "status": 500, "body": "{\"error\":\"broken\"}"}),
    );
    phone.sync("Probe").expect("a sync");
    assert_eq!(phone.objects("Probe")["2"]["name"], "pushed");
}
