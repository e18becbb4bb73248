//! The calls of devices and scripts of RhoSync.

use http::Method;
use serde_json::{Value, json};
use test_support::{ADMIN_PASSWORD, Deployment, Options, json_of, password_of};

#[test]
fn devices_and_scripts_of_rhosync_are_served() {
    let deployment = Deployment::start(Options::default());
    deployment.create_user("ann");
    let plain = deployment.rest();
    let login = json!({"login": "ann", "password": password_of("ann"), "rememberme": 1});
    let answer = plain.expect(200, Method::POST, "/api/application/clientlogin", &login);
    assert_eq!(
        answer.headers()["warning"],
        "Use of the POST /api/application/clientlogin is deprecated. Use Rhoconnect API v1 instead."
    );
    let session = json_of(&answer)["rhosync_session"]
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
    plain.expect(
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
    let old = plain.expect(
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
    let unnamed = plain.expect(500, Method::GET, &unnamed, &Value::Null);
    assert_eq!(unnamed.body().as_ref(), b"Unknown source");

    let admin = json!({"login": "rhoadmin", "password": ADMIN_PASSWORD});
    let token = plain.expect(200, Method::POST, "/api/admin/login", &admin);
    let token = String::from_utf8_lossy(token.body()).into_owned();
    let call = |name: &str, mut body: Value| {
        body["api_token"] = json!(token);
        let answer = plain.expect(200, Method::POST, name, &body);
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
    let refused = plain.expect(
        422,
        Method::POST,
        "/api/list_users",
        &json!({"api_token": "x"}),
    );
    assert_eq!(refused.body().as_ref(), b"No API token provided");
    assert_eq!(call("/api/admin/reset", json!({})), "DB reset");
    assert_eq!(call("/api/list_users", json!({})), "[]");
}
