//! What happens every day.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::json;
use sync_client::{
    ChangeListener, Ended, Error, Operation, Progress, ProgressListener, SyncOptions,
};

use super::{App, attributes, deployment};

const PRODUCT: &str = "Product";

const REFUSED: &str = "/api/v1/changes?state=refused";

#[test]
fn a_first_sync_brings_everything_and_changes_go_both_ways() {
    let deployment = deployment(120);
    let anna = App::of(&deployment, "anna");
    let ben = App::of(&deployment, "ben");
    // Offline first: the file needs no server.
    let lamp = anna.create(PRODUCT, attributes([("name", "Lamp of Anna")]));
    let report = anna.sync();
    assert_eq!(report.applied.len(), 1);
    assert_eq!(report.applied[0].object, lamp);
    assert_eq!(anna.count(PRODUCT), 121);
    let object = anna.database.get(PRODUCT, &lamp).unwrap().unwrap();
    assert!(!object.is_pending);
    let remote = object.remote_id.expect("the back end's id");
    assert!(
        deployment
            .back_end()
            .objects("products")
            .contains_key(&remote)
    );
    assert_eq!(
        anna.database.get(PRODUCT, &remote).unwrap().unwrap().id,
        lamp
    );

    ben.sync();
    let at_ben = ben.id_of(PRODUCT, "Lamp of Anna");
    ben.update(PRODUCT, &at_ben, attributes([("brand", "Ben")]));
    let other = ben.first(PRODUCT);
    ben.database.delete(PRODUCT, &other).unwrap();
    ben.sync();
    anna.sync();
    assert_eq!(anna.value(PRODUCT, &lamp, "brand"), "Ben");
    assert_eq!(anna.database.get(PRODUCT, &other).unwrap(), None);
    // Once everybody has everything, a sync brings nothing.
    let idle = anna.sync();
    assert_eq!((idle.received, idle.deleted, idle.mended), (0, 0, 0));
    deployment.back_end().assert_no_duplicates();
}

#[test]
fn objects_that_refer_to_each_other_are_made_offline() {
    let deployment = deployment(3);
    let anna = App::of(&deployment, "anna");
    let product = "made on the device";
    let ids = anna
        .database
        .transaction(vec![
            Operation::Create {
                source: PRODUCT.to_owned(),
                id: Some(product.to_owned()),
                attributes: attributes([("name", "Chair")]),
            },
            Operation::Create {
                source: "Merged".to_owned(),
                id: None,
                attributes: attributes([("name", "order"), ("product", product)]),
            },
        ])
        .unwrap();
    let report = anna.sync();
    assert_eq!(report.applied.len(), 2, "{report:?}");
    assert_eq!(anna.value("Merged", &ids[1], "product"), product);
    let joined = anna
        .database
        .query(
            "SELECT Product.name FROM Merged JOIN Product ON Product.id = Merged.product",
            &[],
        )
        .unwrap();
    assert_eq!(joined.rows, [["Chair".into()]]);
    // The back end has its own id, and so has another device.
    let ben = App::of(&deployment, "ben");
    ben.sync();
    let remote = anna.database.get(PRODUCT, product).unwrap().unwrap();
    let order = ben.id_of("Merged", "order");
    assert_eq!(
        Some(ben.value("Merged", &order, "product")),
        remote.remote_id
    );
    // The first check has already found that both are as the server has them.
    assert_eq!(anna.sync().mended, 0);
}

#[test]
fn a_refusal_waits_for_the_user() {
    let deployment = deployment(3);
    let anna = App::of(&deployment, "anna");
    anna.sync();
    let id = anna.first(PRODUCT);
    let before = anna.value(PRODUCT, &id, "price");
    anna.update(PRODUCT, &id, attributes([("price", "-1")]));
    let cheap = anna.create(PRODUCT, attributes([("name", "x"), ("price", "-2")]));
    let report = anna.sync();
    assert_eq!((report.failed.len(), report.applied.len()), (2, 0));
    assert_eq!(anna.value(PRODUCT, &id, "price"), before);
    assert_eq!(anna.database.get(PRODUCT, &cheap).unwrap(), None);
    let failed = anna.database.failed().unwrap();
    assert!(
        failed[0].reason.as_deref().unwrap().contains("negative"),
        "{failed:?}"
    );
    let better = attributes([("name", "x"), ("price", "2")]);
    anna.database.retry(&failed[1].id, Some(better)).unwrap();
    anna.database.discard(&failed[0].id).unwrap();
    let seen_by_administrators = || {
        let page = deployment.api().call(Method::GET, REFUSED, None);
        let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(seen_by_administrators(), 2);
    assert_eq!(anna.sync().applied.len(), 1);
    assert_eq!(seen_by_administrators(), 0);
    assert_eq!(anna.value(PRODUCT, &cheap, "price"), "2");
    assert!(anna.database.failed().unwrap().is_empty());
    assert!(anna.database.pending().unwrap().is_empty());
}

#[test]
fn a_conflict_has_both_values() {
    let deployment = deployment(3);
    let anna = App::of(&deployment, "anna");
    let ben = App::of(&deployment, "ben");
    let id = anna.create(
        "Merged",
        attributes([("name", "n"), ("a", "1"), ("b", "1")]),
    );
    anna.sync();
    ben.sync();
    let at_ben = ben.id_of("Merged", "n");
    ben.update("Merged", &at_ben, attributes([("a", "Ben's")]));
    ben.sync();
    anna.update("Merged", &id, attributes([("a", "Anna's"), ("b", "2")]));
    let report = anna.sync();
    let failed = &report.failed[0];
    assert!(failed.is_conflict);
    assert_eq!(failed.current.as_ref().unwrap()["a"], "Ben's".into());
    assert!(
        matches!(&failed.operation, Operation::Update { set, .. } if *set == attributes([("a", "Anna's")]))
    );
    assert_eq!(anna.value("Merged", &id, "a"), "Ben's");
    assert_eq!(anna.value("Merged", &id, "b"), "2");
    let both = attributes([("a", "Anna's and Ben's")]);
    anna.database.retry(&failed.id, Some(both)).unwrap();
    assert_eq!(anna.sync().applied.len(), 1);
    ben.sync();
    assert_eq!(ben.value("Merged", &at_ben, "a"), "Anna's and Ben's");
    assert_eq!(ben.value("Merged", &at_ben, "b"), "2");
}

#[test]
fn what_is_done_offline_is_kept_over_restarts_and_goes_up_later() {
    let mut deployment = deployment(3);
    let mut anna = App::of(&deployment, "anna");
    anna.sync();
    deployment.kill_host();
    let id = anna.create(PRODUCT, attributes([("name", "made offline")]));
    let report = anna.database.sync().unwrap();
    assert!(
        matches!(report.ended, Ended::Offline { .. }),
        "{:?}",
        report.ended
    );
    assert!(report.next_in_ms > 0);
    anna.restart(&deployment.url());
    anna.update(PRODUCT, &id, attributes([("brand", "x")]));
    assert_eq!(anna.database.pending().unwrap().len(), 2);
    deployment.start_host();
    assert_eq!(anna.sync().applied.len(), 2);
    assert_eq!(anna.value(PRODUCT, &id, "brand"), "x");
    deployment.back_end().assert_no_duplicates();
}

#[test]
fn a_back_end_that_does_not_answer_is_waited_for() {
    let deployment = deployment(3);
    let anna = App::of(&deployment, "anna");
    anna.sync();
    let fault = json!({"effect": {"error": {"status": 503}}, "method": "POST", "path": "/products", "times": 3});
    deployment.back_end().fault(&fault);
    let id = anna.create(PRODUCT, attributes([("name", "patient")]));
    let report = anna.sync();
    assert!(report.applied.is_empty() && report.failed.is_empty());
    assert!(anna.database.get(PRODUCT, &id).unwrap().unwrap().is_pending);
    test_support::until_or("the change to be done", || {
        anna.sync();
        let pending = anna.database.pending().expect("to ask");
        match pending.is_empty() {
            true => Ok(()),
            false => Err(format!("{pending:?}")),
        }
    });
    assert_eq!(anna.count(PRODUCT), 4);
    deployment.back_end().assert_no_duplicates();
}

struct Told(Mutex<mpsc::Sender<Vec<String>>>);

impl ChangeListener for Told {
    fn changed(&self, sources: Vec<String>) {
        let told = self.0.lock().expect("no test has failed");
        let _ = told.send(sources);
    }
}

struct Steps(Mutex<Vec<Progress>>);

impl ProgressListener for Steps {
    fn progressed(&self, progress: Progress) {
        self.0.lock().expect("no test has failed").push(progress);
    }
}

#[test]
fn live_queries_and_progress_are_told() {
    let deployment = deployment(120);
    let anna = App::of(&deployment, "anna");
    let (sender, told) = mpsc::channel();
    let listener = Arc::new(Told(Mutex::new(sender)));
    let watch = anna
        .database
        .watch_query("SELECT count(*) FROM Product", listener)
        .unwrap();
    anna.create("Merged", attributes([("name", "n")]));
    assert!(told.try_recv().is_err());
    let steps = Arc::new(Steps(Mutex::new(Vec::new())));
    let report = anna
        .database
        .sync_with(SyncOptions::default(), Some(steps.clone()))
        .unwrap();
    assert_eq!(report.ended, Ended::Complete);
    assert_eq!(told.try_recv().unwrap(), ["Product"]);
    let steps = steps.0.lock().unwrap();
    assert_eq!(steps.last().unwrap().objects, report.received);
    anna.database.unwatch(watch);
    while told.try_recv().is_ok() {}
    anna.create(PRODUCT, attributes([("name", "n")]));
    assert!(told.try_recv().is_err());
}

#[test]
fn one_sync_at_a_time_and_within_its_time() {
    let deployment = deployment(3);
    let anna = App::of(&deployment, "anna");
    let other = super::open(&anna.folder, &deployment.url());
    let under_way = anna.database.begin_sync(SyncOptions::default(), None);
    assert_eq!(other.sync().unwrap_err(), Error::SyncRunning);
    let cut_off = anna.database.end_sync(&under_way.unwrap());
    assert_eq!(cut_off.ended, Ended::Cancelled);
    assert_eq!(other.sync().unwrap().ended, Ended::Complete);
    let now = SyncOptions {
        deadline_ms: Some(0),
        ..SyncOptions::default()
    };
    let report = other.sync_with(now, None).unwrap();
    assert_eq!(report.ended, Ended::DeadlinePassed);
    let ping = other.handle_ping(r#"{"do_sync":["Product"]}"#, Some(25_000));
    assert_eq!(ping.unwrap().unwrap().ended, Ended::Complete);
    assert_eq!(other.handle_ping("{}", None).unwrap(), None);
}
