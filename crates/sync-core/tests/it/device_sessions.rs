//! Sessions of devices that speak `/sync/v1`.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::time::Duration;

use sync_core::{
    AccountError, DeviceGrant, DeviceProof, DeviceSession, Engine, Origin, SyncError, UserChange,
};
use test_support::{TestPorts, World, local};

async fn sign_in(world: &World, client: Option<&str>) -> DeviceGrant {
    let proof = DeviceProof::Password {
        login: "u1",
        password: "password",
        origin: Origin("test"),
    };
    let device = Default::default();
    let granted = world.engine.sign_in_device(proof, client, &device);
    granted.await.unwrap()
}

async fn start() -> (World, DeviceGrant) {
    let world = World::start().await;
    world.sign_in("u1").await;
    let granted = sign_in(&world, None).await;
    (world, granted)
}

async fn check(engine: &Engine<TestPorts>, access: &str) -> Result<DeviceSession, AccountError> {
    let session = engine.accounts().device_session(access)?;
    engine.accounts().check_device(&session).await?;
    Ok(session)
}

async fn refresh(world: &World, token: &str, attempt: &str) -> Result<DeviceGrant, AccountError> {
    world.engine.accounts().refresh_device(token, attempt).await
}

const REFUSED: AccountError = AccountError::NotAuthenticated;

#[test]
fn an_access_token_is_good_for_ten_minutes_and_asks_the_store_once_a_second() {
    local(async {
        let (world, granted) = start().await;
        let session = check(&world.engine, &granted.access).await.unwrap();
        assert_eq!(session, granted.session);
        let asked = world.calls_of("zrangebyscore").await;
        for _ in 0..5 {
            check(&world.engine, &granted.access).await.unwrap();
        }
        assert_eq!(world.calls_of("zrangebyscore").await, asked);
        let clock = &world.engine.ports().clock;
        clock.advance(Duration::from_secs(599));
        check(&world.engine, &granted.access).await.unwrap();
        assert_eq!(world.calls_of("zrangebyscore").await, asked + 1);
        clock.advance(Duration::from_secs(1));
        assert_eq!(check(&world.engine, &granted.access).await, Err(REFUSED));
    });
}

#[test]
fn no_other_token_is_an_access_token() {
    local(async {
        let (world, granted) = start().await;
        let accounts = world.engine.accounts();
        let origin = Origin("test");
        let cookie = accounts.log_in("u1", "password", origin).await.unwrap();
        for other in [&cookie, &granted.refresh, "", "x.y"] {
            assert_eq!(accounts.device_session(other).unwrap_err(), REFUSED);
        }
        let now = sync_core::Clock::now(&world.engine.ports().clock);
        assert_eq!(accounts.sessions().verify(&granted.access, now), None);
        for other in [&cookie, &granted.access] {
            assert_eq!(refresh(&world, other, "").await.unwrap_err(), REFUSED);
        }
    });
}

#[test]
fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    local(async {
        let (world, first) = start().await;
        let second = refresh(&world, &first.refresh, "").await.unwrap();
        assert_eq!(second.session, first.session);
        let third = refresh(&world, &second.refresh, "").await.unwrap();
        for stolen in [&first, &second, &third] {
            let refused = refresh(&world, &stolen.refresh, "").await;
            assert_eq!(refused.unwrap_err(), REFUSED);
        }
        assert_eq!(check(&world.engine, &third.access).await, Err(REFUSED));
        // The device signs in again, and is the client that it was.
        let client = first.session.client().as_str();
        let again = sign_in(&world, Some(client)).await;
        assert_eq!(again.session.client(), first.session.client());
        check(&world.engine, &again.access).await.unwrap();
    });
}

#[test]
fn a_lost_answer_comes_again_to_the_attempt_that_asked_for_it_and_to_nobody_else() {
    local(async {
        let (world, first) = start().await;
        let lost = refresh(&world, &first.refresh, "a").await.unwrap();
        let again = refresh(&world, &first.refresh, "a").await.unwrap();
        assert_eq!(again.refresh, lost.refresh);
        let next = refresh(&world, &again.refresh, "b").await.unwrap();
        // The newest was used: whoever still has the one before the last is no device that lost an answer.
        assert_eq!(
            refresh(&world, &first.refresh, "a").await.unwrap_err(),
            REFUSED
        );
        assert_eq!(
            refresh(&world, &next.refresh, "c").await.unwrap_err(),
            REFUSED
        );

        // A thief who comes first is found out when the device comes, and one who comes second at once.
        for attempts in [["thief", "device"], ["device", "thief"], ["", ""]] {
            let stolen = sign_in(&world, None).await.refresh;
            let got = refresh(&world, &stolen, attempts[0]).await.unwrap();
            let repeated = refresh(&world, &stolen, attempts[1]).await;
            assert_eq!(repeated.unwrap_err(), REFUSED);
            assert_eq!(
                refresh(&world, &got.refresh, "x").await.unwrap_err(),
                REFUSED
            );
            assert_eq!(check(&world.engine, &got.access).await, Err(REFUSED));
        }
    });
}

#[test]
fn a_refresh_token_of_a_store_that_went_back_is_good() {
    local(async {
        let (world, first) = start().await;
        let backup = world.backup().await;
        let second = refresh(&world, &first.refresh, "").await.unwrap();
        world.restore(&backup).await;
        let third = refresh(&world, &second.refresh, "").await.unwrap();
        assert_ne!(third.refresh, second.refresh);
        assert_eq!(
            refresh(&world, &second.refresh, "").await.unwrap_err(),
            REFUSED
        );
    });
}

#[test]
fn whoever_is_shut_out_is_out_within_a_second_everywhere() {
    local(async {
        let (world, _) = start().await;
        let other = world.another(None, 2).await;
        for end in 0..4 {
            let granted = sign_in(&world, None).await;
            check(&other, &granted.access).await.unwrap();
            let accounts = world.engine.accounts();
            match end {
                0 => accounts.end_device_session(&granted.session).await.unwrap(),
                1 => {
                    let client = granted.session.client().as_str();
                    world.engine.delete_client(None, client).await.unwrap();
                }
                2 => {
                    let change = UserChange {
                        password: Some("password".to_owned()),
                        ..UserChange::default()
                    };
                    accounts.update_user("u1", change).await.unwrap();
                }
                _ => world.engine.delete_user("u1").await.unwrap(),
            }
            assert_eq!(
                check(&world.engine, &granted.access).await,
                Err(REFUSED),
                "{end}"
            );
            let clocks = [&world.engine.ports().clock, &other.ports().clock];
            for clock in clocks {
                clock.advance(Duration::from_secs(1));
            }
            assert_eq!(check(&other, &granted.access).await, Err(REFUSED), "{end}");
            let refused = refresh(&world, &granted.refresh, "").await;
            assert_eq!(refused.unwrap_err(), REFUSED, "{end}");
        }
    });
}

#[test]
fn a_device_gets_no_client_of_somebody_else() {
    local(async {
        let (world, _) = start().await;
        let theirs = world.sign_in("u2").await;
        let client = world.client(&theirs).await;
        for named in [client.as_str(), "no client: \u{1}", "unknown"] {
            let granted = sign_in(&world, Some(named)).await;
            assert_ne!(granted.session.client().as_str(), named);
        }
        world.pull(&theirs, &client, "Shared", "").await.unwrap();
    });
}

#[test]
fn wrong_passwords_are_counted_as_those_of_any_login() {
    local(async {
        let (world, _) = start().await;
        let wrong = || DeviceProof::Password {
            login: "u1",
            password: "wrong",
            origin: Origin("elsewhere"),
        };
        let device = Default::default();
        for _ in 0..10 {
            let refused = world.engine.sign_in_device(wrong(), None, &device).await;
            let error = refused.unwrap_err();
            assert!(matches!(
                error,
                SyncError::Account(AccountError::LoginFailed { .. })
            ));
        }
        let refused = world.engine.sign_in_device(wrong(), None, &device).await;
        let error = refused.unwrap_err();
        assert!(matches!(
            error,
            SyncError::Account(AccountError::TooManyAttempts { .. })
        ));
    });
}
