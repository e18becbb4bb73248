//! The first start of a server for which no administrator's password is configured.

use http::Method;
use serde_json::json;
use test_support::{Deployment, Options, json_of};

/// Where the log says that a password was made.
const MADE: &str = "so one was made: ";

#[test]
fn the_log_says_the_password_before_anybody_signs_in_and_only_once() {
    let mut deployment = Deployment::start(Options {
        admin_password: "",
        ..Options::default()
    });
    let is_ready = |deployment: &Deployment| {
        let answer = deployment.rest().send(Method::GET, "/ready", "");
        assert_eq!(answer.status(), 200);
    };
    is_ready(&deployment);
    let log = deployment.host_log();
    let (_, rest) = log.split_once(MADE).expect("a password in the log");
    let password: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();

    let login = json!({"login": "rhoadmin", "password": password});
    let answer = deployment
        .rest()
        .expect(201, Method::POST, "/api/v1/login", &login);
    let token = json_of(&answer)["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let session = deployment.rest().with_bearer(&token).get("/api/v1/session");
    assert_eq!(session["initial_password"], true, "{session}");

    deployment.kill_host();
    deployment.start_host();
    is_ready(&deployment);
    assert_eq!(deployment.host_log().matches(MADE).count(), 1);
}
