//! The lines of an answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use sync_proto::sync::{CopyCheck, SourceFailure, SyncEnd};
pub use sync_proto::sync::{ImageOffer, ResetReason, VerdictStatus};

use crate::value::Attributes;

/// One line of an answer to a sync or to a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// What became of a change.
    Verdict(Verdict),
    /// What is new of a source.
    News(News),
    /// What the device has of a source is to be thrown away.
    Reset {
        /// The source.
        source: String,
        /// Why.
        reason: ResetReason,
    },
    /// What the source begins with instead of pages.
    Image {
        /// The source.
        source: String,
        /// Where it is.
        image: ImageOffer,
    },
    /// What a search has found.
    Found {
        /// The source.
        source: String,
        /// The objects, by id.
        objects: BTreeMap<String, Attributes>,
        /// Whether more lines follow.
        more: bool,
        /// With the last line: whether they are all that the back end has, and not only what was searched for.
        whole: bool,
    },
    /// A source cannot be had.
    Failed {
        /// The source.
        source: String,
        /// Why.
        error: SourceFailure,
    },
    /// What a part of the server's copy has, where the device's differs.
    Bucket {
        /// Which part.
        bucket: u8,
        /// Its objects' hashes.
        hashes: BTreeMap<String, String>,
    },
    /// The last line.
    End(SyncEnd),
    /// What a newer server says to newer devices.
    Unknown,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Verdict {
    /// The change.
    pub id: String,
    /// What became of it.
    pub status: VerdictStatus,
    /// The object, by the id that the back end gave it, where it did.
    pub object: Option<String>,
    /// For programs, where it was refused.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// Attributes that stay as others have set them.
    #[serde(default)]
    pub kept: Vec<String>,
    /// The object as the server has it.
    pub current: Option<Attributes>,
}

/// What is new of a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct News {
    /// The source.
    pub source: String,
    /// The schema, as JSON, where it is new.
    pub schema: Option<String>,
    /// What the app is to know of the source, where it is new.
    pub metadata: Option<String>,
    /// Attributes to set, by object.
    pub objects: BTreeMap<String, Attributes>,
    /// Attributes to remove, by object.
    pub unset: BTreeMap<String, Vec<String>>,
    /// Objects to remove.
    pub deleted: Vec<String>,
    /// What to keep with all this, where it is another.
    pub cursor: Option<String>,
    /// Whether there is more.
    pub more: bool,
    /// What the device has now.
    pub check: Option<CopyCheck>,
    /// What is wrong with the back end.
    pub error: Option<SourceFailure>,
}

/// A line that is none. What came before it is good.
#[derive(Debug, thiserror::Error)]
#[error("the server's answer cannot be understood")]
pub struct GarbledLine(#[from] serde_json::Error);

/// As it is written: which kind of line it is, is told by what is there.
#[derive(Deserialize)]
struct Written {
    verdict: Option<Verdict>,
    source: Option<String>,
    reset: Option<String>,
    schema: Option<Box<RawValue>>,
    metadata: Option<String>,
    #[serde(default)]
    objects: BTreeMap<String, Attributes>,
    #[serde(default)]
    unset: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    deleted: Vec<String>,
    cursor: Option<String>,
    found: Option<BTreeMap<String, Attributes>>,
    #[serde(default)]
    whole: bool,
    more: Option<bool>,
    check: Option<CopyCheck>,
    error: Option<SourceFailure>,
    image: Option<serde_json::Value>,
    bucket: Option<u8>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    end: Option<SyncEnd>,
}

impl Line {
    /// Reads one.
    ///
    /// # Errors
    /// What is no JSON, or says something else in the place of what the protocol says.
    pub fn parse(text: &[u8]) -> Result<Self, GarbledLine> {
        Ok(match serde_json::from_slice(text)? {
            Written {
                verdict: Some(verdict),
                ..
            } => Self::Verdict(verdict),
            Written { end: Some(end), .. } => Self::End(end),
            Written {
                bucket: Some(bucket),
                hashes,
                ..
            } => Self::Bucket { bucket, hashes },
            Written {
                source: Some(source),
                reset: Some(reset),
                ..
            } => Self::Reset {
                source,
                // A reason that is not known yet is one to begin anew all the same.
                reason: serde_json::from_value(reset.into()).unwrap_or(ResetReason::Restored),
            },
            Written {
                source: Some(source),
                image: Some(image),
                ..
            } => match serde_json::from_value::<ImageOffer>(image) {
                Ok(image) if is_path(&image.url) => Self::Image { source, image },
                // An image of another kind than is known here.
                _ => Self::Unknown,
            },
            Written {
                source: Some(source),
                found: Some(objects),
                more: Some(more),
                whole,
                ..
            } => Self::Found {
                source,
                objects,
                more,
                whole,
            },
            Written {
                source: Some(source),
                more: Some(more),
                schema,
                metadata,
                objects,
                unset,
                deleted,
                cursor,
                check,
                error,
                ..
            } => Self::News(News {
                source,
                schema: schema.map(|it| it.get().to_owned()),
                metadata,
                objects,
                unset,
                deleted,
                cursor,
                more,
                check,
                error,
            }),
            Written {
                source: Some(source),
                error: Some(error),
                ..
            } => Self::Failed { source, error },
            Written { .. } => Self::Unknown,
        })
    }
}

/// Whether an address is below the server's own: the token goes there.
fn is_path(url: &str) -> bool {
    url.starts_with('/') && url.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Most bytes of a line. The server's have about a megabyte, or one object that is larger: what goes on for longer is not the
/// server's, and would have all of the app's memory.
const LONGEST: usize = 64 * 1024 * 1024;

/// Makes lines of an answer's bytes, which come in pieces of any size.
#[derive(Debug, Default)]
pub struct LineReader {
    pending: Vec<u8>,
    is_too_long: bool,
}

impl LineReader {
    /// Takes a piece, and gives the lines that are complete by it. After a line that is too long there are no more.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        if self.is_too_long {
            return lines;
        }
        let mut parts = piece.split(|byte| *byte == b'\n');
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.pending.extend_from_slice(part);
            let line = std::mem::take(&mut self.pending);
            if !line.is_empty() {
                lines.push(line);
            }
        }
        self.pending.extend_from_slice(last);
        if self.pending.len() > LONGEST {
            *self = Self {
                pending: Vec::new(),
                is_too_long: true,
            };
        }
        lines
    }

    /// Whether a line has more than 64 MiB, and with it the answer is not the server's.
    pub fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    /// Whether the answer ended in the middle of a line.
    pub fn is_broken_off(&self) -> bool {
        !self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Value;

    fn parse(text: &str) -> Line {
        Line::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_line_that_does_not_end_is_not_kept() {
        let mut reader = LineReader::default();
        let piece = vec![b' '; LONGEST / 4];
        assert_eq!(reader.push(b"{}\n").len(), 1);
        for _ in 0..4 {
            assert!(reader.push(&piece).is_empty());
            assert!(!reader.is_too_long());
        }
        assert!(reader.push(b" ").is_empty());
        assert!(reader.is_too_long());
        assert!(reader.push(b"\n{}\n").is_empty(), "it has no end");
        assert!(reader.pending.capacity() == 0);
    }

    #[test]
    fn every_kind_of_line_is_known() {
        let Line::Verdict(verdict) = parse(
            r#"{"verdict":{"id":"a","status":"conflict","object":"19","kept":["name"],"current":{"price":3}}}"#,
        ) else {
            panic!("a verdict");
        };
        assert_eq!(verdict.status, VerdictStatus::Conflict);
        assert_eq!(verdict.current.unwrap()["price"], Value::Integer(3));
        let Line::News(news) = parse(
            r#"{"source":"P","schema":{"version":"1"},"objects":{"17":{"name":"Lamp","price":12.5}},"unset":{"9":["note"]},"deleted":["4"],"cursor":"c","more":true,"newer":1}"#,
        ) else {
            panic!("news");
        };
        assert_eq!(news.schema.unwrap(), r#"{"version":"1"}"#);
        assert_eq!(news.objects["17"]["price"], Value::Float(12.5));
        assert_eq!(
            parse(r#"{"source":"O","reset":"too-old","cursor":null}"#),
            Line::Reset {
                source: "O".to_owned(),
                reason: ResetReason::TooOld
            }
        );
        assert_eq!(
            parse(r#"{"source":"O","reset":"of a newer server","cursor":null}"#),
            Line::Reset {
                source: "O".to_owned(),
                reason: ResetReason::Restored
            }
        );
        assert!(matches!(
            parse(r#"{"source":"O","error":{"code":"unknown_source","message":"no"}}"#),
            Line::Failed { .. }
        ));
        let found =
            parse(r#"{"source":"P","found":{"7":{"name":"Lamp"}},"more":false,"whole":true}"#);
        let Line::Found { objects, whole, .. } = found else {
            panic!("what was found");
        };
        assert_eq!(
            (objects["7"]["name"].to_text().as_str(), whole),
            ("Lamp", true)
        );
        assert!(matches!(
            parse(r#"{"bucket":17,"hashes":{"4":"0a51d2e87b469f3c"}}"#),
            Line::Bucket { bucket: 17, .. }
        ));
        assert!(matches!(
            parse(r#"{"end":{"after":30,"why":"idle"}}"#),
            Line::End(SyncEnd { after: 30, .. })
        ));
        let image = |url: &str, bytes: &str| {
            parse(&format!(
                r#"{{"source":"P","image":{{"url":"{url}","bytes":{bytes},"sha256":"9f","cursor":"c"}}}}"#
            ))
        };
        let Line::Image {
            source,
            image: offer,
        } = image("/sync/v1/images/5b", "7")
        else {
            panic!("an image");
        };
        assert_eq!((source.as_str(), offer.bytes), ("P", 7));
        assert_eq!(image("/x", "\"many\""), Line::Unknown);
        assert_eq!(parse(r#"{"image":{"url":"/x"}}"#), Line::Unknown);
        for elsewhere in [
            "http://other/x",
            "@other/x",
            ".other/x",
            "/x y",
            "/\\r\\nhost: x",
        ] {
            assert_eq!(image(elsewhere, "7"), Line::Unknown, "{elsewhere}");
        }
    }

    #[test]
    fn garbage_is_no_line() {
        for garbage in ["<html>", "{", r#"{"source":1,"more":true}"#, "null", "[]"] {
            assert!(Line::parse(garbage.as_bytes()).is_err(), "{garbage}");
        }
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_answer_is_cut(lines in prop::collection::vec("[a-z]{1,9}", 0..9), rest in "[a-z]{0,3}", cuts in prop::collection::vec(1..7_usize, 1..9)) {
            let mut bytes = lines.join("\n").into_bytes();
            if !lines.is_empty() {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(rest.as_bytes());
            let (mut reader, mut read, mut left) = (LineReader::default(), Vec::new(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                let (piece, after) = left.split_at((*cut).min(left.len()));
                read.extend(reader.push(piece));
                left = after;
                if left.is_empty() {
                    break;
                }
            }
            let read: Vec<_> = read.into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
            prop_assert_eq!(read, lines);
            prop_assert_eq!(reader.is_broken_off(), !rest.is_empty());
        }
    }
}
