//! What an app searches for at the back end, and sources that are nothing but their back end.

use http::Method;
use serde_json::{Value as Json, json};
use sync_client::{Database, Ended, Error, Options, RemovalReason};
use test_support::{Deployment, password_of};

use super::{attributes, deployment};

fn app(deployment: &Deployment, folder: &tempfile::TempDir) -> Database {
    let path = folder.path().join("app.db");
    let options = Options::new(&deployment.url(), &["Probe", "Pass"]);
    Database::open(path.to_str().expect("UTF-8"), options).expect("to open a database")
}

fn set(deployment: &Deployment, path: &str, objects: Json) {
    let plugin = deployment.plugin().control();
    plugin.call(Method::PUT, &format!("/places/{path}"), Some(&objects));
}

fn names(database: &Database, source: &str) -> Vec<(String, bool)> {
    let objects = database.list(source, 100, 0).expect("a list").into_iter();
    let named = objects.map(|it| (it.attributes["name"].to_text(), it.is_found));
    named.collect()
}

fn sync(database: &Database) -> sync_client::SyncReport {
    let report = database.sync().expect("to sync");
    assert_eq!(report.ended, Ended::Complete, "{report:?}");
    report
}

#[test]
fn what_is_found_stays_beside_the_copy_until_it_is_forgotten() {
    let deployment = deployment(0);
    let folder = tempfile::tempdir().expect("a folder");
    let database = app(&deployment, &folder);
    let nobody = database.search_remote("Probe", &attributes([]));
    assert!(matches!(nobody, Err(Error::LoginRefused { .. })));
    database.sign_in("anna", &password_of("anna")).unwrap();
    set(
        &deployment,
        "Probe/anna/objects",
        json!({"1": {"name": "a copy"}}),
    );
    set(
        &deployment,
        "Probe/anna/found",
        json!({"1": {"name": "other"}, "s1": {"name": "found"}, "s2": {"name": "too"}}),
    );
    sync(&database);
    let found = database
        .search_remote("Probe", &attributes([("name", "x")]))
        .unwrap();
    assert_eq!(found.len(), 3);
    let calls = deployment
        .plugin()
        .control()
        .get("/places/Probe/anna/calls");
    let searched = calls.as_array().expect("a list").last().expect("a call");
    assert_eq!(searched["body"]["attributes"], json!({"name": "x"}));
    let named = |name: &str, is_found| (name.to_owned(), is_found);
    let all = [
        named("a copy", false),
        named("found", true),
        named("too", true),
    ];
    assert_eq!(names(&database, "Probe"), all);
    // It is there without a network, is changed like all objects, and upsets no copy.
    drop(database);
    let database = app(&deployment, &folder);
    assert_eq!(names(&database, "Probe"), all);
    database
        .update("Probe", "s1", attributes([("name", "changed")]))
        .unwrap();
    let report = sync(&database);
    assert_eq!((report.applied.len(), report.mended), (1, 0));
    let verify = sync_client::SyncOptions {
        verify: true,
        ..sync_client::SyncOptions::default()
    };
    let report = database.sync_with(verify, None).unwrap();
    assert_eq!((report.mended, report.removed.len()), (0, 0));
    // The back end keeps what is changed, so the copy has it by now.
    let now = [
        named("a copy", false),
        named("changed", false),
        named("too", true),
    ];
    assert_eq!(names(&database, "Probe"), now);
    database.forget_found("Probe").unwrap();
    assert_eq!(names(&database, "Probe"), now[..2]);
}

#[test]
fn a_source_that_passes_through_is_read_and_changed() {
    let deployment = deployment(0);
    let folder = tempfile::tempdir().expect("a folder");
    let database = app(&deployment, &folder);
    database.sign_in("anna", &password_of("anna")).unwrap();
    set(
        &deployment,
        "Pass/anna/objects",
        json!({"1": {"name": "first"}, "2": {"name": "second"}}),
    );
    sync(&database);
    let sources = database.sources().unwrap();
    let pass = sources.iter().find(|source| source.name == "Pass").unwrap();
    assert_eq!(pass.problem.as_ref().unwrap().code, "not_served");
    database.search_remote("Pass", &attributes([])).unwrap();
    let two = [("first".to_owned(), true), ("second".to_owned(), true)];
    assert_eq!(names(&database, "Pass"), two);
    let made = database
        .create("Pass", attributes([("name", "third")]))
        .unwrap();
    database
        .update("Pass", "1", attributes([("name", "changed")]))
        .unwrap();
    database.delete("Pass", "2").unwrap();
    let report = sync(&database);
    assert_eq!(report.applied.len(), 3);
    let mut seen = names(&database, "Pass");
    seen.sort();
    let now = [("changed".to_owned(), true), ("third".to_owned(), true)];
    assert_eq!(seen, now);
    // The back end says the same, and the object that was made here keeps its id.
    let all = database.search_remote("Pass", &attributes([])).unwrap();
    assert_eq!(all.len(), 2);
    let third = database.get("Pass", &made).unwrap().unwrap();
    assert_eq!(third.attributes["name"].to_text(), "third");
    assert!(third.remote_id.is_some_and(|remote| remote != made));
}

#[test]
fn a_part_of_a_source_is_another_copy() {
    let deployment = deployment(0);
    let folder = tempfile::tempdir().expect("a folder");
    let database = app(&deployment, &folder);
    database.sign_in("anna", &password_of("anna")).unwrap();
    set(
        &deployment,
        "Probe/anna/objects",
        json!({"1": {"name": "a"}}),
    );
    sync(&database);
    database
        .set_parameters("Probe", &attributes([("region", "north")]))
        .unwrap();
    let report = sync(&database);
    assert_eq!(report.removed.len(), 1);
    assert_eq!(report.removed[0].reason, RemovalReason::Moved);
    assert_eq!(names(&database, "Probe"), [("a".to_owned(), false)]);
    let calls = deployment
        .plugin()
        .control()
        .get("/places/Probe/anna/calls");
    assert!(
        calls.to_string().contains(r#"{"region":"north"}"#),
        "{calls}"
    );
    // What the device does, it does in its part.
    database
        .update("Probe", "1", attributes([("name", "b")]))
        .unwrap();
    assert_eq!(sync(&database).applied.len(), 1);
    let verify = sync_client::SyncOptions {
        verify: true,
        ..sync_client::SyncOptions::default()
    };
    assert_eq!(database.sync_with(verify, None).unwrap().mended, 0);
    assert_eq!(names(&database, "Probe"), [("b".to_owned(), false)]);
    assert!(sync(&database).removed.is_empty());
}
