//! What holds for every call: repetitions and errors.

use http::Method;
use serde_json::{Value, json};
use test_support::{Deployment, Options, Rest, json_of};

#[test]
fn a_repeated_write_is_done_once() {
    let deployment = Deployment::start(Options::default());
    let api = deployment.api().with_header("idempotency-key", "order-7");
    let user = json!({"login": "ann", "password": "p"});
    let first = api.expect(201, Method::POST, "/api/v1/users", &user);
    let again = api.expect(201, Method::POST, "/api/v1/users", &user);
    assert_eq!(first.body(), again.body());
    assert_eq!(first.headers()["location"], again.headers()["location"]);
    let token = json!({"name": "x", "scopes": ["admin"]});
    api.expect(400, Method::POST, "/api/v1/tokens", &token);
    let other = json!({"login": "bob", "password": "p"});
    let refused = json_of(&api.expect(422, Method::POST, "/api/v1/users", &other));
    assert_eq!(refused["error"]["code"], "idempotency_key_reused");
}

#[test]
fn errors_of_the_api_have_one_form() {
    let deployment = Deployment::start(Options::default());
    let api = deployment.api();
    let nothing = Value::Null;
    for (status, method, path, body, code) in [
        (
            404,
            Method::GET,
            "/api/v1/nothing",
            nothing.clone(),
            "not_found",
        ),
        (
            405,
            Method::PUT,
            "/api/v1/users",
            nothing.clone(),
            "method_not_allowed",
        ),
        (
            404,
            Method::GET,
            "/api/v1/users/nobody",
            nothing.clone(),
            "unknown_user",
        ),
        (
            404,
            Method::GET,
            "/api/v1/clients/none",
            nothing.clone(),
            "unknown_client",
        ),
        (
            404,
            Method::GET,
            "/api/v1/sources/None",
            nothing.clone(),
            "unknown_source",
        ),
        (
            400,
            Method::GET,
            "/api/v1/users?limit=0",
            nothing.clone(),
            "invalid_value",
        ),
        (
            400,
            Method::POST,
            "/api/v1/users",
            json!({"login": "x"}),
            "malformed_body",
        ),
        (
            400,
            Method::POST,
            "/api/v1/users",
            json!(["x"]),
            "malformed_body",
        ),
        (
            400,
            Method::POST,
            "/api/v1/system/reset",
            json!({"confirm": "yes"}),
            "invalid_value",
        ),
    ] {
        let refused = json_of(&api.expect(status, method, path, &body));
        assert_eq!(refused["error"]["code"], code, "{path}");
    }
    let text = Rest::new(deployment.url());
    let refused = json_of(&text.expect(401, Method::GET, "/api/v1/users", &nothing));
    assert_eq!(refused["error"]["code"], "invalid_api_token");
    let document = deployment.rest().get("/api/v1/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
}
