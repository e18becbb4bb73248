//! Tokens of integrations.

use http::Method;
use serde_json::{Value, json};
use test_support::{Deployment, Options, json_of};

#[test]
fn tokens_are_good_for_what_they_say() {
    let deployment = Deployment::start(Options::default());
    let api = deployment.api();
    let wish = json!({"name": "reports", "scopes": ["users:read"], "expires_in": 3600});
    let made = json_of(&api.expect(201, Method::POST, "/api/v1/tokens", &wish));
    let token = made["token"].as_str().expect("a token");
    let reader = deployment.rest().with_bearer(token);
    reader.expect(200, Method::GET, "/api/v1/users", &Value::Null);
    let user = json!({"login": "x", "password": "y"});
    let refused = json_of(&reader.expect(403, Method::POST, "/api/v1/users", &user));
    assert_eq!(refused["error"]["code"], "forbidden");
    let id = made["info"]["id"].as_str().expect("an id");
    api.expect(
        204,
        Method::DELETE,
        &format!("/api/v1/tokens/{id}"),
        &Value::Null,
    );
    let refused = reader.expect(401, Method::GET, "/api/v1/users", &Value::Null);
    assert_eq!(
        refused.headers()["www-authenticate"],
        r#"Bearer realm="RhoSync""#
    );
    api.expect(204, Method::POST, "/api/v1/logout", &Value::Null);
    api.expect(401, Method::GET, "/api/v1/users", &Value::Null);
}
