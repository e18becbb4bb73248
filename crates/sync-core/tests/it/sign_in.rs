//! Who may sign in where others know the users: a back end, an identity provider.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a world that cannot be made is a failed test"
)]

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use sha2::Sha256;
use sync_core::{
    ADMINISTRATOR, AccountError, Clock as _, Engine, NoBackEnds, Origin, Ports as _,
    RedisConn as _, RedisValue, Secret, Session, SessionKey, SettingsFile, StorePorts as _,
};
use test_support::{
    ENGINE_PASSWORD, ScriptedHttp, TestPorts, TestRedis, TokenKey, local, unsigned,
};

const BACK_END: &str = r#"
    [authentication]
    method = "back-end"
    url = "http://crm"
"#;

const PROVIDER: &str = r#"
    [authentication.jwt]
    issuer = "https://id.example"
    audience = "rhosync"
    jwks_url = "https://id.example/keys"
"#;

type TestEngine = Engine<TestPorts<ScriptedHttp>>;

async fn engine(redis: &TestRedis, settings: &str) -> TestEngine {
    test_support::engine(redis, settings, 1).await
}

fn answer(engine: &TestEngine, status: u16, body: &str) {
    engine.ports().http().answer(status, &[], body);
}

async fn users(engine: &TestEngine) -> Vec<String> {
    engine.accounts().list_users(None, 100).await.unwrap()
}

/// Whether the engine takes the session for a user's.
async fn is_good(engine: &TestEngine, session: &Session) -> bool {
    engine
        .create_client(session, &Default::default())
        .await
        .is_ok()
}

#[test]
fn a_back_end_says_who_may_sign_in() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, BACK_END).await;
        let log_in = |name| engine.accounts().log_in(name, "ok", Origin("test"));
        answer(&engine, 200, "");
        log_in("bob").await.unwrap();
        answer(&engine, 200, "dynuser");
        let session = log_in("bob").await.unwrap();
        assert_eq!(users(&engine).await, ["bob", "dynuser"]);
        let now = engine.ports().clock().now();
        let session = engine.accounts().sessions().verify(&session, now).unwrap();
        assert!(is_good(&engine, &session).await);

        answer(&engine, 401, "locked until noon");
        let refused = log_in("carl").await.unwrap_err();
        assert!(
            matches!(&refused, AccountError::LoginRefused { message } if message == "locked until noon"),
            "{refused:?}"
        );
        answer(&engine, 500, "trace");
        let broken = log_in("carl").await.unwrap_err();
        assert!(
            matches!(broken, AccountError::LoginUnavailable { .. }),
            "{broken:?}"
        );
        let silent = log_in("carl").await.unwrap_err();
        assert!(
            matches!(silent, AccountError::LoginUnavailable { .. }),
            "{silent:?}"
        );
        assert_eq!(users(&engine).await, ["bob", "dynuser"]);
    });
}

#[test]
fn a_back_end_makes_nobody_the_administrator_and_knows_nothing_of_his_password() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, BACK_END).await;
        answer(&engine, 200, ADMINISTRATOR);
        let refused = engine.accounts().log_in("bob", "ok", Origin("test")).await;
        assert!(matches!(refused, Err(AccountError::LoginFailed { .. })));
        engine.ports().http().asked();
        let refused = engine
            .accounts()
            .log_in(ADMINISTRATOR, ENGINE_PASSWORD, Origin("test"))
            .await;
        assert!(matches!(refused, Err(AccountError::LoginFailed { .. })));
        engine
            .accounts()
            .log_in_administrator(ADMINISTRATOR, ENGINE_PASSWORD, Origin("test"))
            .await
            .unwrap();
        assert!(engine.ports().http().asked().is_empty());
    });
}

#[test]
fn guesses_at_a_back_ends_passwords_are_limited_too() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, BACK_END).await;
        for _ in 0..10 {
            answer(&engine, 401, "no");
            let refused = engine
                .accounts()
                .log_in("bob", "guess", Origin("test"))
                .await;
            assert!(matches!(refused, Err(AccountError::LoginRefused { .. })));
        }
        let stopped = engine
            .accounts()
            .log_in("bob", "guess", Origin("test"))
            .await;
        assert!(matches!(stopped, Err(AccountError::TooManyAttempts { .. })));
        assert_eq!(engine.ports().http().asked().len(), 10);
    });
}

/// A key of the provider's.
fn rsa(id: &str) -> TokenKey {
    TokenKey::rsa_of(id, include_str!("push_services/service_account.pem"))
}

fn key_set(keys: &[&TokenKey]) -> String {
    let mut keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
    keys.push(json!({"kty": "carrier-pigeon", "kid": "p"}));
    json!({"keys": keys}).to_string()
}

fn seconds(engine: &TestEngine) -> u64 {
    engine.ports().clock().now().0 / 1_000
}

/// Claims of a token that is good for an hour, with some others.
fn claims(engine: &TestEngine, other: Value) -> Value {
    let mut claims = json!({
        "iss": "https://id.example",
        "aud": ["rhosync", "other"],
        "sub": "anna",
        "exp": seconds(engine) + 3_600,
    });
    for (name, value) in other.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[test]
fn a_token_of_the_provider_is_as_good_as_a_session() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, PROVIDER).await;
        let (ec, rsa) = (TokenKey::elliptic("e1"), rsa("r1"));
        answer(&engine, 200, &key_set(&[&ec, &rsa]));
        for (key, user) in [(&ec, "anna"), (&rsa, "ben")] {
            let token = key.sign(&claims(&engine, json!({"sub": user})));
            let session = engine.accounts().session_of_token(&token).await.unwrap();
            assert!(is_good(&engine, &session).await);
        }
        assert_eq!(users(&engine).await, ["anna", "ben"]);
        assert_eq!(engine.ports().http().asked().len(), 1, "keys are kept");
    });
}

#[test]
fn tokens_that_are_not_good_let_nobody_in() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, PROVIDER).await;
        let (ec, rsa) = (TokenKey::elliptic("e1"), rsa("r1"));
        answer(&engine, 200, &key_set(&[&ec, &rsa]));
        let now = seconds(&engine);
        let with = |other| ec.sign(&claims(&engine, other));
        let all = claims(&engine, json!({}));
        let shared = unsigned(&json!({"alg": "HS256", "kid": "r1"}), &all);
        let secret = include_bytes!("push_services/service_account.pub.pem");
        let secret = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        let signature = secret.chain_update(&shared).finalize().into_bytes();
        let shared = format!("{shared}.{}", BASE64.encode(signature));
        let good = with(json!({}));
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let payload = signed.split('.').nth(1).unwrap();
        let mislabelled = TokenKey::elliptic("r1");
        let cases = [
            ("no claim of time", with(json!({"exp": null}))),
            ("ended", with(json!({"exp": now - 61}))),
            ("not begun", with(json!({"nbf": now + 61}))),
            ("a beginning that is none", with(json!({"nbf": "now"}))),
            (
                "another issuer",
                with(json!({"iss": "https://evil.example"})),
            ),
            ("no issuer", with(json!({"iss": null}))),
            ("for others", with(json!({"aud": "other"}))),
            ("for nobody", with(json!({"aud": null}))),
            ("no user", with(json!({"sub": null}))),
            ("a user that is a number", with(json!({"sub": 7}))),
            ("a user that is no name", with(json!({"sub": "a\nb"}))),
            ("the administrator", with(json!({"sub": ADMINISTRATOR}))),
            ("a shared secret", shared),
            ("no algorithm", format!("eyJhbGciOiJub25lIn0.{payload}.")),
            ("no signature", format!("{signed}.")),
            ("half a signature", format!("{signed}.{}", &signature[..40])),
            ("another key's id", mislabelled.sign(&all)),
            ("nothing", String::new()),
            ("dots", "..".to_owned()),
            ("huge", "x".repeat(100_000)),
        ];
        for (what, token) in cases {
            let refused = engine.accounts().session_of_token(&token).await;
            assert!(
                matches!(refused, Err(AccountError::NotAuthenticated)),
                "{what}: {:?}",
                refused.map(|_| ())
            );
        }
        assert!(engine.accounts().session_of_token(&good).await.is_ok());
        let late = with(json!({"exp": now - 59, "nbf": now + 59}));
        assert!(
            engine.accounts().session_of_token(&late).await.is_ok(),
            "clocks differ"
        );
        assert_eq!(users(&engine).await, ["anna"]);
    });
}

#[test]
fn a_token_ends_also_where_it_is_remembered() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, PROVIDER).await;
        let key = TokenKey::elliptic("e1");
        answer(&engine, 200, &key_set(&[&key]));
        let token = key.sign(&claims(&engine, json!({"exp": seconds(&engine) + 10})));
        assert!(engine.accounts().session_of_token(&token).await.is_ok());
        engine.ports().clock().advance(Duration::from_secs(70));
        assert!(engine.accounts().session_of_token(&token).await.is_err());
    });
}

#[test]
fn a_deleted_user_comes_back_with_nothing() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, PROVIDER).await;
        let key = TokenKey::elliptic("e1");
        answer(&engine, 200, &key_set(&[&key]));
        let token = key.sign(&claims(&engine, json!({})));
        let session = engine.accounts().session_of_token(&token).await.unwrap();
        assert!(is_good(&engine, &session).await);
        engine.delete_user("anna").await.unwrap();
        let session = engine.accounts().session_of_token(&token).await.unwrap();
        assert!(!is_good(&engine, &session).await, "its sessions have ended");
        let session = engine.accounts().session_of_token(&token).await.unwrap();
        assert!(
            is_good(&engine, &session).await,
            "the provider still knows her"
        );
        let clients = engine.list_clients("anna", None, 10).await.unwrap();
        assert_eq!(clients.len(), 1);
    });
}

#[test]
fn a_new_key_is_looked_for_once() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, PROVIDER).await;
        let (old, new) = (TokenKey::elliptic("e1"), rsa("r2"));
        let all = claims(&engine, json!({}));
        answer(&engine, 200, &key_set(&[&old]));
        assert!(
            engine
                .accounts()
                .session_of_token(&old.sign(&all))
                .await
                .is_ok()
        );
        redis_forgets_the_turn(&redis).await;
        answer(&engine, 200, &key_set(&[&new]));
        assert!(
            engine
                .accounts()
                .session_of_token(&new.sign(&all))
                .await
                .is_ok()
        );
        assert_eq!(engine.ports().http().asked().len(), 2);
        for id in ["x1", "x2", "x3"] {
            let unknown = rsa(id);
            let refused = engine
                .accounts()
                .session_of_token(&unknown.sign(&all))
                .await;
            assert!(matches!(refused, Err(AccountError::NotAuthenticated)));
        }
        assert_eq!(
            engine.ports().http().asked().len(),
            0,
            "not for each of them"
        );
    });
}

#[test]
fn keys_are_used_on_while_the_provider_is_away_and_by_all_instances() {
    local(async {
        let redis = TestRedis::start();
        let first = engine(&redis, PROVIDER).await;
        let key = TokenKey::elliptic("e1");
        answer(&first, 200, &key_set(&[&key]));
        let token = key.sign(&claims(&first, json!({"exp": 99_999_999_999_u64})));
        assert!(first.accounts().session_of_token(&token).await.is_ok());

        let second = engine(&redis, PROVIDER).await;
        second.ports().clock().advance(Duration::from_secs(660));
        redis_forgets_the_turn(&redis).await;
        assert!(second.accounts().session_of_token(&token).await.is_ok());
        assert_eq!(second.ports().http().asked().len(), 1, "it was tried");
        let unknown = TokenKey::elliptic("x");
        let refused = second
            .accounts()
            .session_of_token(&unknown.sign(&claims(&second, json!({}))))
            .await;
        assert!(
            matches!(refused, Err(AccountError::KeysPending)),
            "who knows"
        );
    });
}

#[test]
fn without_a_provider_no_token_is_good_and_without_its_keys_nobody_knows() {
    local(async {
        let redis = TestRedis::start();
        let key = TokenKey::elliptic("e1");
        let none = engine(&redis, "").await;
        let token = key.sign(&claims(&none, json!({})));
        assert!(!none.accounts().takes_tokens());
        let refused = none.accounts().session_of_token(&token).await;
        assert!(matches!(refused, Err(AccountError::NotAuthenticated)));
        for (status, body) in [(500, ""), (200, "<html>"), (302, "")] {
            let engine = engine(&redis, PROVIDER).await;
            redis_forgets_the_turn(&redis).await;
            answer(&engine, status, body);
            let unknown = engine.accounts().session_of_token(&token).await;
            assert!(matches!(unknown, Err(AccountError::KeysUnavailable { .. })));
        }
    });
}

/// Half a minute passes for the store.
async fn redis_forgets_the_turn(redis: &TestRedis) {
    let mut redis = redis::Client::open(redis.url())
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let turns: Vec<String> = redis.keys("*key-set-turn*").await.unwrap();
    for turn in turns {
        let () = redis.del(turn).await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is sent for a token: only what the provider has signed, as it has signed it, lets anybody in.
    #[test]
    fn tokens_of_any_form_are_refused(
        texts in prop::collection::vec("[ -~]{0,80}|[A-Za-z0-9_-]{1,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}", 1..20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        local(async {
            let redis = TestRedis::start();
            let engine = engine(&redis, PROVIDER).await;
            let key = TokenKey::elliptic("e1");
            answer(&engine, 200, &key_set(&[&key]));
            let good = key.sign(&claims(&engine, json!({})));
            let changed = changes.into_iter().map(|(at, byte)| {
                let mut token = good.clone().into_bytes();
                let at = at.index(token.len());
                token[at] = byte & 0x7f;
                String::from_utf8(token).unwrap()
            });
            for token in texts.into_iter().chain(changed) {
                let session = engine.accounts().session_of_token(&token).await;
                assert_eq!(session.is_ok(), token == good, "{token}");
            }
        });
    }
}

/// What a password is known again by, with the key of the engines of tests.
fn digest(user: &str, hash: &str, password: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"test").unwrap();
    mac.update(b"password:");
    mac.update(json!([user, hash, password]).to_string().as_bytes());
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
}

#[test]
fn a_password_that_was_right_lately_is_known_again_without_its_hash() {
    local(async {
        let redis = TestRedis::start();
        let engine = engine(&redis, "").await;
        let log_in = async |password: &str| {
            let accounts = engine.accounts();
            accounts
                .log_in("u1", password, Origin("phone"))
                .await
                .is_ok()
        };
        let run = async |command: &[&str]| -> Vec<RedisValue> {
            let command = command.iter().map(|part| part.as_bytes().to_vec());
            engine.ports().redis.run(command.collect()).await.unwrap()
        };
        let remembered = "rhosync:1:remembered-password:u1";
        engine.accounts().create_user("u1", "right").await.unwrap();
        assert!(!log_in("wrong").await);
        assert_eq!(run(&["EXISTS", remembered]).await, [RedisValue::Int(0)]);
        assert!(log_in("right").await && log_in("right").await);
        let [RedisValue::Int(left)] = run(&["TTL", remembered]).await[..] else {
            panic!("no time");
        };
        assert!((1..=300).contains(&left), "{left}");
        assert!(!log_in("wrong").await);

        // A hash that fits no password: only what is remembered can let somebody in.
        run(&["HSET", "rhosync:1:user:u1", "pw", "nothing fits"]).await;
        assert!(
            !log_in("right").await,
            "it was remembered with another hash"
        );
        run(&["SET", remembered, &digest("u1", "nothing fits", "right")]).await;
        assert!(log_in("right").await && !log_in("wrong").await);

        let off = self::engine(&redis, "[authentication]\nremembered_seconds = 0").await;
        let refused = off.accounts().log_in("u1", "right", Origin("phone")).await;
        assert!(refused.is_err(), "it is switched off");
    });
}

#[test]
fn no_password_is_remembered_with_a_key_that_lies_beside_its_hash() {
    local(async {
        let redis = TestRedis::start();
        let ports = Rc::new(TestPorts::<ScriptedHttp>::to(&redis, 1).await);
        let key = SessionKey::load(&*ports, &Secret::new("")).await.unwrap();
        let settings = SettingsFile::parse("rhosync.toml", "").unwrap();
        let settings = settings.resolve(|_| None).unwrap();
        let password = Secret::new(ENGINE_PASSWORD);
        let engine = Engine::new(ports, settings, Rc::new(NoBackEnds), key, password).unwrap();
        engine.accounts().create_user("u1", "right").await.unwrap();
        let logged_in = engine
            .accounts()
            .log_in("u1", "right", Origin("phone"))
            .await;
        assert!(logged_in.is_ok());
        let exists = ["EXISTS", "rhosync:1:remembered-password:u1"];
        let exists = exists.map(|part| part.as_bytes().to_vec()).to_vec();
        let exists = engine.ports().redis.run(exists).await.unwrap();
        assert_eq!(exists, [RedisValue::Int(0)]);
    });
}

#[test]
fn nothing_that_users_sign_in_with_is_kept_with_a_key_that_lies_beside_it() {
    const AS_USER: &str = r#"
        [sources.Product]
        adapter = "rest"
        [sources.Product.rest]
        url = "http://crm/products"
        authorization = { user = "basic" }
    "#;
    local(async {
        let redis = TestRedis::start();
        let ports = Rc::new(TestPorts::<ScriptedHttp>::to(&redis, 1).await);
        let key = SessionKey::load(&*ports, &Secret::new("")).await.unwrap();
        let settings = SettingsFile::parse("rhosync.toml", AS_USER).unwrap();
        let settings = settings.resolve(|_| None).unwrap();
        let password = Secret::new(ENGINE_PASSWORD);
        let made = Engine::new(ports, settings, Rc::new(NoBackEnds), key, password);
        let error = made.err().unwrap();
        assert_eq!(error.key, "session_secret");
        assert!(error.reason.contains("sources.Product"), "{error}");
    });
}

#[test]
fn what_a_token_says_of_its_user_counts_until_a_later_one_says_otherwise() {
    const REGIONAL: &str = r#"
        user_attributes = { region = "area" }
        [sources.Note]
        adapter = "push-only"
        partition = "{{ user.region }}"
    "#;
    local(async {
        let redis = TestRedis::start();
        let settings = format!("{PROVIDER}{REGIONAL}");
        let key = TokenKey::elliptic("e1");
        let keys = key_set(&[&key]);
        let fed = async |engine: &TestEngine, token: &str| {
            let session = engine.accounts().session_of_token(token).await.unwrap();
            let objects = serde_json::from_value(json!({"1": {"a": "1"}})).unwrap();
            let user = session.user().as_str();
            engine.feed_objects("Note", user, objects).await.unwrap();
            let copies = engine.copies_of_user(user).await.unwrap().into_iter();
            copies.map(|copy| copy.partition).collect::<Vec<_>>()
        };
        let engine = engine(&redis, &settings).await;
        answer(&engine, 200, &keys);
        let ends = seconds(&engine) + 3_600;
        let north = key.sign(&claims(&engine, json!({"area": "north"})));
        assert_eq!(fed(&engine, &north).await, ["named/north"]);
        let later = json!({"area": "south", "exp": ends + 60});
        let south = key.sign(&claims(&engine, later));
        assert_eq!(fed(&engine, &south).await, ["named/south"]);
        // Another instance has seen neither.
        let other = test_support::engine(&redis, &settings, 2).await;
        answer(&other, 200, &keys);
        assert_eq!(fed(&other, &north).await, ["named/south"]);
        // What no token says any more is not known any more.
        let nowhere = key.sign(&claims(&engine, json!({"exp": ends + 120})));
        assert_eq!(fed(&other, &nowhere).await, ["user/anna"]);
    });
}
