//! Images of first syncs, taken in part by part.

use sync_device::{Limits, Op};
use sync_store::{ImageReading, ImageStep, SessionState, Store};

use crate::{File, ids, keep, operation, sent, set};

/// An image of these lines: its bytes, and the line that names it.
pub(crate) fn image(lines: &[&str], sha256: Option<&str>) -> (Vec<u8>, String) {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use sha2::{Digest as _, Sha256};

    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    for line in lines {
        writeln!(packer, "{line}").unwrap();
    }
    let bytes = packer.finish().unwrap();
    let digest = base16ct::lower::encode_string(&Sha256::digest(&bytes));
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

pub(crate) const LINES: [&str; 4] = [
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
