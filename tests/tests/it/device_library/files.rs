//! Files of objects: up before their change, down when they are wanted, and on where they were cut off.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed"
)]

use http::Method;
use serde_json::{Value, json};
use sync_client::{Ended, FileState};
use test_support::{password_of, until};

use super::process::{Process, SYNCS};
use super::proxy::{Fault, Proxy};
use super::{App, attributes, deployment};

/// The source whose objects have files.
const SOURCE: &str = "Merged";

fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * at % 251) as u8 ^ seed).collect()
}

/// Makes an object with a file.
fn visit(app: &App, content: &[u8]) -> String {
    let address = app.database.add_file("my photo.png", "image/png", content);
    let address = address.unwrap();
    let set = [("photo", "my photo.png"), ("photo-rhoblob", &*address)];
    app.create(SOURCE, attributes(set))
}

fn address(app: &App, id: &str) -> String {
    app.value(SOURCE, id, "photo-rhoblob")
}

fn state(app: &App, address: &str) -> Option<FileState> {
    app.database.file(address).unwrap().map(|file| file.state)
}

fn read(app: &App, address: &str) -> Option<Vec<u8>> {
    app.database.read_file(address).unwrap()
}

#[test]
fn a_file_goes_from_one_device_to_another_with_its_object() {
    let deployment = deployment(10);
    let (anna, ben) = (App::of(&deployment, "anna"), App::of(&deployment, "ben"));
    let photo = content(1, 1_300_001);
    let id = visit(&anna, &photo);
    assert_eq!(state(&anna, &address(&anna, &id)), Some(FileState::Queued));
    assert_eq!(read(&anna, &address(&anna, &id)).as_ref(), Some(&photo));
    let report = anna.sync();
    assert_eq!((report.applied.len(), report.mended), (1, 0), "{report:?}");
    assert!(address(&anna, &id).starts_with(&deployment.url()));
    assert_eq!(state(&anna, &address(&anna, &id)), Some(FileState::Here));

    ben.sync();
    let theirs = ben.first(SOURCE);
    let of = address(&ben, &theirs);
    assert_eq!(read(&ben, &of), None);
    ben.database.want_file(&of).unwrap();
    ben.sync();
    assert_eq!(state(&ben, &of), Some(FileState::Here));
    assert_eq!(read(&ben, &of), Some(photo));
    // Who refers to it in another object need not bring it.
    ben.create(SOURCE, attributes([("photo-rhoblob", &*of)]));
    assert_eq!(ben.sync().applied.len(), 1);
}

#[test]
fn what_nobody_here_may_have_is_told_and_the_app_decides() {
    let deployment = deployment(10);
    let anna = App::of(&deployment, "anna");
    let unknown = format!("/blobs/{}/x", "0".repeat(64));
    anna.database.want_file(&unknown).unwrap();
    anna.create(SOURCE, attributes([("photo-rhoblob", &*unknown)]));
    let report = anna.sync();
    assert_eq!(state(&anna, &unknown), Some(FileState::Missing));
    assert_eq!(report.failed.len(), 1, "{report:?}");
    assert_eq!(report.failed[0].code, "unknown_blob");
    assert!(
        anna.database
            .file("https://pictures.example/1.png")
            .is_err()
    );
}

#[test]
fn a_file_that_the_server_has_collected_goes_up_again_with_its_change() {
    let deployment = deployment(10);
    let anna = App::of(&deployment, "anna");
    let photo = content(2, 700_000);
    let id = visit(&anna, &photo);
    // The app believes that the file is up.
    let connection = rusqlite::Connection::open(anna.path()).unwrap();
    connection
        .execute("UPDATE _file SET state = 1", [])
        .unwrap();
    drop(connection);
    let report = anna.sync();
    assert_eq!(report.applied.len(), 1, "{report:?}");
    assert_eq!(state(&anna, &address(&anna, &id)), Some(FileState::Here));
}

#[test]
fn an_upload_goes_on_where_it_was_when_the_app_was_killed() {
    let deployment = deployment(10);
    let proxy = Proxy::before(&deployment.url());
    let mut anna = App::new(&proxy.url());
    anna.sign_in("anna");
    anna.sync();
    let photo = content(3, 3_000_000);
    let id = visit(&anna, &photo);
    let sent = |app: &App| app.database.file(&address(app, &id)).unwrap().unwrap().sent;
    let mut app = Process::start(SYNCS, &anna, &proxy.url());
    until("some of it to be up", || (sent(&anna) > 0).then_some(()));
    proxy.fail(Fault::Silent);
    until("the next part to stall, or the end", || {
        (proxy.has_failed() || app.has_ended()).then_some(())
    });
    app.kill();
    let before = sent(&anna);
    assert!(before > 0 || state(&anna, &address(&anna, &id)) == Some(FileState::Here));
    anna.restart(&proxy.url());
    anna.sync();
    assert!(anna.database.pending().unwrap().is_empty());
    let ben = App::of(&deployment, "ben");
    ben.sync();
    let of = address(&ben, &ben.first(SOURCE));
    ben.database.want_file(&of).unwrap();
    ben.sync();
    assert_eq!(read(&ben, &of), Some(photo));
}

#[test]
fn transfers_survive_what_a_network_does_to_them() {
    let deployment = deployment(10);
    let proxy = Proxy::before(&deployment.url());
    let anna = App::new(&proxy.url());
    anna.sign_in("anna");
    // The answers of a sync with a file have together some thousand bytes: each of them is cut somewhere.
    let mut cuts = 0;
    for cut in (0..4_000).step_by(200) {
        let id = visit(&anna, &content(4, 600_000 + cut));
        proxy.fail(Fault::Cut(cut));
        let report = anna.database.sync().unwrap();
        cuts += u32::from(proxy.has_failed());
        proxy.calm();
        let is_offline = matches!(report.ended, Ended::Offline { .. });
        assert!(is_offline || report.ended == Ended::Complete, "{report:?}");
        anna.sync();
        assert!(anna.database.pending().unwrap().is_empty(), "cut at {cut}");
        assert_eq!(state(&anna, &address(&anna, &id)), Some(FileState::Here));
    }
    assert!(cuts > 5, "{cuts}");
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        "rubbish",
    ] {
        visit(&anna, &content(6, 100));
        proxy.fail(Fault::Instead(answer.as_bytes()));
        anna.database.sync().unwrap();
        anna.sync();
        assert!(anna.database.pending().unwrap().is_empty());
    }
    let photo = content(5, 1_500_000);
    let id = visit(&anna, &photo);
    anna.sync();
    let of = address(&anna, &id);

    let ben = App::new(&proxy.url());
    ben.sign_in("ben");
    ben.sync();
    ben.database.want_file(&of).unwrap();
    proxy.passed();
    proxy.fail(Fault::Cut(600_000));
    // The first answer is that of the sync, which is shorter: the fault is the download's.
    let report = ben.database.sync().unwrap();
    assert_eq!(report.ended, Ended::Complete, "{report:?}");
    assert_eq!(read(&ben, &of), Some(photo));
}

#[test]
fn a_file_is_nobodys_who_has_not_its_object() {
    let deployment = deployment(10);
    let anna = App::of(&deployment, "anna");
    let photo = content(5, 100);
    let of = anna.database.add_file("a", "text/plain", &photo).unwrap();
    anna.create(
        "Customer",
        attributes([("name", "x"), ("photo-rhoblob", &*of)]),
    );
    anna.sync();
    let rest = deployment.rest();
    let login = json!({"login": "ben", "password": password_of("ben")});
    let session = rest.expect(201, Method::POST, "/sync/v1/session", &login);
    let session: Value = serde_json::from_slice(session.body()).unwrap();
    let rest = deployment
        .rest()
        .with_bearer(session["access"].as_str().unwrap());
    rest.expect(
        404,
        Method::GET,
        &format!("/sync/v1{of}").replace("/a", ""),
        &Value::Null,
    );
}
