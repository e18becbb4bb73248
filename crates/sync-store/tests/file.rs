//! What is kept in a file, and what the app sees of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed"
)]

use std::fs;

use sync_device::{Attributes, Change, Limits, Line, Op, Value};
use sync_store::{
    ImageReading, ImageStep, OpenOptions, Operation, SessionState, SourceSpec, Store, StoreError,
    Told,
};
use tempfile::TempDir;

struct File {
    folder: TempDir,
    ids: u32,
}

impl File {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            ids: 0,
        }
    }

    fn path(&self) -> String {
        self.folder.path().join("db").to_str().unwrap().to_owned()
    }

    fn open(&self) -> Store {
        let named = |name: &str| SourceSpec {
            name: name.to_owned(),
            ..SourceSpec::default()
        };
        self.open_with(vec![named("Product"), named("Order")])
    }

    fn open_with(&self, sources: Vec<SourceSpec>) -> Store {
        let options = OpenOptions {
            sources,
            ..OpenOptions::default()
        };
        Store::open(&self.path(), &options).unwrap()
    }

    fn change(&mut self, store: &mut Store, operations: &[Operation]) -> Result<(), StoreError> {
        store.change(operations, 0, || {
            self.ids += 1;
            format!("c{}", self.ids)
        })
    }
}

fn set(of: &[(&str, &str)]) -> Attributes {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect()
}

fn operation(op: Op, source: &str, object: &str, of: &[(&str, &str)]) -> Operation {
    Operation {
        source: source.to_owned(),
        object: object.to_owned(),
        change: Change::new(op, set(of), vec![]),
    }
}

fn keep(store: &mut Store, line: &str) -> sync_store::Kept {
    store.keep(&Line::parse(line.as_bytes()).unwrap()).unwrap()
}

fn ids(store: &Store, source: &str) -> Vec<String> {
    let objects = store.list(source, 100, 0).unwrap();
    objects.into_iter().map(|object| object.id).collect()
}

fn sent(store: &mut Store) -> Vec<serde_json::Value> {
    let request = store.outgoing(Limits::default(), &[]).unwrap();
    let changes = request.changes.iter();
    changes
        .map(|change| serde_json::to_value(change).unwrap())
        .collect()
}

const PAGE: &str = r#"{"source":"Product","objects":{"1":{"name":"Lamp","price":12.5},"2":{"name":"Desk","price":3}},"cursor":"one","more":false}"#;

#[test]
fn news_and_changes_lie_on_each_other_and_survive_the_end_of_the_process() {
    let mut file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    let update = operation(Op::Update, "Product", "1", &[("name", "Lamp II")]);
    let delete = operation(Op::Delete, "Product", "2", &[]);
    let create = operation(Op::Create, "Product", "mine", &[("name", "Chair")]);
    file.change(&mut store, &[update, delete, create]).unwrap();
    drop(store);
    let mut store = file.open();
    assert_eq!(ids(&store, "Product"), ["1", "mine"]);
    keep(
        &mut store,
        r#"{"source":"Product","objects":{"1":{"name":"by others","price":13}},"unset":{"2":["price"]},"cursor":"two","more":false}"#,
    );
    let lamp = store.get("Product", "1").unwrap().unwrap();
    assert_eq!(
        (
            lamp.attributes["name"].to_text(),
            lamp.attributes["price"].to_text()
        ),
        ("Lamp II".to_owned(), "13".to_owned())
    );
    assert!(lamp.is_pending);
    let bases: Vec<_> = sent(&mut store)
        .iter()
        .map(|it| it["base"].clone())
        .collect();
    assert_eq!(bases, ["one", "one", "one"]);
    // It is refused: the server's copy is seen again.
    let kept = keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"refused","code":"refused","message":"no","current":{"name":"x"}}}"#,
    );
    assert!(
        matches!(kept.told, Some(Told::Failed(failed)) if failed.current == Some(set(&[("name", "x")])))
    );
    assert_eq!(
        store.get("Product", "1").unwrap().unwrap().attributes["name"],
        "by others".into()
    );
}

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

#[test]
fn damage_is_found_and_mended() {
    let file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    keep(
        &mut store,
        r#"{"source":"Product","objects":{"3":{"name":"Bed"}},"cursor":"two","more":false}"#,
    );
    let (_, good) = store.sums("Product").unwrap().unwrap();
    let connection = rusqlite::Connection::open(file.path()).unwrap();
    connection
        .execute_batch(
            r#"UPDATE _object_1 SET shown = '{"name":"Lump"}' WHERE id = '1'; DELETE FROM _object_1 WHERE id = '2';
               UPDATE _object_1 SET shown = x'00ff' WHERE id = '3'; INSERT INTO _object_1 (id, shown) VALUES ('4', '{}')"#,
        )
        .unwrap();
    assert!(store.count("Product", 1).unwrap());
    let (_, bad) = store.sums("Product").unwrap().unwrap();
    let server: std::collections::BTreeMap<String, Attributes> = serde_json::from_str(
        r#"{"1":{"name":"Lamp","price":12.5},"2":{"name":"Desk","price":3},"3":{"name":"Bed"}}"#,
    )
    .unwrap();
    for (part, (good, bad)) in good.iter().zip(&bad).enumerate() {
        let part = u8::try_from(part).unwrap();
        if good != bad {
            let objects: std::collections::BTreeMap<_, _> = server
                .clone()
                .into_iter()
                .filter(|(id, _)| sync_device::bucket(id) == part)
                .collect();
            let hashes = objects
                .keys()
                .map(|id| (id.clone(), String::new()))
                .collect();
            store.mend("Product", part, &hashes, &objects).unwrap();
        }
    }
    assert_eq!(store.sums("Product").unwrap().unwrap().1, good);
    assert_eq!(ids(&store, "Product"), ["1", "2", "3"]);
    assert!(!store.count("Product", 1).unwrap());
}

#[test]
fn queries_read_the_sources_and_nothing_else() {
    let file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    let rows = store
        .query(
            "SELECT id, name, price FROM Product WHERE price > ? ORDER BY price",
            &[Value::Integer(2)],
        )
        .unwrap();
    assert_eq!(rows.columns, ["id", "name", "price"]);
    assert_eq!(
        rows.rows[1],
        ["1".into(), "Lamp".into(), Value::Float(12.5)]
    );
    assert_eq!(
        store.sources_of("SELECT name FROM Product").unwrap(),
        ["Product"]
    );
    for bad in [
        "DELETE FROM Product",
        "SELECT * FROM _meta",
        "SELECT value FROM (SELECT * FROM _meta)",
        "PRAGMA journal_mode = DELETE",
        "ATTACH 'x' AS y",
        "UPDATE _object_1 SET shown = NULL",
        "SELECT",
    ] {
        assert!(
            matches!(store.query(bad, &[]), Err(StoreError::Query { .. })),
            "{bad}"
        );
    }
}

#[cfg(not(feature = "encryption"))]
#[test]
fn a_library_without_encryption_says_so_and_makes_no_file() {
    let file = File::new();
    let options = OpenOptions {
        key: Some(sync_store::Key::new("x")),
        ..OpenOptions::default()
    };
    let opened = Store::open(&file.path(), &options);
    assert!(matches!(opened, Err(StoreError::NoEncryption)));
    assert!(!fs::exists(file.path()).unwrap());
    // What is no database is not touched either.
    fs::write(file.path(), "x".repeat(4_096)).unwrap();
    let opened = Store::open(&file.path(), &OpenOptions::default());
    assert!(matches!(opened, Err(StoreError::Unreadable)));
    assert_eq!(fs::read(file.path()).unwrap(), "x".repeat(4_096).as_bytes());
}

#[test]
fn columns_are_there_before_an_object_is() {
    let file = File::new();
    let asked = |store: &Store, sql: &str| store.query(sql, &[]).map(|rows| rows.columns);
    let Err(StoreError::Query { reason }) = asked(&file.open(), "SELECT name FROM Product") else {
        panic!("nobody knows the column");
    };
    assert!(reason.contains("`attributes`"), "{reason}");
    let spec = SourceSpec {
        name: "Product".to_owned(),
        attributes: vec!["name".to_owned(), "no\"column".to_owned()],
        ..SourceSpec::default()
    };
    let mut store = file.open_with(vec![spec.clone()]);
    assert_eq!(asked(&store, "SELECT name FROM Product").unwrap(), ["name"]);
    let schema = r#"{"source":"Product","schema":{"property":{"stock":"integer"}},"cursor":"c","more":false}"#;
    keep(&mut store, schema);
    drop(store);
    let store = file.open_with(vec![spec]);
    let columns = ["id", "name", "stock", "pending", "attributes"];
    assert_eq!(asked(&store, "SELECT * FROM Product").unwrap(), columns);
}

#[test]
fn indexes_and_search_are_what_the_app_asks_for() {
    let mut file = File::new();
    let mut store = file.open();
    keep(&mut store, PAGE);
    assert!(matches!(
        store.search("Product", "lamp", 9),
        Err(StoreError::NotSearchable { .. })
    ));
    drop(store);
    let spec = SourceSpec {
        name: "Product".to_owned(),
        indexes: vec![vec!["price".to_owned()]],
        search: vec!["name".to_owned(), "note".to_owned()],
        ..SourceSpec::default()
    };
    let mut store = file.open_with(vec![spec]);
    let found = |store: &Store, words: &str| -> Vec<String> {
        let objects = store.search("Product", words, 9).unwrap();
        objects.into_iter().map(|it| it.id).collect()
    };
    assert_eq!(found(&store, "la"), ["1"]);
    file.change(
        &mut store,
        &[operation(
            Op::Update,
            "Product",
            "1",
            &[("name", "Torch"), ("note", "a \"bright\" one")],
        )],
    )
    .unwrap();
    assert_eq!(found(&store, "lamp"), [""; 0]);
    assert_eq!(found(&store, "bright torch"), ["1"]);
    assert_eq!(found(&store, "\" OR *"), [""; 0]);
    let plan = store
        .query("SELECT 1", &[])
        .map(|_| rusqlite::Connection::open(file.path()).unwrap())
        .unwrap()
        .query_row(
            "EXPLAIN QUERY PLAN SELECT id FROM Product WHERE price = 3",
            [],
            |row| row.get::<_, String>(3),
        )
        .unwrap();
    assert!(plan.contains("_index_1_0"), "{plan}");
}

#[test]
fn another_user_finds_nothing() {
    let mut file = File::new();
    let spec = SourceSpec {
        name: "Product".to_owned(),
        search: vec!["name".to_owned()],
        ..SourceSpec::default()
    };
    let mut store = file.open_with(vec![spec]);
    keep(
        &mut store,
        r#"{"source":"Product","objects":{"1":{"name":"Geheimnis"}},"cursor":"one","more":false,"metadata":"Geheimnis"}"#,
    );
    file.change(
        &mut store,
        &[operation(
            Op::Create,
            "Product",
            "mine",
            &[("name", "Geheimnis")],
        )],
    )
    .unwrap();
    let bob = SessionState {
        user: Some("bob".to_owned()),
        ..SessionState::default()
    };
    let is_there = |file: &File| {
        fs::read_dir(file.folder.path()).unwrap().any(|entry| {
            let content = fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&content).to_lowercase();
            text.contains("geheimnis")
        })
    };
    assert!(is_there(&file));
    store.erase_for(&bob).unwrap();
    assert!(!is_there(&file));
    assert!(ids(&store, "Product").is_empty() && store.open_changes().unwrap().is_empty());
    assert_eq!(store.session().unwrap(), bob);
    assert_eq!(
        store.outgoing(Limits::default(), &[]).unwrap().have["Product"],
        None
    );
}

#[test]
fn one_sync_at_a_time_has_the_lock() {
    let file = File::new();
    let (one, other) = (file.open(), file.open());
    let lock = one.lock_sync().unwrap();
    assert!(lock.is_some());
    assert!(other.lock_sync().unwrap().is_none());
    drop(lock);
    assert!(other.lock_sync().unwrap().is_some());
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let file = File::new();
    drop(file.open());
    let connection = rusqlite::Connection::open(file.path()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let opened = Store::open(&file.path(), &OpenOptions::default());
    assert!(matches!(opened, Err(StoreError::Newer { version: 99 })));
}

/// An image of these lines: its bytes, and the line that names it.
fn image(lines: &[&str], sha256: Option<&str>) -> (Vec<u8>, String) {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use sha2::{Digest as _, Sha256};

    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    for line in lines {
        writeln!(packer, "{line}").unwrap();
    }
    let bytes = packer.finish().unwrap();
    let digest = Sha256::digest(&bytes);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let sha256 = sha256.unwrap_or(&digest);
    let named = format!(
        r#"{{"source":"Product","image":{{"url":"/i","bytes":{},"sha256":"{sha256}","cursor":"c7"}}}}"#,
        bytes.len()
    );
    (bytes, named)
}

/// Takes an image in, as far as it is one.
fn taken_in(store: &mut Store) -> bool {
    if !store.begin_image("Product").unwrap() {
        return false;
    }
    let mut reading = ImageReading::of("Product");
    loop {
        match store.take_image_part(&mut reading).unwrap() {
            ImageStep::More(_) => {}
            ImageStep::Done(_) => return true,
            ImageStep::Useless => return false,
        }
    }
}

const LINES: [&str; 4] = [
    r#"{"source":"Product","schema":{"version":"1","property":{"price":"float"}},"metadata":"m","more":true}"#,
    r#"{"source":"Product","objects":{"1":{"name":"Lamp","old":"x"},"2":{"name":"Desk"},"3":{"name":"Gone"}},"more":true}"#,
    r#"{"source":"Product","deleted":["1","3"],"more":true}"#,
    r#"{"source":"Product","objects":{"1":{"name":"Lamp"}},"more":false}"#,
];

#[test]
fn an_image_that_came_in_parts_over_restarts_is_taken_in_with_its_cursor() {
    let file = File::new();
    let (bytes, named) = image(&LINES, None);
    let mut store = file.open();
    assert_eq!(keep(&mut store, &named).image.unwrap(), "Product");
    for (number, part) in bytes.chunks(50).enumerate() {
        let mut store = file.open();
        assert_eq!(store.sources_with_images().unwrap(), ["Product"]);
        let got = store.image("Product").unwrap().unwrap().got;
        assert_eq!(got, 50 * number as u64);
        // What is no next part is none.
        store.keep_image_part("Product", got + 1, part).unwrap();
        store.keep_image_part("Product", got, part).unwrap();
        // Meanwhile others are asked for.
        let request = store.outgoing(Limits::default(), &[]).unwrap();
        assert!(request.have.contains_key("Order") && !request.have.contains_key("Product"));
        // The same image with another cursor is no other.
        keep(&mut store, &named.replace("c7", "c8"));
    }
    // A reading that was killed is begun anew.
    assert!(store.begin_image("Product").unwrap());
    let mut killed = ImageReading::of("Product");
    store.take_image_part(&mut killed).unwrap();
    let mut store = file.open();
    assert!(taken_in(&mut store));
    assert_eq!(ids(&store, "Product"), ["1", "2"]);
    let lamp = store.get("Product", "1").unwrap().unwrap();
    assert_eq!(lamp.attributes, set(&[("name", "Lamp")]));
    let status = store.sources().unwrap().remove(0);
    assert_eq!((status.count, status.metadata.as_deref()), (2, Some("m")));
    let request = store.outgoing(Limits::default(), &[]).unwrap();
    assert_eq!(request.have["Product"].as_deref(), Some("c8"));
    assert_eq!(store.image("Product").unwrap(), None);
    let connection = rusqlite::Connection::open(file.path()).unwrap();
    let parts = connection.query_row("SELECT count(*) FROM _image_part", [], |row| row.get(0));
    assert_eq!(parts, Ok(0));
}

#[test]
fn an_image_that_is_not_what_it_should_be_leaves_nothing() {
    let not_ended: Vec<&str> = LINES[..3].to_vec();
    let of_another = [
        LINES[0],
        r#"{"source":"Order","objects":{"1":{}},"more":false}"#,
    ];
    let with_cursor = [r#"{"source":"Product","cursor":"x","more":false}"#];
    let after_the_end = [LINES[3], LINES[1]];
    for (lines, sha256) in [
        (&LINES[..], Some("00")),
        (&not_ended[..], None),
        (&of_another[..], None),
        (&with_cursor[..], None),
        (&after_the_end[..], None),
        (&["<html>"][..], None),
        (&[r#"{"end":{"after":30,"why":"idle"}}"#][..], None),
    ] {
        let file = File::new();
        let mut store = file.open();
        let (bytes, named) = image(lines, sha256);
        keep(&mut store, &named);
        store.keep_image_part("Product", 0, &bytes).unwrap();
        assert!(!taken_in(&mut store), "{lines:?}");
        store.drop_image("Product").unwrap();
        assert_eq!(ids(&store, "Product"), [""; 0], "{lines:?}");
        let request = store.outgoing(Limits::default(), &[]).unwrap();
        assert_eq!(request.have["Product"], None);
    }
    // Half of one, and one that is no gzip.
    for bytes in [image(&LINES, None).0[..40].to_vec(), b"<html>".to_vec()] {
        let file = File::new();
        let mut store = file.open();
        let (_, named) = image(&LINES, None);
        keep(&mut store, &named);
        store.keep_image_part("Product", 0, &bytes).unwrap();
        assert!(!taken_in(&mut store));
    }
}

#[test]
fn what_was_done_meanwhile_stays_and_another_image_takes_the_place_of_the_first() {
    let mut file = File::new();
    let mut store = file.open();
    let (bytes, named) = image(&LINES, None);
    keep(&mut store, &named);
    store.keep_image_part("Product", 0, &bytes[..60]).unwrap();
    let created = operation(Op::Create, "Product", "mine", &[("name", "Mine")]);
    file.change(&mut store, &[created]).unwrap();
    let (bytes, named) = image(&LINES[1..], None);
    keep(&mut store, &named);
    assert_eq!(store.image("Product").unwrap().unwrap().got, 0);
    store.keep_image_part("Product", 0, &bytes).unwrap();
    assert!(taken_in(&mut store));
    assert_eq!(ids(&store, "Product"), ["1", "2", "mine"]);
    assert_eq!(sent(&mut store).len(), 1);
    // A source that has begun does not begin again by an image.
    assert_eq!(keep(&mut store, &named).image, None);
    // Who begins anew has nothing of it.
    keep(
        &mut store,
        r#"{"source":"Product","reset":"moved","cursor":null}"#,
    );
    keep(&mut store, &named);
    store.keep_image_part("Product", 0, &bytes).unwrap();
    store.erase_for(&SessionState::default()).unwrap();
    assert_eq!(store.image("Product").unwrap(), None);
}

#[test]
fn a_file_of_the_first_version_is_brought_up_to_date() {
    let file = File::new();
    let mut store = file.open();
    keep(
        &mut store,
        r#"{"source":"Product","objects":{"1":{"name":"Lamp"}},"cursor":"c","more":false}"#,
    );
    drop(store);
    let connection = rusqlite::Connection::open(file.path()).unwrap();
    let before = "DROP TABLE _image; DROP TABLE _image_part; DROP TABLE _file; DROP TABLE _file_part; DROP TABLE _settled; PRAGMA user_version = 1";
    connection.execute_batch(before).unwrap();
    let mut store = file.open();
    assert_eq!(ids(&store, "Product"), ["1"]);
    let (_, named) = image(&LINES, None);
    keep(&mut store, &named);
}

#[test]
fn what_was_made_here_keeps_its_id_though_an_image_has_it_twice() {
    let mut file = File::new();
    let mut store = file.open();
    let made = operation(Op::Create, "Product", "mine", &[("name", "Lamp")]);
    file.change(&mut store, &[made]).unwrap();
    sent(&mut store);
    keep(
        &mut store,
        r#"{"verdict":{"id":"c1","status":"applied","object":"1"}}"#,
    );
    let (bytes, named) = image(&LINES, None);
    keep(&mut store, &named);
    store.keep_image_part("Product", 0, &bytes).unwrap();
    assert!(taken_in(&mut store));
    assert_eq!(ids(&store, "Product"), ["2", "mine"]);
    let lamp = store.get("Product", "mine").unwrap().unwrap();
    assert_eq!(lamp.remote_id.as_deref(), Some("1"));
}
