//! Files that are encrypted by a key.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed"
)]

use std::collections::BTreeMap;
use std::fs;

use sync_device::Line;
use sync_store::{Key, OpenOptions, SourceSpec, Store, StoreError};
use tempfile::TempDir;

const RAW: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
const PHRASE: &str = "it's \"Anna's\" x'00' – key";
const PAGE: &str =
    r#"{"source":"Product","objects":{"1":{"name":"Lamp of Anna"}},"cursor":"one","more":false}"#;

struct File(TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self, key: Option<&str>) -> Result<Store, StoreError> {
        let product = SourceSpec {
            name: "Product".to_owned(),
            search: vec!["name".to_owned()],
            ..SourceSpec::default()
        };
        let options = OpenOptions {
            sources: vec![product],
            key: key.map(Key::new),
            ..OpenOptions::default()
        };
        Store::open(self.0.path().join("db").to_str().unwrap(), &options)
    }

    /// A file with an object.
    fn made_by(key: Option<&str>) -> Self {
        let file = Self::new();
        let mut store = file.open(key).unwrap();
        store.keep(&Line::parse(PAGE.as_bytes()).unwrap()).unwrap();
        file
    }

    /// All files that there are, by their names.
    fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        entries
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect()
    }

    fn shows(&self, text: &str) -> bool {
        let found = |bytes: &Vec<u8>| bytes.windows(text.len()).any(|it| it == text.as_bytes());
        self.bytes().values().any(found)
    }
}

fn found(store: &Store) -> usize {
    store.search("Product", "anna", 9).unwrap().len()
}

#[test]
fn nothing_of_what_is_kept_can_be_read_without_the_key() {
    for key in [RAW, PHRASE] {
        let file = File::new();
        let mut store = file.open(Some(key)).unwrap();
        store.keep(&Line::parse(PAGE.as_bytes()).unwrap()).unwrap();
        assert!(store.lock_sync().unwrap().is_some());
        // Neither while it is open, with its log, nor afterwards.
        assert!(file.bytes()["db-wal"].len() > 1_000);
        for text in ["Lamp of Anna", "Product", "SQLite format 3"] {
            assert!(!file.shows(text), "{text}");
        }
        drop(store);
        assert!(!file.shows("Lamp of Anna"));
        assert_eq!(found(&file.open(Some(key)).unwrap()), 1);
    }
    assert!(File::made_by(None).shows("Lamp of Anna"));
}

#[test]
fn a_wrong_key_is_told_and_leaves_the_file_alone() {
    for (made_by, asked_with) in [
        (Some(RAW), Some(PHRASE)),
        (Some(PHRASE), Some(RAW)),
        (Some(PHRASE), None),
        (None, Some(PHRASE)),
    ] {
        let file = File::made_by(made_by);
        let before = file.bytes();
        match (file.open(asked_with), asked_with) {
            (Err(StoreError::WrongKey), Some(_)) | (Err(StoreError::Unreadable), None) => {}
            (opened, _) => panic!("{opened:?}"),
        }
        assert_eq!(file.bytes()["db"], before["db"]);
        assert_eq!(found(&file.open(made_by).unwrap()), 1);
    }
    // Also where an app that was killed has left its log.
    let file = File::new();
    let mut store = file.open(Some(RAW)).unwrap();
    store.keep(&Line::parse(PAGE.as_bytes()).unwrap()).unwrap();
    std::mem::forget(store);
    assert!(matches!(file.open(Some("x")), Err(StoreError::WrongKey)));
    assert_eq!(found(&file.open(Some(RAW)).unwrap()), 1);
}

#[test]
fn the_key_can_be_changed() {
    let file = File::made_by(Some(PHRASE));
    let mut store = file.open(Some(PHRASE)).unwrap();
    store.change_key(&Key::new(RAW)).unwrap();
    assert!(file.bytes()["db-wal"].is_empty(), "of before");
    assert_eq!(found(&store), 1);
    store.keep(&Line::parse(PAGE.as_bytes()).unwrap()).unwrap();
    assert!(matches!(
        store.change_key(&Key::new("")),
        Err(StoreError::InvalidKey)
    ));
    drop(store);
    assert!(matches!(file.open(Some(PHRASE)), Err(StoreError::WrongKey)));
    assert_eq!(found(&file.open(Some(RAW)).unwrap()), 1);
    let mut plain = File::made_by(None).open(None).unwrap();
    assert!(matches!(
        plain.change_key(&Key::new(RAW)),
        Err(StoreError::NotEncrypted)
    ));
}

#[test]
fn a_key_is_shown_to_nobody() {
    let options = OpenOptions {
        key: Some(Key::new(PHRASE)),
        ..OpenOptions::default()
    };
    assert!(!format!("{options:?}").contains("Anna"));
    let wrong = File::made_by(Some(RAW)).open(Some(PHRASE)).unwrap_err();
    assert!(!format!("{wrong} {wrong:?}").contains("Anna"));
    let file = File::new();
    for none in ["", "Anna\0"] {
        let refused = file.open(Some(none)).unwrap_err();
        assert!(matches!(refused, StoreError::InvalidKey));
        assert!(!format!("{refused} {refused:?}").contains("Anna"));
    }
    assert!(file.bytes().get("db").is_none_or(Vec::is_empty));
    // Nor do queries get past it.
    let store = file.open(Some(PHRASE)).unwrap();
    for sql in [
        "SELECT sqlcipher_export('main')",
        "PRAGMA rekey = 'x'",
        "PRAGMA cipher_salt",
    ] {
        assert!(
            matches!(store.query(sql, &[]), Err(StoreError::Query { .. })),
            "{sql}"
        );
    }
}
