//! Files that objects refer to: they go up before their changes, come down when they are wanted, and make room.

#![expect(
    clippy::unwrap_used,
    reason = "a test that does not find what it looks for has failed"
)]

use sha2::{Digest as _, Sha256};
use sync_device::{Attributes, Change, Limits, Line, Op, file_address};
use sync_store::{
    FileState, OpenOptions, Operation, SessionState, SourceSpec, Store, StoreError, Told,
};
use tempfile::TempDir;

/// Bytes of a part, as the file has it.
const FILE_PART: usize = 256 * 1024;

const QUOTA: u64 = 1_000_000;
const DAY: u64 = 24 * 60 * 60 * 1_000;

fn open(folder: &TempDir) -> Store {
    let spec = SourceSpec {
        name: "Visit".to_owned(),
        ..SourceSpec::default()
    };
    let options = OpenOptions {
        sources: vec![spec],
        ..OpenOptions::default()
    };
    let path = folder.path().join("db");
    Store::open(path.to_str().unwrap(), &options).unwrap()
}

fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8 ^ seed).collect()
}

fn digest(content: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(content))
}

fn add(store: &mut Store, content: &[u8], now_ms: u64) -> Result<String, StoreError> {
    let digest = store.add_file(content, "image/png", QUOTA, now_ms)?;
    Ok(file_address(&digest, "a.png"))
}

fn change(store: &mut Store, op: Op, object: &str, photo: Option<&str>) {
    let set = photo.map(|photo| ("photo-rhoblob".to_owned(), photo.into()));
    let name = ("name".to_owned(), object.into());
    let set: Attributes = set.into_iter().chain([name]).collect();
    let operation = Operation {
        source: "Visit".to_owned(),
        object: object.to_owned(),
        change: Change::new(op, set, vec![]),
    };
    let mut made = 0;
    let id = || {
        made += 1;
        format!("change-of-{object}-{op:?}-{made}")
    };
    store.change(&[operation], 0, id).unwrap();
}

/// The objects whose changes go up now.
fn going(store: &mut Store) -> Vec<String> {
    let request = store.outgoing(Limits::default(), &[]).unwrap();
    request.changes.into_iter().map(|it| it.object).collect()
}

fn state(store: &Store, content: &[u8]) -> Option<FileState> {
    let status = store.file(&digest(content)).unwrap();
    status.map(|status| status.state)
}

#[test]
fn a_change_goes_when_the_file_that_it_refers_to_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let photo = content(1, FILE_PART * 2 + 7);
    let file = digest(&photo);
    let address = add(&mut store, &photo, 0).unwrap();
    change(&mut store, Op::Create, "a", Some(&address));
    change(&mut store, Op::Create, "b", None);
    assert_eq!(going(&mut store), ["b"]);
    assert!(!store.has_unsent().unwrap());
    assert_eq!(store.files_to_send().unwrap(), [file.clone()].into());
    // The app is started again in between.
    store.note_sent(&file, FILE_PART as u64).unwrap();
    drop(store);
    let mut store = open(&folder);
    let status = store.file(&file).unwrap().unwrap();
    assert_eq!(
        (status.state, status.sent),
        (FileState::Queued, FILE_PART as u64)
    );
    let rest = store
        .read_file_from(&file, FILE_PART as u64 - 5, FILE_PART + 9)
        .unwrap();
    assert_eq!(rest, photo[FILE_PART - 5..FILE_PART * 2 + 4]);
    store.note_sent(&file, photo.len() as u64).unwrap();
    assert_eq!(going(&mut store), ["a", "b"]);
    assert_eq!(store.files_to_send().unwrap().len(), 0);
    assert_eq!(store.read_file(&file, 0).unwrap(), Some(photo));
}

#[test]
fn a_file_that_the_server_has_lost_goes_up_again_before_its_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let photo = content(1, 10);
    let address = add(&mut store, &photo, 0).unwrap();
    change(&mut store, Op::Create, "a", Some(&address));
    store.note_sent(&digest(&photo), 10).unwrap();
    assert_eq!(going(&mut store), ["a"]);
    let id = store.open_changes().unwrap().remove(0).id;
    let line = format!(r#"{{"verdict":{{"id":"{id}","status":"refused","code":"unknown_blob"}}}}"#);
    let kept = store.keep(&Line::parse(line.as_bytes()).unwrap()).unwrap();
    assert_eq!(kept.told, None);
    assert_eq!(going(&mut store), [""; 0]);
    assert_eq!(store.files_to_send().unwrap(), [digest(&photo)].into());
    store.note_sent(&digest(&photo), 10).unwrap();
    let request = store.outgoing(Limits::default(), &[]).unwrap();
    assert_eq!(request.changes[0].id, id, "it is the same change");
    // One that was never here is the app's to decide on.
    let elsewhere = file_address(&"0".repeat(64), "b.png");
    change(&mut store, Op::Create, "b", Some(&elsewhere));
    assert_eq!(going(&mut store), ["a", "b"]);
    let id = store.open_changes().unwrap().remove(1).id;
    let line = format!(r#"{{"verdict":{{"id":"{id}","status":"refused","code":"unknown_blob"}}}}"#);
    let kept = store.keep(&Line::parse(line.as_bytes()).unwrap()).unwrap();
    assert!(matches!(kept.told, Some(Told::Failed(_))));
}

#[test]
fn the_changes_of_a_file_that_is_refused_fail_and_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let photo = content(1, 10);
    let address = add(&mut store, &photo, 0).unwrap();
    change(&mut store, Op::Create, "a", Some(&address));
    let told = store
        .refuse_file(&digest(&photo), "quota_exceeded", "no room")
        .unwrap();
    let [Told::Failed(failed)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(failed.code.as_deref(), Some("quota_exceeded"));
    assert!(store.get("Visit", "a").unwrap().is_none());
    let id = failed.id.clone();
    // It is not forgotten meanwhile.
    store.drop_orphans(3 * DAY).unwrap();
    store.retry(&id, None, 0, ["again", "object"]).unwrap();
    assert_eq!(store.files_to_send().unwrap(), [digest(&photo)].into());
    store.note_sent(&digest(&photo), 10).unwrap();
    assert_eq!(going(&mut store), ["object"]);
}

#[test]
fn what_can_be_had_again_makes_room_and_what_waits_to_go_up_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let files: Vec<Vec<u8>> = (0..4).map(|seed| content(seed, 400_000)).collect();
    for (now, file) in (1_u64..).zip(&files[..2]) {
        add(&mut store, file, now).unwrap();
        store.note_sent(&digest(file), 400_000).unwrap();
    }
    // The first was used last.
    store.read_file(&digest(&files[0]), DAY).unwrap().unwrap();
    add(&mut store, &files[2], DAY).unwrap();
    assert_eq!(state(&store, &files[0]), Some(FileState::Here));
    assert_eq!(state(&store, &files[1]), None, "it has made room");
    add(&mut store, &files[3], DAY).unwrap();
    assert_eq!(state(&store, &files[0]), None);
    let refused = add(&mut store, &files[0], DAY);
    assert!(matches!(
        refused,
        Err(StoreError::NoRoom {
            bytes: 400_000,
            quota: QUOTA
        })
    ));
    assert_eq!(
        store.read_file(&digest(&files[2]), DAY).unwrap().as_ref(),
        Some(&files[2])
    );
    // A download does not fit either.
    store.want_file(&digest(&files[0]), DAY).unwrap();
    assert!(
        !store
            .keep_file_part(&digest(&files[0]), 0, &files[0], QUOTA)
            .unwrap()
    );
    assert_eq!(state(&store, &files[0]), Some(FileState::NoRoom));
    // Nobody refers to what was made.
    store.drop_orphans(2 * DAY + 1).unwrap();
    assert_eq!(state(&store, &files[2]), None);
}

#[test]
fn a_download_goes_on_and_is_believed_when_all_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let photo = content(1, FILE_PART + 9);
    let file = digest(&photo);
    store.want_file(&file, 0).unwrap();
    assert_eq!(store.wanted_files().unwrap(), std::slice::from_ref(&file));
    assert!(
        store
            .keep_file_part(&file, 0, &photo[..100], QUOTA)
            .unwrap()
    );
    assert!(
        store
            .keep_file_part(&file, 300, &photo[300..], QUOTA)
            .unwrap()
    );
    drop(store);
    let mut store = open(&folder);
    assert_eq!(store.file(&file).unwrap().unwrap().bytes, 100);
    assert!(!store.end_file(&file, 1).unwrap());
    assert_eq!(store.read_file(&file, 1).unwrap(), None);
    assert!(
        store
            .keep_file_part(&file, 100, &photo[100..], QUOTA)
            .unwrap()
    );
    assert!(store.end_file(&file, 1).unwrap());
    assert_eq!(store.read_file(&file, 1).unwrap(), Some(photo.clone()));
    assert_eq!(store.read_file_from(&file, 90, 20).unwrap(), photo[90..110]);
    // What somebody else has sent is thrown away.
    let other = digest(b"other");
    store.want_file(&other, 0).unwrap();
    assert!(store.keep_file_part(&other, 0, b"<html>", QUOTA).unwrap());
    assert!(!store.end_file(&other, 1).unwrap());
    store.miss_file(&other).unwrap();
    assert_eq!(
        store.file(&other).unwrap().unwrap().state,
        FileState::Missing
    );
    store.want_file(&other, 0).unwrap();
    assert!(store.keep_file_part(&other, 0, b"other", QUOTA).unwrap());
    assert!(store.end_file(&other, 1).unwrap());
}

#[test]
fn files_of_another_user_and_of_an_older_version() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let photo = content(1, 10);
    add(&mut store, &photo, 0).unwrap();
    store.erase_for(&SessionState::default()).unwrap();
    assert_eq!(state(&store, &photo), None);
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join("db")).unwrap();
    let before = "DROP TABLE _file; DROP TABLE _file_part; DROP TABLE _settled; DROP TABLE _parameters; DROP TABLE _found; PRAGMA user_version = 2";
    connection.execute_batch(before).unwrap();
    drop(connection);
    let mut store = open(&folder);
    add(&mut store, &photo, 0).unwrap();
    assert_eq!(state(&store, &photo), Some(FileState::Queued));
}
