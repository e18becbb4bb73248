//! Users, their sessions, their clients, and what is left of them when they go.

use std::rc::Rc;
use std::time::Duration;

use futures_util::join;
use proptest::prelude::*;
use serde_json::json;
use sync_core::{
    AccountError, AdministratorChange, Engine, Expected, NoBackEnds, Order, Origin, Revision, Role,
    Scope, Secret, Session, SessionKey, SettingsFile, SourceChange, SyncError, UserChange,
};
use test_support::{NoHttp, TestPorts, TestRedis, World, local};

async fn keys(world: &World) -> Vec<String> {
    let mut keys = world.keys().await;
    keys.retain(|key| !key.contains("login-failures") && !key.contains("remembered-password"));
    keys
}

fn not_authenticated<T>(result: Result<T, SyncError>) -> bool {
    matches!(
        result,
        Err(SyncError::Account(AccountError::NotAuthenticated))
    )
}

async fn log_in_again(world: &World, user: &str, password: &str) -> Result<Session, AccountError> {
    let text = world
        .engine
        .accounts()
        .log_in(user, password, Origin("test"))
        .await?;
    let now = sync_core::Clock::now(&world.engine.ports().clock);
    world
        .engine
        .accounts()
        .sessions()
        .verify(&text, now)
        .ok_or(AccountError::NotAuthenticated)
}

#[test]
fn a_new_password_ends_every_session_and_the_client_goes_on_where_it_was() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.back_end.put("1", &[("name", "a")]);
        world.sync(&session, &client, "Shared").await;

        let change = UserChange {
            password: Some("another".to_owned()),
            ..UserChange::default()
        };
        world
            .engine
            .accounts()
            .update_user("u1", change)
            .await
            .unwrap();
        assert!(not_authenticated(
            world.pull(&session, &client, "Shared", "").await
        ));
        assert!(matches!(
            log_in_again(&world, "u1", "password").await,
            Err(AccountError::LoginFailed { .. })
        ));
        let session = log_in_again(&world, "u1", "another").await.unwrap();
        let page = world.pull(&session, &client, "Shared", "").await.unwrap();
        assert_eq!(page[5], json!({}), "no new first sync");
    });
}

#[test]
fn an_address_changes_no_session() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let change = |email: &str| UserChange {
            password: None,
            email: Some(email.to_owned()),
            ..UserChange::default()
        };
        let engine = &world.engine;
        engine
            .accounts()
            .update_user("u1", change("a@b.c"))
            .await
            .unwrap();
        let user = engine.accounts().user("u1").await.unwrap();
        assert_eq!(user.email.as_deref(), Some("a@b.c"));
        world.client(&session).await;
        for wrong in ["a\nb".to_owned(), "x".repeat(300)] {
            let refused = engine.accounts().update_user("u1", change(&wrong)).await;
            assert!(matches!(refused, Err(AccountError::InvalidEmail { .. })));
        }
        let unknown = engine
            .accounts()
            .update_user("nobody", change("a@b.c"))
            .await;
        assert!(matches!(unknown, Err(AccountError::UnknownUser { .. })));
    });
}

#[test]
fn a_deleted_user_leaves_nothing_behind() {
    local(async {
        let world = World::start().await;
        let other = world.sign_in("other").await;
        let others_client = world.client(&other).await;
        world.back_end.put("1", &[("name", "a")]);
        for source in ["Shared", "Own"] {
            world.sync(&other, &others_client, source).await;
        }
        let before = keys(&world).await;

        let session = world.sign_in("u1").await;
        for _ in 0..3 {
            let client = world.client(&session).await;
            for source in ["Shared", "Own"] {
                world.sync(&session, &client, source).await;
            }
            let create = json!({"create": {"t1": {"name": "x"}}});
            world
                .push(&session, &client, "Shared", create)
                .await
                .unwrap();
        }
        world.engine.delete_user("u1").await.unwrap();
        // That goes by itself, when the last access token has ended.
        let mut after = keys(&world).await;
        after.retain(|key| !key.ends_with(":shut-out"));
        assert_eq!(after, before);
        assert!(matches!(
            world.engine.delete_user("u1").await,
            Err(SyncError::Account(AccountError::UnknownUser { .. }))
        ));
        assert_eq!(
            world.engine.accounts().list_users(None, 10).await.unwrap(),
            ["other"]
        );
        world.sign_in("u1").await;
        assert!(not_authenticated(
            world
                .engine
                .create_client(&session, &Default::default())
                .await
        ));
    });
}

#[test]
fn a_deleted_client_is_unknown_and_its_session_has_ended() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let lost = world.client(&session).await;
        world.sync(&session, &lost, "Shared").await;
        let kept_session = log_in_again(&world, "u1", "password").await.unwrap();
        let kept = world.client(&kept_session).await;
        world.sync(&kept_session, &kept, "Shared").await;

        let engine = &world.engine;
        let listed = engine.list_clients("u1", None, 10).await.unwrap();
        assert_eq!(listed.len(), 2);
        let foreign = engine.delete_client(Some("other"), lost.as_str()).await;
        assert!(matches!(foreign, Err(SyncError::UnknownClient)));
        engine
            .delete_client(Some("u1"), lost.as_str())
            .await
            .unwrap();
        assert!(not_authenticated(
            world.pull(&session, &lost, "Shared", "").await
        ));
        assert!(matches!(
            world.pull(&kept_session, &lost, "Shared", "").await,
            Err(SyncError::UnknownClient)
        ));
        world.sync(&kept_session, &kept, "Shared").await;
        let left = keys(&world).await;
        assert!(
            left.iter().all(|key| !key.contains(lost.as_str())),
            "{left:?}"
        );
    });
}

#[test]
fn a_client_tells_what_it_is_and_syncs() {
    local(async {
        let world = World::start().await;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Pushed").await;
        let device = json!({"device_type": "Apple", "device_pin": "p"});
        let device = serde_json::from_value(device).unwrap();
        let register = world
            .engine
            .register_client(&session, client.as_str(), &device);
        register.await.unwrap();
        let details = world.engine.client(client.as_str()).await.unwrap();
        assert_eq!(details.user.as_str(), "u1");
        assert_eq!(details.description["device_type"], "Apple");
        assert_eq!(details.description.len(), 2, "{:?}", details.description);
        assert_eq!(details.sources.len(), 1);
    });
}

#[test]
fn the_administrator_is_no_device() {
    local(async {
        let world = World::start().await;
        let engine = &world.engine;
        let login =
            engine
                .accounts()
                .log_in_administrator("rhoadmin", "admin-password", Origin("test"));
        login.await.unwrap();
        let device = engine
            .accounts()
            .log_in("rhoadmin", "admin-password", Origin("test"));
        assert!(matches!(
            device.await,
            Err(AccountError::LoginFailed { .. })
        ));
    });
}

#[test]
fn a_password_that_the_first_start_has_made_is_known_as_such_until_there_is_another() {
    local(async {
        for (configured, is_made) in [("", true), ("chosen", false)] {
            let redis = TestRedis::start();
            let settings = SettingsFile::parse("rhosync.toml", "").unwrap();
            let engine = Engine::new(
                Rc::new(TestPorts::<NoHttp>::to(&redis, 1).await),
                settings.resolve(|_| None).unwrap(),
                Rc::new(NoBackEnds),
                SessionKey::new("test"),
                Secret::new(configured),
            );
            let engine = engine.unwrap();
            let accounts = engine.accounts();
            let guess = accounts.log_in_to_api("rhoadmin", "guessed", Origin("test"));
            assert!(guess.await.is_err());
            let first = accounts.administrator("rhoadmin").await.unwrap();
            assert_eq!(first.has_made_password, is_made, "{configured:?}");
            let change = UserChange {
                password: Some("another password".to_owned()),
                ..UserChange::default()
            };
            accounts.update_user("rhoadmin", change).await.unwrap();
            let first = accounts.administrator("rhoadmin").await.unwrap();
            assert!(!first.has_made_password);
        }
    });
}

#[test]
fn api_tokens_are_good_for_what_they_say_and_as_long_as_they_say() {
    local(async {
        let world = World::start().await;
        let engine = &world.engine;
        let hour = Some(3_600_000);
        let made =
            engine
                .accounts()
                .api_tokens()
                .create("reports", vec![Scope::UsersRead], hour, None);
        let (token, text) = made.await.unwrap();
        let known = engine
            .accounts()
            .api_tokens()
            .authenticate(&text)
            .await
            .unwrap();
        assert_eq!(known.id, token.id);
        assert!(known.allows(Scope::UsersRead) && !known.allows(Scope::UsersWrite));
        let (listed, next) = engine
            .accounts()
            .api_tokens()
            .list(0, 10, Order::Ascending)
            .await
            .unwrap();
        assert_eq!((listed.len(), next), (1, None));
        assert!(listed[0].used_at.is_some());

        let (id, secret) = text.rsplit_once('_').unwrap();
        for wrong in [
            format!("{id}_{}", "0".repeat(64)),
            format!("{id}_"),
            format!("rho_0000000000000000_{secret}"),
            secret.to_owned(),
            String::new(),
        ] {
            let refused = engine.accounts().api_tokens().authenticate(&wrong).await;
            assert!(
                matches!(refused, Err(AccountError::InvalidApiToken)),
                "{wrong}"
            );
        }
        engine.ports().clock.advance(Duration::from_secs(3_601));
        let refused = engine.accounts().api_tokens().authenticate(&text).await;
        assert!(matches!(refused, Err(AccountError::InvalidApiToken)));

        let made =
            engine
                .accounts()
                .api_tokens()
                .create("for ever", vec![Scope::Admin], None, None);
        let (token, text) = made.await.unwrap();
        engine
            .accounts()
            .api_tokens()
            .delete(&token.id)
            .await
            .unwrap();
        let refused = engine.accounts().api_tokens().authenticate(&text).await;
        assert!(matches!(refused, Err(AccountError::InvalidApiToken)));
        let gone = engine.accounts().api_tokens().delete(&token.id).await;
        assert!(matches!(gone, Err(AccountError::UnknownApiToken)));
        for (name, scopes) in [
            ("", vec![Scope::Admin]),
            ("x", vec![]),
            ("a\nb", vec![Scope::Admin]),
        ] {
            let refused = engine
                .accounts()
                .api_tokens()
                .create(name, scopes, None, None)
                .await;
            assert!(matches!(refused, Err(AccountError::InvalidTokenRequest(_))));
        }
    });
}

#[test]
fn however_often_the_administrator_logs_in_there_is_room_and_the_oldest_login_ends() {
    local(async {
        let world = World::start().await;
        let tokens = world.engine.accounts().api_tokens();
        let named = tokens.create("named", vec![Scope::Admin], None, None).await;
        let (_, named) = named.unwrap();
        let mut logins = Vec::new();
        for _ in 0..52 {
            let accounts = world.engine.accounts();
            let login = accounts.log_in_to_api("rhoadmin", "admin-password", Origin("test"));
            logins.push(login.await.unwrap().1);
            world.engine.ports().clock.advance(Duration::from_millis(1));
        }
        for (place, login) in logins.iter().enumerate() {
            let is_good = tokens.authenticate(login).await.is_ok();
            assert_eq!(is_good, place >= 2, "{place}");
        }
        assert!(tokens.authenticate(&named).await.is_ok());
        let (listed, next) = tokens.list(0, 100, Order::Ascending).await.unwrap();
        let names: Vec<_> = listed.iter().map(|token| token.name.as_str()).collect();
        assert_eq!(
            (names, next),
            (vec!["named"], None),
            "logins are none of them"
        );
    });
}

#[test]
fn the_administrator_is_not_listed_among_the_users() {
    local(async {
        let world = World::start().await;
        for user in ["anna", "zora"] {
            world.sign_in(user).await;
        }
        let login =
            world
                .engine
                .accounts()
                .log_in_to_api("rhoadmin", "admin-password", Origin("test"));
        login.await.unwrap();
        for order in [Order::Ascending, Order::Descending] {
            // Page by page, whatever the size of a page.
            for limit in [1, 2, 3] {
                let mut all: Vec<String> = Vec::new();
                loop {
                    let after = all.last().map(String::as_str);
                    let found = world.engine.find_users("", after, limit, order);
                    let page = found.await.unwrap();
                    let is_last = page.len() < limit;
                    all.extend(page);
                    if is_last {
                        break;
                    }
                }
                all.sort();
                assert_eq!(all, ["anna", "zora"]);
            }
        }
        let found = world.engine.find_users("rho", None, 10, Order::Ascending);
        assert!(found.await.unwrap().is_empty());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is sent for an API token: only what was given out lets anybody in, and nothing makes the server fail.
    #[test]
    fn api_tokens_of_any_form_are_refused(
        texts in prop::collection::vec("\\PC{0,200}|[a-z0-9_.-]{0,100}", 1..20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0x20_u8..0x7f), 1..20),
    ) {
        local(async {
            let world = World::start().await;
            let made = world.engine.accounts().api_tokens().create("fuzzed", vec![Scope::Admin], None, None).await;
            let (_, good) = made.unwrap();
            let changed = changes.into_iter().map(|(at, byte)| {
                let mut token = good.clone().into_bytes();
                let at = at.index(token.len());
                token[at] = byte;
                String::from_utf8(token).unwrap()
            });
            for token in texts.into_iter().chain(changed) {
                let known = world.engine.accounts().api_tokens().authenticate(&token).await;
                match known {
                    Ok(_) => assert_eq!(token, good),
                    Err(error) => assert_eq!(error, AccountError::InvalidApiToken, "{token}"),
                }
            }
        });
    }
}

#[test]
fn of_two_edits_of_the_same_state_one_is_done() {
    local(async {
        let world = World::start().await;
        let accounts = world.engine.accounts();
        accounts.create_user("u9", "p").await.unwrap();
        accounts
            .create_administrator("ann", "long enough", Role::Viewer)
            .await
            .unwrap();
        let seen = |revision: &Revision| Expected::OneOf(vec![revision.as_str().to_owned()]);
        let user = accounts.user("u9").await.unwrap().revision;
        let edit = |email: &str| {
            let change = UserChange {
                email: Some(email.to_owned()),
                expected: seen(&user),
                ..UserChange::default()
            };
            accounts.update_user("u9", change)
        };
        let (one, other) = join!(edit("a@b.c"), edit("d@e.f"));
        assert!(one.is_ok() ^ other.is_ok(), "{one:?} {other:?}");
        assert!(matches!(one.and(other), Err(AccountError::Moved)));
        let after = accounts.user("u9").await.unwrap();
        assert_ne!(after.revision, user);
        assert_eq!(edit("g@h.i").await, Err(AccountError::Moved));
        assert_eq!(accounts.user("u9").await.unwrap(), after);
        // What happens to a user beside that is no edit.
        accounts.log_in("u9", "p", Origin("test")).await.unwrap();
        assert_eq!(accounts.user("u9").await.unwrap(), after);

        let ann = accounts.administrator("ann").await.unwrap().revision;
        let promote = |role| {
            let change = AdministratorChange {
                role: Some(role),
                expected: seen(&ann),
                ..AdministratorChange::default()
            };
            accounts.change_administrator("ann", change)
        };
        promote(Role::Operator).await.unwrap();
        let late = promote(Role::Administrator).await;
        assert_eq!(late, Err(AccountError::Moved));
        let found = accounts.administrator("ann").await.unwrap();
        assert_eq!(found.role, Role::Operator);

        let source = world.engine.source_info("Polled").await.unwrap().revision;
        let poll = |seconds| {
            let change = SourceChange {
                poll_interval: Some(seconds),
                expected: seen(&source),
                ..SourceChange::default()
            };
            world.engine.change_source("Polled", change)
        };
        let (one, other) = join!(poll(7), poll(8));
        assert!(one.is_ok() ^ other.is_ok(), "{one:?} {other:?}");
        assert_eq!(poll(9).await, Err(SyncError::Moved));
        let interval = world.engine.source_info("Polled").await.unwrap();
        let set = if one.is_ok() { 7 } else { 8 };
        assert_eq!(interval.settings.poll_interval.to_seconds(), set);
    });
}
