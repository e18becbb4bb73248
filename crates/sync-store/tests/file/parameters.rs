//! What the app narrows sources down by.

use std::collections::BTreeMap;

use sync_device::{Limits, Op};
use sync_store::{SessionState, Store, StoreError};

use crate::{File, PAGE, keep, operation};

fn region(of: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("region".to_owned(), of.to_owned())])
}

/// What the next request states of the source.
fn stated(store: &mut Store) -> Option<BTreeMap<String, String>> {
    let mut request = store.outgoing(Limits::default(), &[]).unwrap();
    request.parameters.remove("Product")
}

#[test]
fn parameters_are_kept_and_stated_until_others_are_set() {
    let file = File::new();
    let mut store = file.open();
    assert_eq!(stated(&mut store), None);
    assert!(store.set_parameters("Product", &region("north")).unwrap());
    assert!(!store.set_parameters("Product", &region("north")).unwrap());
    drop(store);
    let mut store = file.open();
    assert_eq!(stated(&mut store), Some(region("north")));
    assert!(store.set_parameters("Product", &region("south")).unwrap());
    // What the device has is still what was stated.
    assert_eq!(
        store.stated_parameters().unwrap()["Product"],
        region("north")
    );
    assert_eq!(stated(&mut store), Some(region("south")));
    assert!(store.set_parameters("Product", &BTreeMap::new()).unwrap());
    assert_eq!(stated(&mut store), None);
}

#[test]
fn a_source_goes_over_when_the_changes_that_were_sent_have_their_verdicts() {
    let mut file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    let update = operation(Op::Update, "Product", "1", &[("name", "Desk")]);
    file.change(&mut store, &[update]).unwrap();
    // What was never sent goes up as a change of the new part.
    store.set_parameters("Product", &region("north")).unwrap();
    assert_eq!(stated(&mut store), Some(region("north")));
    store.set_parameters("Product", &region("south")).unwrap();
    assert_eq!(stated(&mut store), Some(region("north")), "sent");
    keep(&mut store, r#"{"verdict":{"id":"c1","status":"accepted"}}"#);
    assert_eq!(stated(&mut store), Some(region("north")), "accepted");
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"refused","code":"refused"}}"#,
    );
    assert_eq!(stated(&mut store), Some(region("south")));
}

#[test]
fn another_users_parameters_go_with_the_rest() {
    let file = File::new();
    let mut store = file.open();
    store.set_parameters("Product", &region("north")).unwrap();
    stated(&mut store);
    store.erase_for(&SessionState::default()).unwrap();
    assert_eq!(stated(&mut store), None);
}

#[test]
fn more_than_servers_take_and_unknown_sources_are_refused() {
    let mut store = File::new().open();
    let long = region(&"x".repeat(8 * 1024));
    let refused = store.set_parameters("Product", &long);
    assert!(matches!(refused, Err(StoreError::TooManyParameters { .. })));
    let refused = store.set_parameters("Nothing", &region("north"));
    assert!(matches!(refused, Err(StoreError::UnknownSource { .. })));
    assert_eq!(stated(&mut store), None);
}
