//! Users and what is theirs, as an integration manages them.

use http::Method;
use serde_json::{Value, json};
use test_support::{Deployment, Options, json_of, password_of};

#[test]
fn an_integration_manages_users_objects_and_clients() {
    let deployment = Deployment::start(Options::default());
    let api = deployment.api();
    let user = json!({"login": "ann", "password": password_of("ann"), "email": "a@b.c"});
    let made = api.expect(201, Method::POST, "/api/v1/users", &user);
    assert_eq!(made.headers()["location"], "/api/v1/users/ann");
    assert_eq!(json_of(&made)["email"], "a@b.c");
    api.expect(409, Method::POST, "/api/v1/users", &user);
    let objects = "/api/v1/sources/Note/users/ann/objects";
    let put = json!({"attributes": {"text": "hello", "count": 3}});
    api.expect(200, Method::PUT, &format!("{objects}/n1"), &put);
    let patch = json!({"set": {"done": true}, "remove": ["count"]});
    let patched = api.expect(200, Method::PATCH, &format!("{objects}/n1"), &patch);
    assert_eq!(
        json_of(&patched)["attributes"],
        json!({"text": "hello", "done": "true"})
    );
    let batch = json!({"merge": {"n2": {"text": "x"}, "n3": {"text": "y"}}, "delete": ["n1"]});
    api.expect(204, Method::POST, objects, &batch);
    let first = api.get(&format!("{objects}?limit=1"));
    let next = first["next"].as_str().expect("a second part");
    let second = api.get(&format!("{objects}?limit=10&cursor={next}"));
    assert_eq!(
        (
            first["items"][0]["id"].as_str(),
            second["items"][0]["id"].as_str()
        ),
        (Some("n2"), Some("n3"))
    );
    assert_eq!(second["next"], Value::Null);

    let mut device = deployment.device("ann");
    device.sync("Note").expect("to sync");
    assert_eq!(device.objects("Note").len(), 2);
    let clients = api.get("/api/v1/users/ann/clients");
    let client = clients["items"][0]["id"]
        .as_str()
        .expect("a client")
        .to_owned();
    let state = api.get(&format!("/api/v1/clients/{client}/sources/Note"));
    assert_eq!(state["version"], state["latest"]);
    let held = api.get(&format!("/api/v1/clients/{client}/sources/Note/objects"));
    assert_eq!(held["items"].as_array().map(Vec::len), Some(2));
    api.expect(
        204,
        Method::DELETE,
        &format!("/api/v1/clients/{client}"),
        &Value::Null,
    );
    assert!(device.sync("Note").is_err(), "its session has ended");
    api.expect(204, Method::DELETE, "/api/v1/users/ann", &Value::Null);
    api.expect(404, Method::GET, "/api/v1/users/ann", &Value::Null);
}
