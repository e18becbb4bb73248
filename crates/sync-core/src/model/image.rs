//! Images: everything of a document up to a version, made once for all devices that begin with it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sync_proto::sync::{NDJSON, SQLITE};

use crate::model::{BlobId, Millis, Version};

/// An image's id: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageId(String);

impl ImageId {
    /// Digits of an id.
    pub const DIGITS: usize = 32;

    /// Reads an id.
    ///
    /// # Errors
    /// Anything but 32 lower-case hexadecimal digits.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidImageId> {
        let text = text.into();
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == Self::DIGITS && text.bytes().all(is_digit) {
            true => Ok(Self(text)),
            false => Err(InvalidImageId),
        }
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no image's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an image's id has {} hexadecimal digits", ImageId::DIGITS)]
pub struct InvalidImageId;

/// What an image's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageForm {
    /// The lines of a sync.
    #[default]
    Ndjson,
    /// A database file.
    Sqlite,
}

impl ImageForm {
    /// Those that are known of what a device names, in the same order.
    pub fn known(named: &[String]) -> Vec<Self> {
        let known = named.iter().filter_map(|name| match name.as_str() {
            NDJSON => Some(Self::Ndjson),
            SQLITE => Some(Self::Sqlite),
            _ => None,
        });
        let mut forms: Vec<Self> = Vec::new();
        for form in known {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms
    }

    /// What devices call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => NDJSON,
            Self::Sqlite => SQLITE,
        }
    }
}

/// An image, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) id: ImageId,
    /// Of what it is: a document's name.
    pub(crate) document: String,
    #[serde(default)]
    pub(crate) form: ImageForm,
    /// The document's life: one that was removed and has come to be again is another.
    pub(crate) life: String,
    /// Up to which version it has everything.
    pub(crate) version: Version,
    /// Where its content is.
    pub(crate) place: String,
    /// Bytes of its content.
    pub(crate) bytes: u64,
    /// What its content is, as it is kept.
    pub(crate) digest: BlobId,
    pub(crate) made_at: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_nobody_knows_are_passed_over() {
        let named = ["zip", "sqlite", "ndjson", "sqlite", ""].map(str::to_owned);
        let known = ImageForm::known(&named);
        assert_eq!(known, [ImageForm::Sqlite, ImageForm::Ndjson]);
    }

    #[test]
    fn ids_are_what_the_server_makes_and_nothing_else() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(ImageId::parse(id).unwrap().to_string(), id);
        for wrong in [
            "",
            "0123",
            "0123456789ABCDEF0123456789abcdef",
            "../../etc/passwd",
        ] {
            assert_eq!(ImageId::parse(wrong), Err(InvalidImageId), "{wrong}");
        }
    }
}
