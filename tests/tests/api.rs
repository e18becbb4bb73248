//! The API for new integrations, and the calls of old scripts, over real HTTP.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

use bytes::Bytes;
use http::{Method, Response};
use integration_tests::{ADMIN_PASSWORD, Deployment, Options, Rest, password_of};
use serde_json::{Value, json};

fn read(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).expect("JSON")
}

/// Sends a request whose answer must have this status.
fn expect(rest: &Rest, status: u16, method: Method, path: &str, body: &Value) -> Response<Bytes> {
    let sent = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = rest.send(method.clone(), path, sent);
    assert_eq!(
        answer.status(),
        status,
        "{method} {path} {body}: {}",
        String::from_utf8_lossy(answer.body())
    );
    answer
}

/// Logs in to the API with everything allowed.
fn log_in(deployment: &Deployment) -> Rest {
    let login = json!({"login": "rhoadmin", "password": ADMIN_PASSWORD});
    let answer = expect(
        &Rest::json(deployment.url()),
        201,
        Method::POST,
        "/api/v1/login",
        &login,
    );
    let token = read(&answer)["token"].as_str().expect("a token").to_owned();
    Rest::json(deployment.url()).with_header("authorization", &format!("Bearer {token}"))
}

#[test]
fn an_integration_manages_users_objects_and_clients() {
    let deployment = Deployment::start(Options::default());
    let api = log_in(&deployment);
    let user = json!({"login": "ann", "password": password_of("ann"), "email": "a@b.c"});
    let made = expect(&api, 201, Method::POST, "/api/v1/users", &user);
    assert_eq!(made.headers()["location"], "/api/v1/users/ann");
    assert_eq!(read(&made)["email"], "a@b.c");
    expect(&api, 409, Method::POST, "/api/v1/users", &user);
    let objects = "/api/v1/sources/Note/users/ann/objects";
    let put = json!({"attributes": {"text": "hello", "count": 3}});
    expect(&api, 200, Method::PUT, &format!("{objects}/n1"), &put);
    let patch = json!({"set": {"done": true}, "remove": ["count"]});
    let patched = expect(&api, 200, Method::PATCH, &format!("{objects}/n1"), &patch);
    assert_eq!(
        read(&patched)["attributes"],
        json!({"text": "hello", "done": "true"})
    );
    let batch = json!({"merge": {"n2": {"text": "x"}, "n3": {"text": "y"}}, "delete": ["n1"]});
    expect(&api, 204, Method::POST, objects, &batch);
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
    expect(
        &api,
        204,
        Method::DELETE,
        &format!("/api/v1/clients/{client}"),
        &Value::Null,
    );
    assert!(device.sync("Note").is_err(), "its session has ended");
    expect(&api, 204, Method::DELETE, "/api/v1/users/ann", &Value::Null);
    expect(&api, 404, Method::GET, "/api/v1/users/ann", &Value::Null);
}

#[test]
fn tokens_are_good_for_what_they_say() {
    let deployment = Deployment::start(Options::default());
    let api = log_in(&deployment);
    let wish = json!({"name": "reports", "scopes": ["users:read"], "expires_in": 3600});
    let made = read(&expect(&api, 201, Method::POST, "/api/v1/tokens", &wish));
    let token = made["token"].as_str().expect("a token");
    let reader =
        Rest::json(deployment.url()).with_header("authorization", &format!("Bearer {token}"));
    expect(&reader, 200, Method::GET, "/api/v1/users", &Value::Null);
    let user = json!({"login": "x", "password": "y"});
    let refused = read(&expect(&reader, 403, Method::POST, "/api/v1/users", &user));
    assert_eq!(refused["error"]["code"], "forbidden");
    let id = made["info"]["id"].as_str().expect("an id");
    expect(
        &api,
        204,
        Method::DELETE,
        &format!("/api/v1/tokens/{id}"),
        &Value::Null,
    );
    let refused = expect(&reader, 401, Method::GET, "/api/v1/users", &Value::Null);
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    expect(&api, 204, Method::POST, "/api/v1/logout", &Value::Null);
    expect(&api, 401, Method::GET, "/api/v1/users", &Value::Null);
}

#[test]
fn a_repeated_write_is_done_once() {
    let deployment = Deployment::start(Options::default());
    let api = log_in(&deployment).with_header("idempotency-key", "order-7");
    let user = json!({"login": "ann", "password": "p"});
    let first = expect(&api, 201, Method::POST, "/api/v1/users", &user);
    let again = expect(&api, 201, Method::POST, "/api/v1/users", &user);
    assert_eq!(first.body(), again.body());
    assert_eq!(first.headers()["location"], again.headers()["location"]);
    let token = json!({"name": "x", "scopes": ["admin"]});
    expect(&api, 400, Method::POST, "/api/v1/tokens", &token);
    let other = json!({"login": "bob", "password": "p"});
    let refused = read(&expect(&api, 422, Method::POST, "/api/v1/users", &other));
    assert_eq!(refused["error"]["code"], "idempotency_key_reused");
}

#[test]
fn errors_of_the_api_have_one_form() {
    let deployment = Deployment::start(Options::default());
    let api = log_in(&deployment);
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
        let refused = read(&expect(&api, status, method, path, &body));
        assert_eq!(refused["error"]["code"], code, "{path}");
    }
    let text = Rest::new(deployment.url());
    let refused = read(&expect(&text, 401, Method::GET, "/api/v1/users", &nothing));
    assert_eq!(refused["error"]["code"], "invalid_api_token");
    let document = Rest::json(deployment.url()).get("/api/v1/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn devices_and_scripts_of_rhosync_are_served() {
    let deployment = Deployment::start(Options::default());
    deployment.create_user("ann");
    let plain = Rest::json(deployment.url());
    let login = json!({"login": "ann", "password": password_of("ann"), "rememberme": 1});
    let answer = expect(
        &plain,
        200,
        Method::POST,
        "/api/application/clientlogin",
        &login,
    );
    assert_eq!(
        answer.headers()["warning"],
        "Use of the POST /api/application/clientlogin is deprecated. Use Rhoconnect API v1 instead."
    );
    let session = read(&answer)["rhosync_session"]
        .as_str()
        .expect("a session")
        .to_owned();
    let made = plain.get(&format!(
        "/api/application/clientcreate?rhoconnect_session={session}"
    ));
    let client = made["client"]["client_id"].as_str().expect("a client");
    assert!(made["sources"]["Note"]["poll_interval"].is_number());
    let query = format!("client_id={client}&source_name=Note&rhoconnect_session={session}");
    let push = json!({"create": {"t1": {"text": "mine"}}});
    expect(
        &plain,
        200,
        Method::POST,
        &format!("/api/application/queue_updates?{query}"),
        &push,
    );
    let page = plain.get(&format!(
        "/api/application/query?version=3&p_size=5&{query}"
    ));
    assert_eq!(page[0], json!({"version": 3}));
    assert!(page[5]["links"]["t1"]["l"].is_string(), "{page}");
    let old = expect(
        &plain,
        404,
        Method::GET,
        &format!("/api/application?version=2&{query}"),
        &Value::Null,
    );
    assert_eq!(
        old.body().as_ref(),
        b"Server supports version 3 or higher of the protocol."
    );
    let unnamed = format!("/api/application?client_id={client}&rhoconnect_session={session}");
    let unnamed = expect(&plain, 500, Method::GET, &unnamed, &Value::Null);
    assert_eq!(unnamed.body().as_ref(), b"Unknown source");

    let admin = json!({"login": "rhoadmin", "password": ADMIN_PASSWORD});
    let token = expect(&plain, 200, Method::POST, "/api/admin/login", &admin);
    let token = String::from_utf8_lossy(token.body()).into_owned();
    let call = |name: &str, mut body: Value| {
        body["api_token"] = json!(token);
        let answer = expect(&plain, 200, Method::POST, name, &body);
        String::from_utf8_lossy(answer.body()).into_owned()
    };
    assert_eq!(call("/api/user/list_users", json!({})), r#"["ann"]"#);
    assert_eq!(
        call("/api/list_clients", json!({"user_id": "ann"})),
        format!("[\"{client}\"]")
    );
    let pushed =
        json!({"source_id": "Note", "user_id": "ann", "objects": {"o1": {"text": "pushed"}}});
    assert_eq!(call("/api/source/push_objects", pushed), "done");
    let document = json!({"doc": "source:application:ann:Note:md_size"});
    assert_eq!(call("/api/source/get_db_doc", document), "2");
    assert_eq!(
        call(
            "/api/source/set_db_doc",
            json!({"doc": "mine", "data": {"a": 1}})
        ),
        ""
    );
    assert_eq!(
        call("/api/get_db_doc", json!({"doc": "mine"})),
        r#"{"a":1}"#
    );
    let refused = expect(
        &plain,
        422,
        Method::POST,
        "/api/list_users",
        &json!({"api_token": "x"}),
    );
    assert_eq!(refused.body().as_ref(), b"No API token provided");
    assert_eq!(call("/api/admin/reset", json!({})), "DB reset");
    assert_eq!(call("/api/list_users", json!({})), "[]");
}
