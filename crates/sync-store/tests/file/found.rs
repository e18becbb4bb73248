//! What searches at the back end have found, beside the copies.

use std::collections::BTreeMap;

use sync_device::{Attributes, Limits, Op};
use sync_store::{Object, SessionState, Store};

use crate::{File, PAGE, ids, keep, operation, sent, set};

fn found(of: &[(&str, &str)]) -> BTreeMap<String, Attributes> {
    let objects = of.iter();
    objects
        .map(|(id, name)| ((*id).to_owned(), set(&[("name", name)])))
        .collect()
}

fn get(store: &Store, id: &str) -> Option<Object> {
    store.get("Product", id).unwrap()
}

/// What is compared with the server.
fn sums(store: &Store) -> Vec<String> {
    store.sums("Product").unwrap().unwrap().1
}

#[test]
fn what_was_found_is_read_like_all_objects_and_is_no_part_of_the_copy() {
    let file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    let before = sums(&store);
    let objects = store
        .keep_found("Product", &found(&[("1", "other"), ("s1", "Bench")]), false)
        .unwrap();
    // What the copy has stands.
    assert_eq!(objects[0], get(&store, "1").unwrap());
    assert!(!objects[0].is_found);
    assert_eq!(objects[1].attributes, set(&[("name", "Bench")]));
    assert!(objects[1].is_found && !objects[1].is_pending);
    assert_eq!(objects[1].remote_id.as_deref(), Some("s1"));
    drop(store);
    let mut store = file.open();
    assert_eq!(ids(&store, "Product"), ["1", "2", "s1"]);
    let rows = store.query("SELECT id FROM Product WHERE name = 'Bench'", &[]);
    assert_eq!(rows.unwrap().rows.len(), 1);
    assert_eq!(sums(&store), before);
    assert!(!store.count("Product", 1).unwrap(), "counted along");
    // Nor does mending a part of the copy take it away.
    for part in 0..=u8::MAX {
        store
            .mend("Product", part, &BTreeMap::new(), &BTreeMap::new())
            .unwrap();
    }
    assert_eq!(ids(&store, "Product"), ["s1"]);
    store.forget_found("Product").unwrap();
    assert_eq!(ids(&store, "Product"), Vec::<String>::new());
}

#[test]
fn the_copy_knows_better() {
    let file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    let some = found(&[("s1", "Desk"), ("s2", "Chair")]);
    store.keep_found("Product", &some, false).unwrap();
    let kept = keep(
        &mut store,
        r#"{"source":"Product","objects":{"s1":{"name":"Table"}},"deleted":["s2"],"cursor":"two","more":false,"check":{"count":3}}"#,
    );
    assert_eq!(kept.differs, None);
    let table = get(&store, "s1").unwrap();
    assert_eq!(table.attributes, set(&[("name", "Table")]));
    assert!(!table.is_found);
    assert_eq!(get(&store, "s2"), None);
    // What goes from the copy does not come back as what was found once.
    keep(
        &mut store,
        r#"{"source":"Product","deleted":["s1"],"cursor":"three","more":false}"#,
    );
    assert_eq!(get(&store, "s1"), None);
}

#[test]
fn what_was_found_is_changed_and_keeps_what_was_done() {
    let mut file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    let some = found(&[("s1", "Desk"), ("s2", "Chair")]);
    store.keep_found("Product", &some, false).unwrap();
    let update = operation(Op::Update, "Product", "s1", &[("price", "7")]);
    let delete = operation(Op::Delete, "Product", "s2", &[]);
    file.change(&mut store, &[update, delete]).unwrap();
    assert_eq!(ids(&store, "Product"), ["1", "2", "s1"]);
    let desk = set(&[("name", "Desk"), ("price", "7")]);
    assert_eq!(get(&store, "s1").unwrap().attributes, desk);
    assert!(get(&store, "s1").unwrap().is_pending);
    // A search meanwhile does not undo it.
    let objects = store.keep_found("Product", &some, false).unwrap();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].attributes, desk);
    assert_eq!(sent(&mut store).len(), 2);
    for change in ["c1", "c2"] {
        keep(
            &mut store,
            &format!(r#"{{"verdict":{{"id":"{change}","status":"applied","object":"x"}}}}"#),
        );
    }
    let kept = get(&store, "s1").unwrap();
    assert!(kept.is_found && !kept.is_pending);
    assert_eq!(kept.attributes, desk);
    assert_eq!(get(&store, "s2"), None);
    assert_eq!(
        sums(&store),
        sums(&{
            let mut other = File::new().open();
            keep(&mut other, PAGE);
            other
        })
    );
}

#[test]
fn what_was_found_is_as_it_was_when_its_change_is_refused() {
    let mut file = File::new();
    let mut store = file.open();
    let some = found(&[("s1", "Desk")]);
    store.keep_found("Product", &some, false).unwrap();
    let update = operation(Op::Update, "Product", "s1", &[("name", "x")]);
    file.change(&mut store, &[update]).unwrap();
    sent(&mut store);
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"refused","code":"refused"}}"#,
    );
    assert_eq!(get(&store, "s1").unwrap().attributes, some["s1"]);
    // Forgotten while a change is on its way, it goes, and the change stays.
    let update = operation(Op::Update, "Product", "s1", &[("name", "y")]);
    file.change(&mut store, &[update]).unwrap();
    store.forget_found("Product").unwrap();
    assert_eq!(ids(&store, "Product"), Vec::<String>::new());
    assert_eq!(sent(&mut store).len(), 1);
}

#[test]
fn what_was_found_goes_where_the_user_may_not_see_it_any_more() {
    let line = |reset: &str| format!(r#"{{"source":"Product","reset":"{reset}","cursor":null}}"#);
    let unknown = r#"{"source":"Product","error":{"code":"unknown_source","message":"no"}}"#;
    for (line, stays) in [
        (line("restored"), true),
        (line("too-old"), true),
        (line("moved"), false),
        (line("revoked"), false),
        (line("schema"), false),
        (line("requested"), false),
        (unknown.to_owned(), false),
    ] {
        let mut store = File::new().open();
        store
            .keep_found("Product", &found(&[("s1", "Desk")]), false)
            .unwrap();
        keep(&mut store, &line);
        assert_eq!(get(&store, "s1").is_some(), stays, "{line}");
        store.erase_for(&SessionState::default()).unwrap();
        assert_eq!(get(&store, "s1"), None);
    }
}

#[test]
fn a_source_that_passes_through_has_what_was_found_last_and_what_was_made_here() {
    let mut file = File::new();
    let mut store = file.open();
    keep(
        &mut store,
        r#"{"source":"Product","error":{"code":"not_served","message":"it passes through"}}"#,
    );
    let first = found(&[("1", "Desk"), ("2", "Chair")]);
    store.keep_found("Product", &first, true).unwrap();
    let create = operation(Op::Create, "Product", "mine", &[("name", "Lamp")]);
    file.change(&mut store, &[create]).unwrap();
    sent(&mut store);
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"applied","object":"7"}}"#,
    );
    assert_eq!(ids(&store, "Product"), ["1", "2", "mine"]);
    // The answer has it too by now, by the back end's id, and one less.
    let second = found(&[("2", "Chair"), ("7", "Lamp")]);
    let objects = store.keep_found("Product", &second, true).unwrap();
    assert_eq!(ids(&store, "Product"), ["2", "mine"]);
    assert_eq!(objects[1].remote_id.as_deref(), Some("7"));
    let mut request = store.outgoing(Limits::default(), &[]).unwrap();
    assert_eq!(request.have.remove("Product"), Some(None));
}

#[test]
fn an_object_that_a_search_finds_before_its_verdict_comes_is_one() {
    let mut file = File::new();
    let mut store = file.open();
    let create = operation(Op::Create, "Product", "mine", &[("name", "Lamp")]);
    file.change(&mut store, &[create]).unwrap();
    sent(&mut store);
    store
        .keep_found("Product", &found(&[("7", "Lamp")]), false)
        .unwrap();
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"applied","object":"7"}}"#,
    );
    assert_eq!(ids(&store, "Product"), ["mine"]);
    assert_eq!(get(&store, "7"), get(&store, "mine"));
}
