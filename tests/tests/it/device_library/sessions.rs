//! Sessions: tokens that are stolen, users who change.

use std::fs;

use http::Method;
use serde_json::json;
use sync_client::{Ended, Error, RemovalReason};

use super::{App, attributes, deployment};

/// What the file says of the session.
fn session(app: &App) -> serde_json::Value {
    let connection = rusqlite::Connection::open(app.path()).expect("the file");
    let text: String = connection
        .query_row("SELECT value FROM _meta WHERE key = 'session'", [], |row| {
            row.get(0)
        })
        .expect("a session");
    serde_json::from_str(&text).expect("JSON")
}

fn change_session(app: &App, name: &str, value: serde_json::Value) {
    let mut session = session(app);
    session[name] = value;
    let connection = rusqlite::Connection::open(app.path()).expect("the file");
    connection
        .execute(
            "UPDATE _meta SET value = ? WHERE key = 'session'",
            [session.to_string()],
        )
        .expect("to write");
}

#[test]
fn a_token_that_is_over_is_refreshed_and_a_stolen_one_ends_the_session() {
    let deployment = deployment(3);
    let anna = App::of(&deployment, "anna");
    anna.sync();
    let first = session(&anna);
    // The clock has jumped: the token looks old, or comes from the future.
    for at in [0_u64, u64::MAX / 2] {
        change_session(&anna, "access_at_ms", at.into());
        anna.sync();
    }
    assert_ne!(session(&anna)["refresh"], first["refresh"]);
    // It looks good, but the server does not take it.
    change_session(&anna, "access", "forged".into());
    anna.sync();
    // An answer to a refresh was lost: the attempt was written down before.
    let before = session(&anna);
    change_session(&anna, "attempt", "mine".into());
    let body = json!({"refresh": before["refresh"], "attempt": "mine"});
    let call = |body: &serde_json::Value| {
        let rest = deployment.rest();
        rest.send(Method::POST, "/sync/v1/session", body.to_string())
            .status()
            .as_u16()
    };
    assert_eq!(call(&body), 200);
    change_session(&anna, "access", "old".into());
    anna.sync();
    // A thief uses a copy of the refresh token before the device does.
    let stolen = session(&anna)["refresh"].clone();
    let theft = json!({"refresh": stolen, "attempt": "the thief's"});
    assert_eq!(call(&theft), 200);
    anna.create("Product", attributes([("name", "unsent")]));
    change_session(&anna, "access", "old".into());
    let report = anna.database.sync().unwrap();
    assert_eq!(report.ended, Ended::SignedOut);
    assert_eq!(anna.database.user().unwrap(), None);
    // Nothing is lost, and the same user goes on.
    assert_eq!(anna.count("Product"), 4);
    assert!(!anna.sign_in("anna").has_erased);
    assert_eq!(anna.sync().applied.len(), 1);
}

#[test]
fn another_user_finds_nothing_of_the_former() {
    let deployment = deployment(3);
    let app = App::of(&deployment, "anna");
    app.create("Customer", attributes([("name", "Annas Geheimnis")]));
    app.sync();
    app.create("Customer", attributes([("name", "Annas Geheimnis 2")]));
    app.database.sign_out().unwrap();
    assert_eq!(app.database.user().unwrap(), None);
    assert_eq!(app.database.sync().unwrap().ended, Ended::SignedOut);
    let refused = app.database.sign_in("ben", "wrong").unwrap_err();
    assert!(matches!(refused, Error::LoginRefused { .. }), "{refused:?}");
    assert!(app.count("Customer") > 1);
    assert!(app.sign_in("ben").has_erased);
    for entry in fs::read_dir(app.folder.path()).unwrap() {
        let content = fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains("Geheimnis"));
    }
    assert!(app.database.pending().unwrap().is_empty());
    app.sync();
    assert!(app.count("Product") > 0);
}

#[test]
fn a_device_that_the_server_forgot_begins_anew_with_what_it_has_not_sent() {
    let deployment = deployment(3);
    let anna = App::of(&deployment, "anna");
    anna.sync();
    let client = session(&anna)["client"].as_str().unwrap().to_owned();
    let api = deployment.api();
    api.call(Method::DELETE, &format!("/api/v1/clients/{client}"), None);
    test_support::until("the server to refuse the device", || {
        (anna.database.sync().unwrap().ended == Ended::SignedOut).then_some(())
    });
    let unsent = anna.create("Product", attributes([("name", "unsent")]));
    assert!(!anna.sign_in("anna").has_erased);
    assert_ne!(session(&anna)["client"], client);
    let report = anna.sync();
    assert_eq!(report.applied.len(), 1, "{report:?}");
    assert_eq!(anna.count("Product"), 4);
    assert_eq!(anna.value("Product", &unsent, "name"), "unsent");
    deployment.back_end().assert_no_duplicates();
}

#[test]
fn an_administrator_lets_a_device_start_over_and_it_keeps_what_it_has_not_sent() {
    let deployment = deployment(3);
    let anna = App::of(&deployment, "anna");
    let lamp = anna.create("Product", attributes([("name", "Lamp")]));
    anna.sync();
    // Not sent yet: a new object, and a change of one that the server knows by another id.
    let chair = anna.create("Product", attributes([("name", "Chair")]));
    anna.update("Product", &lamp, attributes([("brand", "Anna")]));
    let client = session(&anna)["client"].as_str().unwrap().to_owned();
    let (api, reset) = (deployment.api(), format!("/api/v1/clients/{client}/reset"));
    let product = json!({"sources": ["Product"]});
    api.expect(204, Method::POST, &reset, &product);

    // It hears of it within a second, by the way: it is neither signed out nor in error.
    let mut applied = Vec::new();
    let removed = test_support::until("the device to hear of the reset", || {
        let report = anna.sync();
        applied.extend(report.applied);
        (!report.removed.is_empty()).then_some(report.removed)
    });
    let [removed] = &removed[..] else {
        panic!("one source: {removed:?}");
    };
    assert_eq!(removed.source, "Product");
    assert_eq!(removed.reason, RemovalReason::Requested);
    assert_eq!(applied.len(), 2, "{applied:?}");
    assert_eq!(anna.count("Product"), 5);
    assert_eq!(anna.value("Product", &chair, "name"), "Chair");
    assert_eq!(anna.value("Product", &lamp, "brand"), "Anna");
    let idle = anna.sync();
    assert_eq!((idle.received, idle.mended), (0, 0), "{idle:?}");
    assert!(idle.removed.is_empty(), "once: {idle:?}");
    // Another device has the same.
    let ben = App::of(&deployment, "ben");
    ben.sync();
    assert_eq!(ben.count("Product"), 5);
    let at_ben = ben.id_of("Product", "Lamp");
    assert_eq!(ben.value("Product", &at_ben, "brand"), "Anna");
    deployment.back_end().assert_no_duplicates();
}
