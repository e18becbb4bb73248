//! How the server proves who it is.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use sync_core::{Clock as _, Origin, PullRequest, Session, StorePorts as _, UserChange};
use test_support::{ScriptedHttp, TestRedis, local};

use super::World;

const OAUTH2: &str = r#"
authorization = { oauth2 = { token_url = "http://id/token", client_id = "me", client_secret = "s3cret", scope = "read write" } }
"#;

#[test]
fn a_key_stands_in_a_header_or_a_parameter_that_devices_cannot_set() {
    local(async {
        for (settings, asked) in [
            (
                "authorization = { api_key = { header = \"X-Tenant\", value = \"k&1\" } }",
                "GET http://crm/products?key=eve x-tenant=k&1",
            ),
            (
                "authorization = { api_key = { parameter = \"key\", value = \"k&1\" } }",
                "GET http://crm/products?key=k%261",
            ),
        ] {
            let world = World::start(settings).await;
            world.answer(200, &[], "[]");
            world
                .pull_with("", &[("key".to_owned(), "eve".to_owned())])
                .await;
            assert_eq!(world.asked(), [asked]);
        }
    });
}

#[test]
fn a_token_is_asked_for_once_and_again_when_it_is_too_old_or_not_accepted() {
    local(async {
        let world = World::start(OAUTH2).await;
        let token = "POST http://id/token authorization=Basic bWU6czNjcmV0 grant_type=client_credentials&scope=read+write";
        let get = |token: &str| format!("GET http://crm/products authorization=Bearer {token}");
        world.answer(
            200,
            &[],
            r#"{"access_token":"t1","token_type":"bearer","expires_in":60}"#,
        );
        world.answer(200, &[], "[]");
        world.pull("").await;
        assert_eq!(world.asked(), [token.to_owned(), get("t1")]);
        world.answer(200, &[], "[]");
        world.pull("").await;
        assert_eq!(world.asked(), [get("t1")]);
        world
            .engine
            .ports()
            .clock()
            .advance(Duration::from_secs(51));
        world.answer(200, &[], r#"{"access_token":"t2","expires_in":3600}"#);
        world.answer(200, &[], "[]");
        world.pull("").await;
        assert_eq!(world.asked(), [token.to_owned(), get("t2")]);
        // Revoked before its time: another, once.
        world.answer(401, &[], "");
        world.answer(200, &[], r#"{"access_token":"t3"}"#);
        world.answer(401, &[], r#"{"message":"no"}"#);
        let told = world.pull("").await;
        assert_eq!(world.asked(), [get("t2"), token.to_owned(), get("t3")]);
        assert_eq!(told[5]["source-error"]["login-error"]["message"], "no");
    });
}

#[test]
fn a_refresh_token_and_credentials_in_the_body_are_sent_where_they_are_declared() {
    local(async {
        let world = World::start(
            r#"authorization = { oauth2 = { token_url = "http://id/token", client_id = "me", client_secret = "s", refresh_token = "r/1", credentials = "body" } }"#,
        )
        .await;
        world.answer(200, &[], r#"{"access_token":"t1"}"#);
        world.answer(200, &[], "[]");
        world.pull("").await;
        assert_eq!(
            world.asked()[0],
            "POST http://id/token grant_type=refresh_token&refresh_token=r%2F1&client_id=me&client_secret=s"
        );
    });
}

const ROTATING: &str = r#"
authorization = { oauth2 = { token_url = "http://id/token", client_id = "me", client_secret = "s3cret", refresh_token = "r1" } }
"#;

/// How a token is asked for by a refresh token.
fn shown(refresh_token: &str) -> String {
    format!(
        "POST http://id/token authorization=Basic bWU6czNjcmV0 grant_type=refresh_token&refresh_token={refresh_token}"
    )
}

/// A source of which every user has a copy of its own.
fn source_of_users(rest: &str) -> String {
    format!(
        "[sources.Product]\nadapter = \"rest\"\npoll_interval = 0\n[sources.Product.rest]\nurl = \"http://crm/products\"\n{rest}"
    )
}

/// Two instances on one store.
async fn instances() -> [World; 2] {
    let text = source_of_users(ROTATING);
    let one = World::start_on(Rc::new(TestRedis::start()), &text, "u1", 1).await;
    let other = one.another(&text).await;
    [one, other]
}

fn get(token: &str) -> String {
    format!("GET http://crm/products authorization=Bearer {token}")
}

#[test]
fn a_new_refresh_token_takes_the_place_of_the_old_one_in_every_instance() {
    local(async {
        let [one, other] = instances().await;
        let given = r#"{"access_token":"t1","expires_in":60,"refresh_token":"r2"}"#;
        one.answer(200, &[], given);
        one.answer(200, &[], "[]");
        one.pull("").await;
        assert_eq!(one.asked(), [shown("r1"), get("t1")]);
        // The other has what this one was given.
        other.answer(200, &[], "[]");
        other.pull("").await;
        assert_eq!(other.asked(), [get("t1")]);
        for world in [&one, &other] {
            let clock = world.engine.ports().clock();
            clock.advance(Duration::from_secs(51));
        }
        // Where no other is given, the old one is good again.
        other.answer(200, &[], r#"{"access_token":"t2","expires_in":60}"#);
        other.answer(200, &[], "[]");
        other.pull("").await;
        assert_eq!(other.asked(), [shown("r2"), get("t2")]);
        // Revoked before its time.
        one.answer(401, &[], "");
        let given = r#"{"access_token":"t3","expires_in":60,"refresh_token":"r3"}"#;
        one.answer(200, &[], given);
        one.answer(200, &[], "[]");
        one.pull("").await;
        assert_eq!(one.asked(), [get("t2"), shown("r2"), get("t3")]);
        let keys = one.redis.tell("KEYS rhosync:1:grant:*");
        let key = keys.lines().find(|line| line.starts_with("rhosync"));
        let kept = one.redis.tell(&format!("GET {}", key.expect("a grant")));
        for secret in ["access", "t3", "r3"] {
            let encoded = BASE64.encode(secret);
            assert!(!kept.contains(&format!("\"{secret}\"")), "{kept}");
            assert!(!kept.contains(encoded.trim_end_matches('=')), "{kept}");
        }
    });
}

#[test]
fn instances_that_need_a_token_at_once_show_the_refresh_token_once() {
    local(async {
        let [one, other] = instances().await;
        let given = r#"{"access_token":"t1","expires_in":60,"refresh_token":"r2"}"#;
        for world in [&one, &other] {
            world.answer(200, &[], given);
            world.answer(200, &[], "[]");
        }
        futures_util::join!(one.pull(""), other.pull(""));
        let asked = [one.asked(), other.asked()].concat();
        let shown: Vec<_> = asked.iter().filter(|it| it.starts_with("POST")).collect();
        assert_eq!(shown.len(), 1, "{asked:?}");
        // Whoever did not show it has the other's token, and its own script is one answer longer.
        let used = asked.iter().filter(|line| **line == get("t1"));
        assert_eq!(used.count(), 2, "{asked:?}");
    });
}

#[test]
fn an_authorization_server_that_does_not_answer_keeps_nobody_from_asking_again() {
    local(async {
        let [one, other] = instances().await;
        one.pull("").await;
        assert_eq!(one.asked(), [shown("r1")]);
        other.answer(200, &[], r#"{"access_token":"t1"}"#);
        other.answer(200, &[], "[]");
        other.pull("").await;
        assert_eq!(other.asked(), [shown("r1"), get("t1")]);
    });
}

#[test]
fn a_back_end_is_shown_the_password_with_which_the_user_has_signed_in() {
    local(async {
        let text = source_of_users(r#"authorization = { user = "basic" }"#);
        let one = World::start_on(Rc::new(TestRedis::start()), &text, "u1", 1).await;
        let other = one.another(&text).await;
        let shown = |proof: &str| {
            let proof = BASE64.encode(proof);
            format!("GET http://crm/products authorization=Basic {proof}")
        };
        for (world, proof) in [(&one, "u1:password"), (&other, "u2:password")] {
            world.answer(200, &[], "[]");
            world.pull("").await;
            assert_eq!(world.asked(), [shown(proof)]);
        }
        one.answer(401, &[], r#"{"message":"your password has expired"}"#);
        let told = one.pull("").await;
        let said = &told[5]["source-error"]["login-error"]["message"];
        assert_eq!(said, "your password has expired");
        let kept = one.redis.tell("HGETALL rhosync:1:user:u1");
        for secret in ["password", "u1:password"] {
            let encoded = BASE64.encode(secret);
            assert!(!kept.contains(secret) && !kept.contains(encoded.trim_end_matches('=')));
        }
        // What was typed in before is not shown any more.
        let accounts = one.engine.accounts();
        let change = UserChange {
            password: Some("another".to_owned()),
            ..UserChange::default()
        };
        accounts.update_user("u1", change).await.expect("the user");
        let kept = one.redis.tell("HGET rhosync:1:user:u1 cred");
        assert_eq!(kept.trim(), "$-1");
    });
}

#[test]
fn a_back_end_is_shown_the_token_that_came_with_the_login() {
    local(async {
        let source = source_of_users(r#"authorization = { user = "bearer" }"#);
        let text =
            format!("[authentication]\nmethod = \"back-end\"\nurl = \"http://users\"\n{source}");
        let redis = TestRedis::start();
        let engine = test_support::engine::<ScriptedHttp>(&redis, &text, 1).await;
        let log_in = async |said: &str| {
            engine.ports().http.answer(200, &[], said);
            let accounts = engine.accounts();
            let session = accounts.log_in("anna", "password", Origin("test")).await;
            let now = engine.ports().clock().now();
            let session = accounts
                .sessions()
                .verify(&session.expect("a session"), now);
            let session = session.expect("to be our own");
            let client = engine.create_client(&session, &Default::default()).await;
            let client = client.expect("a client").into_string();
            engine.ports().http.asked();
            (session, client)
        };
        let pull = async |(session, client): &(Session, String)| {
            let request = PullRequest {
                client,
                source: "Product",
                token: None,
                page_size: 100,
                parameters: &[],
                trace: None,
            };
            let page = engine.pull(session, request).await.expect("a page");
            serde_json::to_value(page).expect("JSON")
        };
        let device = log_in(r#"{"login":"u.1","access_token":"t0k3n"}"#).await;
        engine.ports().http.answer(200, &[], "[]");
        pull(&device).await;
        let asked = engine.ports().http.asked();
        assert_eq!(asked[0].headers()["authorization"], "Bearer t0k3n");
        // A back end that gives no token any more.
        let device = log_in("u.1").await;
        let told = pull(&device).await;
        let said = told[5]["source-error"]["login-error"]["message"].to_string();
        assert!(said.contains("sign in again"), "{told}");
        assert_eq!(engine.ports().http.asked().len(), 0);
    });
}

#[test]
fn no_secret_is_told_whatever_the_authorization_server_says() {
    local(async {
        let world = World::start(OAUTH2).await;
        for (status, body, said) in [
            (
                400,
                r#"{"error":"invalid_client","error_description":"s3cret is wrong"}"#,
                "invalid_client",
            ),
            (403, "<html>s3cret</html>", "403 Forbidden"),
            (200, r#"{"token":"s3cret"}"#, "not a token"),
            (503, "s3cret", "503 Service Unavailable"),
        ] {
            world.answer(status, &[], body);
            let told = world.pull("").await;
            let error = told[5]["source-error"].to_string();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
            let asked = world.asked();
            assert_eq!(asked.len(), 1, "{asked:?}");
        }
        let settings = format!("{:?}", world.engine.settings());
        assert!(!settings.contains("s3cret"), "{settings}");
        assert_eq!(json!(settings.contains("token_url")), json!(true));
    });
}
