//! Signing in with a back end or an identity provider, over real HTTP.

use std::time::{SystemTime, UNIX_EPOCH};

use http::Method;
use serde_json::{Value, json};
use test_support::{Deployment, Options, Rest, TokenKey, text_of};

const SETTINGS: &str = r#"
[authentication]
method = "back-end"
url = { variable = "plugin_url" }

[authentication.jwt]
issuer = "https://id.example"
audience = "rhosync"
jwks_url = { variable = "identity_url", path = "/keys" }
"#;

/// A token of a user that ends after so many seconds.
fn token(key: &TokenKey, user: &str, lifetime: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let exp = now.expect("a time").as_secs() + lifetime;
    key.sign(&json!({"iss": "https://id.example", "aud": "rhosync", "sub": user, "exp": exp}))
}

fn start() -> Deployment {
    Deployment::start(Options {
        settings: SETTINGS,
        ..Options::default()
    })
}

fn status(rest: &Rest, method: Method, path: &str, body: &Value) -> (u16, String) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = rest.send(method, path, body);
    (answer.status().as_u16(), text_of(&answer))
}

#[test]
fn a_back_end_lets_users_in() {
    let deployment = start();
    let control = deployment.plugin().control();
    let login = json!({"password": "ok", "body": "dynuser"});
    control.call(Method::PUT, "/logins/bob", Some(&login));
    let rest = deployment.rest();
    let right = json!({"login": "bob", "password": "ok"});
    for path in ["/rc/v1/app/login", "/application/clientlogin"] {
        assert_eq!(status(&rest, Method::POST, path, &right).0, 200, "{path}");
    }
    let wrong = json!({"login": "bob", "password": "no"});
    assert_eq!(
        status(&rest, Method::POST, "/rc/v1/app/login", &wrong),
        (401, "401 Unauthorized".to_owned())
    );
    control.call(Method::PUT, "/logins/bob", Some(&json!({"status": 500})));
    assert_eq!(
        status(&rest, Method::POST, "/rc/v1/app/login", &right),
        (500, "500 Internal Server Error".to_owned())
    );
    let users = deployment.admin().rest().get("/rc/v1/users");
    assert_eq!(users, json!(["dynuser"]));
}

#[test]
fn devices_come_with_tokens_of_an_identity_provider() {
    let deployment = start();
    let control = deployment.plugin().control();
    let (old, new) = (TokenKey::elliptic("k1"), TokenKey::elliptic("k2"));
    let with = |token: &str| deployment.rest().with_bearer(token);
    let anna = with(&token(&old, "anna", 600));
    let create = |rest: &Rest| status(rest, Method::POST, "/rc/v1/clients", &Value::Null).0;
    assert_eq!(create(&anna), 503, "the provider is away, so nobody knows");
    // As if the half minute had passed in which nobody asks again.
    let forget_turn = || deployment.forget_keys("*key-set-turn*");
    forget_turn();
    control.call(Method::PUT, "/keys", Some(&json!({"keys": [old.public()]})));
    assert_eq!(create(&anna), 200);
    assert_eq!(create(&with(&token(&old, "anna", 0))), 200, "clocks differ");
    assert_eq!(create(&with("a.b.c")), 401);
    assert_eq!(create(&Rest::new(deployment.url())), 401);

    let client = anna.get("/application/clientcreate");
    let client = client["client"]["client_id"].as_str().expect("an id");
    let query = format!("client_id={client}&source_name=Note&version=3");
    let push = json!({"create": {"t1": {"text": "mine"}}});
    let pushed = status(&anna, Method::POST, &format!("/application?{query}"), &push);
    assert_eq!(pushed.0, 200, "{}", pushed.1);
    let page = anna.get(&format!("/app/v1/Note?client_id={client}"));
    assert!(page[5]["links"]["t1"].is_object(), "{page}");
    let strangers = with(&token(&old, "ben", 600));
    let page = strangers.get(&format!("/app/v1/Note?client_id={client}"));
    assert_eq!(page[5], json!({}), "it is his now, and she had hers");

    forget_turn();
    control.call(Method::PUT, "/keys", Some(&json!({"keys": [new.public()]})));
    assert_eq!(create(&with(&token(&new, "carl", 600))), 200, "a new key");
    control.call(Method::DELETE, "/keys", None);
    assert_eq!(
        create(&with(&token(&new, "dora", 600))),
        200,
        "keys are kept"
    );
}
