//! An app that is killed in mid-sync.

use std::collections::BTreeSet;

use super::process::{Process, database};
use super::{App, attributes, deployment};

const PRODUCT: &str = "Product";

/// The app that is killed: it makes objects and syncs, for ever.
#[test]
#[ignore = "it is the app that the test below starts and kills"]
fn app() {
    let database = database();
    for number in 0.. {
        let name = format!("by {} number {number}", std::process::id());
        let id = database.create(PRODUCT, attributes([("name", &*name)]));
        say(&format!("made {}", id.unwrap()));
        // Somebody has killed its predecessor: that one's lock is gone.
        database.sync().unwrap();
    }
}

#[expect(clippy::print_stdout, reason = "the other process reads it")]
fn say(text: &str) {
    println!("{text}");
}

#[test]
fn an_app_that_is_killed_at_any_time_loses_and_doubles_nothing() {
    let deployment = deployment(10);
    let anna = App::of(&deployment, "anna");
    let mut promised = BTreeSet::new();
    for round in 0..12_u32 {
        let mut app = Process::start("killed::app", &anna, &deployment.url());
        let made = app
            .lines()
            .filter_map(|line| Some(line.split_once("made ")?.1.to_owned()));
        // It is killed in the midst of the sync after one of its first objects.
        promised.extend(made.take(1 + round as usize % 3));
        app.kill();
    }
    let report = anna.sync();
    assert!(report.failed.is_empty(), "{report:?}");
    assert!(promised.len() >= 12);
    for id in &promised {
        assert!(anna.database.get(PRODUCT, id).unwrap().is_some(), "{id}");
    }
    assert!(anna.database.pending().unwrap().is_empty());
    assert_eq!(
        deployment.back_end().objects("products").len(),
        anna.count(PRODUCT)
    );
    deployment.back_end().assert_no_duplicates();
}
