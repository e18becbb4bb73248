//! The settings of how a long answer is read page by page.

use serde::{Deserialize, Serialize};

use crate::mapping::Path;
use crate::settings::{KeyError, wrong};

/// How a long answer is read page by page.
#[derive(Debug, Clone)]
pub enum Paging {
    /// By the pages' numbers, until one has fewer records than it might.
    Page {
        /// Query parameter of the number.
        parameter: String,
        /// Number of the first page.
        first: u64,
        /// Query parameter of the size.
        size_parameter: Option<String>,
        /// Records of a full page.
        size: usize,
    },
    /// By how many records come before, until a page has fewer than it might.
    Offset {
        /// Query parameter of the number.
        parameter: String,
        /// Query parameter of the size.
        size_parameter: Option<String>,
        /// Records of a full page.
        size: usize,
    },
    /// By a text in each answer, until one has none.
    Cursor(CursorPaging),
    /// By the `Link` header's `rel="next"`, until an answer has none.
    Link,
    /// By the next page's address in each answer, until one has none.
    NextUrl(NextPath),
}

/// See [`Paging::Cursor`].
#[derive(Debug, Clone)]
pub struct CursorPaging {
    /// Query parameter that it goes back in.
    pub parameter: String,
    /// Query parameter of the size, and how large a page may be.
    pub size: Option<(String, usize)>,
    /// Where it is.
    pub(crate) next: Path,
}

/// See [`Paging::NextUrl`].
#[derive(Debug, Clone)]
pub struct NextPath(pub(crate) Path);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum PagingKind {
    /// Numbers of pages.
    #[default]
    Page,
    /// Number of records that come before.
    Offset,
    /// A text in each answer that leads to the next.
    Cursor,
    /// `Link` header with `rel="next"` (RFC 8288).
    Link,
    /// Address of the next page in each answer.
    NextUrl,
}

/// How a long answer is read page by page.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct PagingEntry {
    /// What leads to the next page.
    #[serde(default)]
    kind: PagingKind,
    /// Query parameter of the page's number, of the offset, or of the cursor.
    parameter: Option<String>,
    /// Number of the first page; 1 where nothing is said.
    first: Option<u64>,
    /// Query parameter of the page's size.
    size_parameter: Option<String>,
    /// Records of a full page.
    size: Option<usize>,
    /// Path to the cursor, or to the next page's address, in the answer.
    next: Option<String>,
}

impl PagingEntry {
    /// Checks what a type cannot.
    pub(super) fn resolve(&self, table: &str) -> Result<Paging, KeyError> {
        let key = |name: &str| format!("{table}.paging.{name}");
        let parameter = || match self.parameter.as_deref() {
            None => wrong(&key("parameter"), "is missing"),
            Some("") => wrong(&key("parameter"), "is empty"),
            Some(parameter) => Ok(parameter.to_owned()),
        };
        let size = || match self.size {
            None => wrong(&key("size"), "is missing"),
            Some(0) => wrong(&key("size"), "must be at least 1"),
            Some(size) => Ok(size),
        };
        let next = || {
            let Some(next) = &self.next else {
                return wrong(&key("next"), "is missing: $.next for instance");
            };
            Path::parse(next).map_err(|reason| (key("next"), reason))
        };
        let unused = |names: &[(&str, bool)]| match names.iter().find(|(_, is_set)| *is_set) {
            Some((name, _)) => wrong(&key(name), "means nothing for this kind of paging"),
            None => Ok(()),
        };
        let numbers = [
            ("first", self.first.is_some()),
            ("size", self.size.is_some()),
        ];
        let parameters = [
            ("parameter", self.parameter.is_some()),
            ("size_parameter", self.size_parameter.is_some()),
        ];
        let path = [("next", self.next.is_some())];
        match self.kind {
            PagingKind::Page => {
                unused(&path)?;
                Ok(Paging::Page {
                    parameter: parameter()?,
                    first: self.first.unwrap_or(1),
                    size_parameter: self.size_parameter.clone(),
                    size: size()?,
                })
            }
            PagingKind::Offset => {
                unused(&[
                    ("first", self.first.is_some()),
                    ("next", self.next.is_some()),
                ])?;
                Ok(Paging::Offset {
                    parameter: parameter()?,
                    size_parameter: self.size_parameter.clone(),
                    size: size()?,
                })
            }
            PagingKind::Cursor => {
                unused(&[("first", self.first.is_some())])?;
                Ok(Paging::Cursor(CursorPaging {
                    parameter: parameter()?,
                    size: match &self.size_parameter {
                        Some(parameter) => Some((parameter.clone(), size()?)),
                        None => None,
                    },
                    next: next()?,
                }))
            }
            PagingKind::Link => {
                unused(&numbers)?;
                unused(&parameters)?;
                unused(&path)?;
                Ok(Paging::Link)
            }
            PagingKind::NextUrl => {
                unused(&numbers)?;
                unused(&parameters)?;
                Ok(Paging::NextUrl(NextPath(next()?)))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum EnvelopePagingKind {
    /// Numbers of pages.
    #[default]
    Page,
    /// Number of records that come before.
    Offset,
    /// A text in each answer that leads to the next.
    Cursor,
}

/// How a long answer is read page by page where envelopes ask for the pages.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct EnvelopePagingEntry {
    /// What leads to the next page: `page.number` or `page.cursor` in the templates of `list` and `search`.
    #[serde(default)]
    kind: EnvelopePagingKind,
    /// Number of the first page; 1 where nothing is said.
    first: Option<u64>,
    /// Records of a full page, `page.size` in the templates. Required but for a cursor.
    size: Option<usize>,
    /// Path to the cursor in the answer.
    next: Option<String>,
}

impl EnvelopePagingEntry {
    /// Checks what a type cannot. What are query parameters elsewhere are names in `page`.
    pub(super) fn resolve(&self, table: &str) -> Result<Paging, KeyError> {
        let (kind, parameter) = match self.kind {
            EnvelopePagingKind::Page => (PagingKind::Page, "number"),
            EnvelopePagingKind::Offset => (PagingKind::Offset, "number"),
            EnvelopePagingKind::Cursor => (PagingKind::Cursor, "cursor"),
        };
        let entry = PagingEntry {
            kind,
            parameter: Some(parameter.to_owned()),
            first: self.first,
            size_parameter: self.size.map(|_| "size".to_owned()),
            size: self.size,
            next: self.next.clone(),
        };
        entry.resolve(table)
    }
}
