//! Changes of the app: from the moment it makes them until the server's news have them.

use sync_device::{Limits, Op, Value};

use crate::{File, PAGE, ids, keep, operation, sent, set};

#[test]
fn a_created_object_keeps_its_id_and_is_found_by_the_back_ends() {
    let mut file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    file.change(
        &mut store,
        &[operation(
            Op::Create,
            "Product",
            "mine",
            &[("name", "Chair")],
        )],
    )
    .unwrap();
    assert_eq!(sent(&mut store)[0]["object"], "mine");
    // The object comes as news before the verdict that says whose it is.
    keep(
        &mut store,
        r#"{"source":"Product","objects":{"17":{"name":"Chair","price":1}},"cursor":"two","more":false}"#,
    );
    file.change(
        &mut store,
        &[operation(Op::Update, "Product", "17", &[("price", "2")])],
    )
    .unwrap();
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"applied","object":"17"}}"#,
    );
    assert_eq!(ids(&store, "Product"), ["1", "2", "mine"]);
    let chair = store.get("Product", "17").unwrap().unwrap();
    assert_eq!(
        (chair.id.as_str(), chair.remote_id.as_deref()),
        ("mine", Some("17"))
    );
    assert_eq!(chair.attributes, set(&[("name", "Chair"), ("price", "2")]));
    assert_eq!(sent(&mut store)[0]["object"], "17");
    // The copy begins anew: the object is the same to the app.
    keep(
        &mut store,
        r#"{"source":"Product","reset":"restored","cursor":null}"#,
    );
    let kept = keep(
        &mut store,
        r#"{"source":"Product","objects":{"17":{"name":"Chair","price":1}},"cursor":"three","more":false,"check":{"count":1}}"#,
    );
    assert_eq!(kept.differs, None);
    assert_eq!(ids(&store, "Product"), ["mine"]);
}

#[test]
fn a_change_that_was_sent_is_sent_again_as_it_was() {
    let mut file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    let update = |name| operation(Op::Update, "Product", "1", &[("name", name)]);
    file.change(&mut store, &[update("a")]).unwrap();
    file.change(&mut store, &[update("b")]).unwrap();
    let first = sent(&mut store);
    assert_eq!((first.len(), &first[0]["set"]["name"]), (1, &"b".into()));
    file.change(&mut store, &[update("c")]).unwrap();
    drop(store);
    let mut store = file.open();
    let again = sent(&mut store);
    assert_eq!((again.len(), &again[0]), (2, &first[0]));
    assert!(!store.has_unsent().unwrap());
    // A transaction is done as a whole or not at all.
    let unknown = operation(Op::Delete, "Product", "no such", &[]);
    assert!(file.change(&mut store, &[update("d"), unknown]).is_err());
    assert_eq!(
        store.get("Product", "1").unwrap().unwrap().attributes["name"],
        "c".into()
    );
}

#[test]
fn a_late_verdict_does_not_undo_what_others_have_done_since() {
    let mut file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    let update = operation(Op::Update, "Product", "1", &[("name", "mine")]);
    let create = operation(Op::Create, "Product", "made", &[("name", "made")]);
    let delete = operation(Op::Delete, "Product", "2", &[]);
    file.change(&mut store, &[update, create, delete]).unwrap();
    sent(&mut store);
    for id in ["c1", "c2", "c3"] {
        keep(
            &mut store,
            &format!(r#"{{"verdict":{{"id":"{id}","status":"accepted"}}}}"#),
        );
    }
    // All of it was done, and others have changed, deleted and made again what this is about.
    keep(
        &mut store,
        r#"{"source":"Product","objects":{"1":{"name":"theirs"},"2":{"name":"theirs"}},"deleted":["17"],"cursor":"two","more":false}"#,
    );
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"applied","object":"1"}}"#,
    );
    keep(
        &mut store,
        r#"{"verdict":{"id":"c2","status":"applied","object":"17"}}"#,
    );
    keep(
        &mut store,
        r#"{"verdict":{"id":"c3","status":"applied","object":"2"}}"#,
    );
    assert_eq!(ids(&store, "Product"), ["1", "2"]);
    for id in ["1", "2"] {
        let object = store.get("Product", id).unwrap().unwrap();
        assert_eq!(object.attributes["name"], "theirs".into());
    }
    // The object comes back: it is the app's.
    keep(
        &mut store,
        r#"{"source":"Product","objects":{"17":{"name":"again"}},"cursor":"three","more":false}"#,
    );
    assert_eq!(ids(&store, "Product"), ["1", "2", "made"]);
}

#[test]
fn verdicts_in_another_order_than_the_changes_bring_nothing_back() {
    let mut file = File::new();
    let mut store = file.open();
    let create = operation(Op::Create, "Product", "made", &[("name", "made")]);
    file.change(&mut store, &[create]).unwrap();
    sent(&mut store);
    keep(&mut store, r#"{"verdict":{"id":"c1","status":"accepted"}}"#);
    let delete = operation(Op::Delete, "Product", "made", &[]);
    file.change(&mut store, &[delete]).unwrap();
    sent(&mut store);
    for id in ["c2", "c1"] {
        keep(
            &mut store,
            &format!(r#"{{"verdict":{{"id":"{id}","status":"applied","object":"17"}}}}"#),
        );
    }
    assert!(ids(&store, "Product").is_empty());
}

#[test]
fn a_first_sync_brings_what_was_made_and_not_what_was_deleted_since() {
    let mut file = File::new();
    let mut store = file.open();
    let create = |id| operation(Op::Create, "Product", id, &[("name", "made")]);
    file.change(&mut store, &[create("a"), create("b")])
        .unwrap();
    sent(&mut store);
    for (id, object) in [("c1", "17"), ("c2", "18")] {
        keep(
            &mut store,
            &format!(r#"{{"verdict":{{"id":"{id}","status":"applied","object":"{object}"}}}}"#),
        );
    }
    // A first copy does not say what is not there any more.
    let kept = keep(
        &mut store,
        r#"{"source":"Product","objects":{"17":{"name":"made"}},"cursor":"one","more":false,"check":{"count":1}}"#,
    );
    assert_eq!(kept.differs, None);
    assert_eq!(ids(&store, "Product"), ["a"]);
}

#[test]
fn an_object_that_was_made_and_changed_before_its_first_news_keeps_its_id() {
    let mut file = File::new();
    let mut store = file.open();
    let create = operation(Op::Create, "Product", "a", &[("name", "made")]);
    file.change(&mut store, &[create]).unwrap();
    sent(&mut store);
    let update = operation(Op::Update, "Product", "a", &[("name", "later")]);
    file.change(&mut store, &[update]).unwrap();
    sent(&mut store);
    for id in ["c1", "c2"] {
        keep(
            &mut store,
            &format!(r#"{{"verdict":{{"id":"{id}","status":"applied","object":"17"}}}}"#),
        );
    }
    keep(
        &mut store,
        r#"{"source":"Product","objects":{"17":{"name":"later"}},"cursor":"one","more":false,"check":{"count":1}}"#,
    );
    assert_eq!(ids(&store, "Product"), ["a"]);
}

#[test]
fn references_to_new_objects_wait_for_the_back_ends_ids_and_are_the_apps_again_when_they_come_back()
{
    let mut file = File::new();
    let mut store = file.open();
    keep(
        &mut store,
        r#"{"source":"Product","cursor":"one","more":false}"#,
    );
    let product = operation(Op::Create, "Product", "p", &[("name", "Chair")]);
    let order = operation(Op::Create, "Order", "o", &[("product", "p"), ("note", "x")]);
    file.change(&mut store, &[product, order]).unwrap();
    assert_eq!(sent(&mut store).len(), 1);
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"applied","object":"17"}}"#,
    );
    assert!(store.has_unsent().unwrap());
    let order = &sent(&mut store)[0];
    assert_eq!(
        (&order["object"], &order["set"]["product"]),
        (&"o".into(), &"17".into())
    );
    keep(
        &mut store,
        r#"{"verdict":{"id":"c2","status":"applied","object":"5"}}"#,
    );
    let kept = keep(
        &mut store,
        r#"{"source":"Order","objects":{"5":{"product":"17","note":"x"}},"cursor":"c","more":false,"check":{"count":1,"sum":"0"}}"#,
    );
    assert!(kept.differs.is_some(), "no sum is 0");
    let rows = store
        .query(
            r#"SELECT "Product".name FROM "Order" JOIN "Product" ON "Product".id = product"#,
            &[],
        )
        .unwrap();
    assert_eq!(rows.rows, [[Value::from("Chair")]]);
    // What copies are compared by is what the server has.
    let (_, sums) = store.sums("Order").unwrap().unwrap();
    let hash = sync_device::object_hash("5", &set(&[("product", "17"), ("note", "x")]));
    assert!(sums.contains(&format!("{hash:016x}")));
}

#[test]
fn failed_changes_wait_for_the_app() {
    let mut file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    file.change(
        &mut store,
        &[operation(
            Op::Create,
            "Product",
            "mine",
            &[("name", "Chair")],
        )],
    )
    .unwrap();
    sent(&mut store);
    file.change(
        &mut store,
        &[operation(Op::Update, "Product", "mine", &[("price", "1")])],
    )
    .unwrap();
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"refused","code":"refused","message":"no name"}}"#,
    );
    let failed = store.failed_changes().unwrap();
    let codes: Vec<_> = failed.iter().map(|it| it.code.clone().unwrap()).collect();
    assert_eq!(codes, ["refused", "not_created"]);
    assert_eq!(ids(&store, "Product"), ["1", "2"]);
    store.discard("c2").unwrap();
    let again = set(&[("name", "Stool")]);
    store
        .retry("c1", Some(&again), 0, ["c3", "another"])
        .unwrap();
    assert_eq!(ids(&store, "Product"), ["1", "2", "mine"]);
    // The server is told until it has heard it. Of the change that was never sent it knows nothing.
    let told = [("Product".to_owned(), vec!["c1".to_owned()])].into();
    for _ in 0..2 {
        let request = store.outgoing(Limits::default(), &[]).unwrap();
        assert_eq!(request.settled, told);
    }
    store.told_settled(&told).unwrap();
    let request = store.outgoing(Limits::default(), &[]).unwrap();
    assert!(request.settled.is_empty());
    let change = &sent(&mut store)[0];
    assert_eq!(
        (&change["id"], &change["object"]),
        (&"c3".into(), &"another".into())
    );
    keep(
        &mut store,
        r#"{"verdict":{"id":"c3","status":"applied","object":"17"}}"#,
    );
    assert_eq!(store.get("Product", "17").unwrap().unwrap().id, "mine");
    assert!(store.failed_changes().unwrap().is_empty());
    assert!(store.discard("c3").is_err());
    // In part: what was kept by others waits, the rest is done.
    file.change(
        &mut store,
        &[operation(
            Op::Update,
            "Product",
            "1",
            &[("name", "n"), ("price", "p")],
        )],
    )
    .unwrap();
    let id = sent(&mut store)[0]["id"].as_str().unwrap().to_owned();
    keep(
        &mut store,
        &format!(
            r#"{{"verdict":{{"id":"{id}","status":"conflict","object":"1","kept":["price"],"current":{{"name":"n","price":99}}}}}}"#
        ),
    );
    let lamp = store.get("Product", "1").unwrap().unwrap();
    assert_eq!(lamp.attributes["name"], "n".into());
    let failed = &store.failed_changes().unwrap()[0];
    assert_eq!(failed.change.set, set(&[("price", "p")]));
    assert_eq!(
        failed.current.as_ref().unwrap()["price"],
        Value::Integer(99)
    );
}
