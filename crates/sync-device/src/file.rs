//! The addresses by which objects refer to files.

use std::collections::BTreeSet;

use crate::value::{Attributes, Value};

/// How the name of an attribute ends whose value is a file's address.
pub const FILE_SUFFIX: &str = "-rhoblob";

/// What an address has before the digest.
const PATH: &str = "/blobs/";

/// Digits of a digest.
const DIGITS: usize = 64;

/// The address of a file: its digest, and its name for whoever saves it. The server puts its own name before it.
pub fn file_address(sha256: &str, name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut address = format!("{PATH}{sha256}");
    // Segments of dots alone would climb out.
    if name.bytes().all(|byte| byte == b'.') {
        return address;
    }
    address.push('/');
    for byte in name.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => address.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => address.push(byte.into()),
            byte => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

/// The digest in an address, whatever the server is called there.
pub fn file_at(address: &str) -> Option<&str> {
    address.match_indices(PATH).find_map(|(at, _)| {
        let rest = address.get(at + PATH.len()..)?;
        let digest = rest.split(['/', '?', '#']).next()?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digest.len() == DIGITS && digest.bytes().all(is_digit)).then_some(digest)
    })
}

/// The files that attributes refer to, by their digests.
pub fn files_of(attributes: &Attributes) -> BTreeSet<String> {
    let addresses = attributes.iter().filter_map(|(name, value)| match value {
        Value::Text(address) if name.ends_with(FILE_SUFFIX) => file_at(address),
        _ => None,
    });
    addresses.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_file() {
        let digest = "ab".repeat(32);
        for name in ["a.png", "C:\\x\\żółć ☃.png", "a/b", "..", "", "%2f?#"] {
            let address = file_address(&digest, name);
            assert_eq!(file_at(&address), Some(digest.as_str()), "{address}");
            let elsewhere = format!("https://sync.example{address}");
            assert_eq!(file_at(&elsewhere), Some(digest.as_str()), "{address}");
        }
        assert_eq!(
            file_address("0f", "my photo.png"),
            "/blobs/0f/my%20photo.png"
        );
        for other in ["", "https://pictures.example/1.png", "/blobs/0f", "/blobs/"] {
            assert_eq!(file_at(other), None, "{other}");
        }
        assert_eq!(file_at(&format!("/blobs/{}", digest.to_uppercase())), None);
    }

    #[test]
    fn only_attributes_named_so_refer_to_files() {
        let address = file_address(&"ab".repeat(32), "a");
        let attributes = [
            ("photo".to_owned(), Value::from(address.clone())),
            ("photo-rhoblob".to_owned(), Value::from(address)),
            ("b-rhoblob".to_owned(), Value::Integer(7)),
        ];
        assert_eq!(files_of(&attributes.into()), ["ab".repeat(32)].into());
    }
}
