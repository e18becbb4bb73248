//! What is kept in a file, and what the app sees of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed"
)]

mod changes;
mod found;
mod images;
mod parameters;

use std::fs;

use sync_device::{Attributes, Change, Limits, Line, Op, Value};
use sync_store::{OpenOptions, Operation, SessionState, SourceSpec, Store, StoreError, Told};
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
    let before = "DROP TABLE _image; DROP TABLE _image_part; DROP TABLE _file; DROP TABLE _file_part; DROP TABLE _settled; DROP TABLE _parameters; DROP TABLE _found; PRAGMA user_version = 1";
    connection.execute_batch(before).unwrap();
    let mut store = file.open();
    assert_eq!(ids(&store, "Product"), ["1"]);
    let (_, named) = images::image(&images::LINES, None);
    keep(&mut store, &named);
}
