//! Logins and sessions that must not be accepted.

use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{Method, StatusCode};
use serde_json::json;
use sync_proto::ERROR_CODE_HEADER;
use test_support::{Deployment, Options, password_of, text_of};

use super::server::{Bad, Server};

/// Logins that may fail before the account is closed to an address for a while.
const LOGINS: usize = 10;

#[test]
fn too_many_logins_are_stopped_for_a_while() {
    let deployment = Deployment::start(Options {
        products: 0,
        ..Options::default()
    });
    deployment.create_user("anna");
    deployment.create_user("ben");
    let server = deployment.rest();
    let log_in = |user: &str, password: &str| {
        let login = json!({"login": user, "password": password});
        server.send(Method::POST, "/rc/v1/app/login", login.to_string())
    };
    for attempt in 1..=LOGINS {
        let status = log_in("anna", "wrong").status();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "attempt {attempt}");
    }
    // Now the right password does not help either.
    let answer = log_in("anna", &password_of("anna"));
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()[ERROR_CODE_HEADER], "too_many_attempts");
    assert!(!answer.headers().contains_key(SET_COOKIE));
    let seconds = answer.headers()[RETRY_AFTER].to_str().expect("a number");
    assert!((1..=300).contains(&seconds.parse::<u32>().expect("a number")));
    assert!(!text_of(&answer).is_empty());
    // Others are none the worse.
    assert_eq!(log_in("ben", &password_of("ben")).status(), StatusCode::OK);
}

#[test]
fn sessions_end_with_the_key_that_signed_them() {
    let mut server = Server::start();
    assert_eq!(server.send(&Bad::get("/app/v1/Board")).status(), 200);
    server.deployment.kill_host();
    let () = redis::cmd("DEL")
        .arg("rhosync:1:session-secret")
        .query(&mut server.deployment.redis_connection())
        .expect("to lose the key");
    server.deployment.start_host();
    let answer = server.send(&Bad::get("/app/v1/Board"));
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()[ERROR_CODE_HEADER], "not_authenticated");
    let answer = server.send(&Bad::get("/rc/v1/users"));
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
}
