//! A first sync by an image, and what may go wrong with it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed"
)]

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sync_client::Ended;
use test_support::{Deployment, Rest, password_of, until};

use super::process::{Process, SYNCS};
use super::proxy::{Fault, Proxy};
use super::{App, deployment};

/// The source that begins with an image.
pub(crate) const SOURCE: &str = "Merged";

/// Its objects.
pub(crate) const OBJECTS: u32 = 1_000;

/// An image as a device is told of it.
pub(crate) struct Named {
    url: String,
    pub(crate) bytes: u64,
    sha256: String,
}

/// Fills the source with what cannot be packed well, and waits until there is an image of it.
pub(crate) fn prepared(deployment: &Deployment) -> Named {
    fill(deployment);
    named(&signed_in(deployment, "ben"), "ndjson")
}

fn fill(deployment: &Deployment) {
    let text = |number: u32| -> String {
        let digests = (0..16).map(|line| Sha256::digest(format!("{number} {line}")));
        digests
            .map(|digest| base16ct::lower::encode_string(&digest))
            .collect()
    };
    let objects: BTreeMap<String, Value> = (0..OBJECTS)
        .map(|number| (format!("o{number}"), json!({"text": text(number)})))
        .collect();
    let admin = deployment.admin();
    admin.push_objects(SOURCE, "anna", &json!(objects));
}

fn signed_in(deployment: &Deployment, user: &str) -> Rest {
    let login = json!({"login": user, "password": password_of(user)});
    let rest = deployment.rest();
    let session = rest.expect(201, Method::POST, "/sync/v1/session", &login);
    let session: Value = serde_json::from_slice(session.body()).unwrap();
    rest.with_bearer(session["access"].as_str().unwrap())
}

/// The image that a device of this session is told of, once there is one in this form.
fn named(rest: &Rest, form: &str) -> Named {
    let image = until("an image", || {
        let body = json!({"have": {SOURCE: null}, "images": [form]});
        let answer = rest.expect(200, Method::POST, "/sync/v1/sync", &body);
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        first.get("image").cloned()
    });
    assert_eq!(image["form"], form);
    Named {
        url: image["url"].as_str().unwrap().to_owned(),
        bytes: image["bytes"].as_u64().unwrap(),
        sha256: image["sha256"].as_str().unwrap().to_owned(),
    }
}

/// What has come of an image, as the file says.
fn kept(app: &App) -> u64 {
    let connection = rusqlite::Connection::open(app.path()).unwrap();
    let sum = "SELECT coalesce(sum(length(content)), 0) FROM _image_part";
    let sum: i64 = connection.query_row(sum, [], |row| row.get(0)).unwrap();
    sum.cast_unsigned()
}

/// Makes the app believe that it was told of an image.
fn tell(app: &App, Named { url, bytes, sha256 }: &Named, part: &[u8]) {
    let connection = rusqlite::Connection::open(app.path()).unwrap();
    let n: i64 = connection
        .query_row("SELECT n FROM _source WHERE name = ?1", [SOURCE], |row| {
            row.get(0)
        })
        .unwrap();
    let image = (n, url, bytes.cast_signed(), sha256, "a cursor that is none");
    connection
        .execute("INSERT INTO _image VALUES (?1, ?2, ?3, ?4, ?5)", image)
        .unwrap();
    connection
        .execute("INSERT INTO _image_part VALUES (?1, 0, ?2)", (n, part))
        .unwrap();
}

fn has_everything(app: &App) {
    assert_eq!(app.count(SOURCE), OBJECTS as usize);
    assert_eq!(kept(app), 0);
    let report = app.sync();
    assert_eq!((report.received, report.mended), (0, 0), "{report:?}");
}

#[test]
fn a_download_goes_on_where_it_was_when_the_app_was_killed() {
    let deployment = deployment(10);
    let named = prepared(&deployment);
    assert!(named.bytes > 500_000, "{} bytes", named.bytes);
    let proxy = Proxy::before(&deployment.url());
    let mut anna = App::new(&proxy.url());
    anna.sign_in("anna");
    proxy.fail(Fault::Stall(400_000));
    let app = Process::start(SYNCS, &anna, &proxy.url());
    until("the download to stall", || proxy.has_failed().then_some(()));
    until("what has come to be kept", || {
        (kept(&anna) > 0).then_some(())
    });
    app.kill();
    let before = kept(&anna);
    assert!(before < named.bytes, "{before}");
    assert_eq!(anna.count(SOURCE), 0, "nothing is believed yet");
    anna.restart(&proxy.url());
    proxy.passed();
    anna.sync();
    let passed = proxy.passed() as u64;
    let rest = named.bytes - before;
    assert!(
        (rest..rest + 100_000).contains(&passed),
        "{passed} of {rest} bytes"
    );
    has_everything(&anna);
}

#[test]
fn a_download_that_is_cut_off_goes_on_at_once() {
    let deployment = deployment(10);
    let named = prepared(&deployment);
    let proxy = Proxy::before(&deployment.url());
    let anna = App::new(&proxy.url());
    anna.sign_in("anna");
    proxy.passed();
    proxy.fail(Fault::Cut(300_000));
    anna.sync();
    assert!(proxy.has_failed());
    let passed = proxy.passed() as u64;
    assert!(
        passed < named.bytes + 100_000,
        "{passed} of {}",
        named.bytes
    );
    has_everything(&anna);
}

#[test]
fn an_image_that_is_gone_or_wrong_is_made_up_for_by_pages() {
    let deployment = deployment(10);
    let named = prepared(&deployment);
    let of = |url: &str, sha256: &str| Named {
        url: url.to_owned(),
        bytes: named.bytes,
        sha256: sha256.to_owned(),
    };
    let gone = format!("/sync/v1/images/{}", "0".repeat(32));
    for (what, image, part) in [
        (
            "another begin",
            of(&named.url, &named.sha256),
            &b"<html>"[..],
        ),
        ("gone", of(&gone, &named.sha256), b""),
        ("gone, with something of it", of(&gone, &named.sha256), b"x"),
        ("another content", of(&named.url, &"0".repeat(64)), b""),
        (
            "no address of an image",
            of("/sync/v1/images/..", "00"),
            b"",
        ),
    ] {
        let anna = App::of(&deployment, "anna");
        tell(&anna, &image, part);
        anna.sync();
        assert_eq!(anna.count(SOURCE), OBJECTS as usize, "{what}");
        has_everything(&anna);
    }
}

#[test]
fn changes_go_up_before_the_download_and_stay_on_top_of_it() {
    let deployment = deployment(10);
    let named = prepared(&deployment);
    let anna = App::of(&deployment, "anna");
    tell(&anna, &of_another_size(named), b"");
    let id = anna.create(SOURCE, super::attributes([("text", "mine")]));
    let report = anna.database.sync().unwrap();
    assert_eq!(report.ended, Ended::Complete, "{report:?}");
    assert_eq!(report.applied.len(), 1);
    assert_eq!(anna.value(SOURCE, &id, "text"), "mine");
    assert_eq!(anna.count(SOURCE), OBJECTS as usize + 1);
}

/// The server has more than was told.
fn of_another_size(named: Named) -> Named {
    Named {
        bytes: named.bytes / 2,
        ..named
    }
}

/// What an image has, unpacked, if it is what was told.
fn downloaded(rest: &Rest, Named { url, bytes, sha256 }: &Named) -> Vec<u8> {
    let answer = rest.expect(200, Method::GET, url, &Value::Null);
    let content = answer.body();
    assert_eq!(content.len() as u64, *bytes);
    let digest = base16ct::lower::encode_string(&Sha256::digest(content));
    assert_eq!(digest, *sha256);
    let mut unpacked = Vec::new();
    let mut packed = GzDecoder::new(content.as_ref());
    packed.read_to_end(&mut unpacked).unwrap();
    unpacked
}

#[test]
fn an_image_that_is_a_database_has_the_objects_of_the_one_of_lines() {
    let deployment = deployment(10);
    fill(&deployment);
    let rest = signed_in(&deployment, "ben");
    let lines = downloaded(&rest, &named(&rest, "ndjson"));
    let mut of_lines: BTreeMap<String, Value> = BTreeMap::new();
    for line in lines
        .split(|byte| *byte == b'\n')
        .filter(|it| !it.is_empty())
    {
        let line: Value = serde_json::from_slice(line).unwrap();
        if let Some(objects) = line.get("objects") {
            let objects: BTreeMap<_, _> = serde_json::from_value(objects.clone()).unwrap();
            of_lines.extend(objects);
        }
    }
    assert_eq!(of_lines.len(), OBJECTS as usize);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.sqlite");
    std::fs::write(&file, downloaded(&rest, &named(&rest, "sqlite"))).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    let text = |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(text("SELECT name FROM source"), SOURCE);
    let mut objects = connection
        .prepare("SELECT id, attributes FROM object")
        .unwrap();
    let objects = objects.query_map([], |row| {
        let attributes: String = row.get(1)?;
        Ok((row.get(0)?, serde_json::from_str(&attributes).unwrap()))
    });
    let of_file: BTreeMap<String, Value> = objects.unwrap().map(Result::unwrap).collect();
    assert_eq!(of_file, of_lines);
}

#[test]
fn an_image_that_unpacks_to_too_much_is_made_up_for_by_pages() {
    let deployment = deployment(10);
    let named = prepared(&deployment);
    let proxy = Proxy::before(&deployment.url());
    let mut anna = App::new(&proxy.url());
    anna.sign_in("anna");
    let bomb = super::hostile_server::bomb();
    let image = Named {
        url: named.url,
        bytes: bomb.len() as u64,
        sha256: base16ct::lower::encode_string(&Sha256::digest(&bomb)),
    };
    // All of it is there, as it was told.
    tell(&anna, &image, &bomb);
    anna.restart(&proxy.url());
    anna.sync();
    has_everything(&anna);
}

#[test]
fn an_image_that_somebody_else_sends_on_is_not_fetched_there() {
    let deployment = deployment(10);
    let named = prepared(&deployment);
    let proxy = Proxy::before(&deployment.url());
    let mut anna = App::new(&proxy.url());
    anna.sign_in("anna");
    tell(&anna, &named, b"");
    anna.restart(&proxy.url());
    proxy.fail(Fault::Instead(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ));
    anna.database.sync().unwrap();
    assert!(proxy.has_failed());
    anna.sync();
    has_everything(&anna);
}
