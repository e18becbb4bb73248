//! The addresses by which objects refer to blobs.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::model::{Attributes, BlobId, Record};

/// How the name of an attribute ends whose value is a blob's address. Devices download such values.
pub(crate) const BLOB_SUFFIX: &str = "-rhoblob";

/// The path below which blobs are served.
const PATH: &str = "/blobs/";

/// Longest file name in an address, in bytes of its encoded form.
const MAX_NAME_BYTES: usize = 255;

/// What stays as it is in a path segment (RFC 3986, unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The address of a blob at the server `base`. The name is for whoever saves the file; it finds nothing.
pub(crate) fn blob_address(base: &str, blob: &BlobId, file_name: &str) -> String {
    // Some devices send a whole path.
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut encoded = String::new();
    for character in name.chars() {
        let mut buffer = [0; 4];
        let character =
            utf8_percent_encode(character.encode_utf8(&mut buffer), SEGMENT).to_string();
        if encoded.len() + character.len() > MAX_NAME_BYTES {
            break;
        }
        encoded.push_str(&character);
    }
    let base = base.trim_end_matches('/');
    match encoded.as_str() {
        // Segments of dots alone would climb out.
        "" | "." | ".." => format!("{base}{PATH}{blob}"),
        name => format!("{base}{PATH}{blob}/{name}"),
    }
}

/// The blob at an address, whatever the server's own name is: it may be reached by several.
pub(crate) fn blob_at(address: &str) -> Option<BlobId> {
    parts_of(address).map(|(blob, _)| blob)
}

/// The address of the same blob at the server `base`, by the same name; `None` for an address that is no blob's.
pub(crate) fn readdressed(base: &str, address: &str) -> Option<String> {
    let (blob, name) = parts_of(address)?;
    let name = percent_decode_str(name).decode_utf8_lossy();
    Some(blob_address(base, &blob, &name))
}

/// The blob of an address, and the file's name as it stands there.
fn parts_of(address: &str) -> Option<(BlobId, &str)> {
    address.match_indices(PATH).find_map(|(at, _)| {
        let rest = address.get(at + PATH.len()..)?;
        let path = rest.split(['?', '#']).next()?;
        let (id, name) = path.split_once('/').unwrap_or((path, ""));
        Some((BlobId::parse(id).ok()?, name))
    })
}

/// The blobs an object refers to.
pub(crate) fn blobs_of(attributes: &Attributes) -> BTreeSet<BlobId> {
    attributes
        .iter()
        .filter(|(name, _)| name.ends_with(BLOB_SUFFIX))
        .filter_map(|(_, value)| blob_at(value))
        .collect()
}

/// Whether an object refers to blobs, or may have done so before: a record keeps the names of what was removed.
pub(crate) fn may_have_blobs(record: &Record) -> bool {
    fn any<V>(named: &BTreeMap<String, V>) -> bool {
        named.keys().any(|name| name.ends_with(BLOB_SUFFIX))
    }
    any(&record.attributes) || any(&record.removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> BlobId {
        BlobId::of(&[0xab; 32])
    }

    #[test]
    fn an_address_leads_back_to_its_blob() {
        for name in [
            "photo.png",
            "C:\\pictures\\żółć ☃.png",
            "a/b",
            "..",
            "",
            "%2f?#",
        ] {
            let address = blob_address("https://sync.example/x/", &id(), name);
            assert_eq!(blob_at(&address), Some(id()), "{address}");
        }
        insta::assert_snapshot!(blob_address("https://sync.example", &id(), "my photo.png"), @"https://sync.example/blobs/abababababababababababababababababababababababababababababababab/my%20photo.png");
        assert_eq!(
            blob_at(&format!("{}?client_id=c", blob_address("", &id(), ""))),
            Some(id())
        );
    }

    #[test]
    fn an_address_of_somebody_else_becomes_one_of_this_server() {
        let of = |address: &str| readdressed("https://sync.example", address);
        let here = blob_address("https://sync.example", &id(), "my photo.png");
        for base in ["", "https://evil.example/x", "https://sync.example"] {
            let there = blob_address(base, &id(), "my photo.png");
            assert_eq!(of(&there), Some(here.clone()), "{there}");
        }
        let dots = format!("/blobs/{}/%2e%2e%2f..?x#y", id());
        assert_eq!(
            of(&dots),
            Some(blob_address("https://sync.example", &id(), ""))
        );
        assert_eq!(of("https://pictures.example/1.png"), None);
    }

    #[test]
    fn what_only_looks_like_an_address_is_none() {
        let id = id();
        for text in [
            String::new(),
            id.to_string(),
            format!("/blobs/{id}0"),
            format!("/blobs/{}", id.to_string().to_uppercase()),
            "/blobs/../secret".to_owned(),
            "https://pictures.example/1.png".to_owned(),
        ] {
            assert_eq!(blob_at(&text), None, "{text}");
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let address = blob_address("", &id(), &"ż".repeat(1_000));
        assert!(address.len() < 400);
        assert!(address.ends_with("%C5%BC"));
    }

    #[test]
    fn only_attributes_named_so_refer_to_blobs() {
        let url = blob_address("", &id(), "a.png");
        let attributes = Attributes::from([
            ("photo".to_owned(), url.clone()),
            ("photo-rhoblob".to_owned(), url),
            (
                "other-rhoblob".to_owned(),
                "https://pictures.example/1.png".to_owned(),
            ),
        ]);
        assert_eq!(blobs_of(&attributes), BTreeSet::from([id()]));
    }
}
