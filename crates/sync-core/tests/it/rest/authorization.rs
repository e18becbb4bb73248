//! How the server proves who it is.

use std::time::Duration;

use serde_json::json;
use sync_core::StorePorts as _;
use test_support::local;

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
