//! The settings of queries for what has changed since the last one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::mapping::{Escape, Path, Template};
use crate::settings::operation::OF_DELTA;
use crate::settings::{KeyError, wrong};

/// How often everything is asked for where the file does not say, in seconds.
const DEFAULT_FULL_EVERY_SECONDS: u64 = 86_400;

/// How a back end is asked for what has changed.
#[derive(Debug, Clone)]
pub(crate) struct DeltaSettings {
    /// What such a query has that others have not; `{{ since }}` is the last mark.
    pub(crate) query: Vec<(String, Template)>,
    /// Where the next mark is.
    pub(crate) mark: Mark,
    /// Where the ids of deleted objects are in the answer.
    pub(crate) deleted: Option<Path>,
    /// Where a record says that it is deleted.
    pub(crate) deleted_if: Option<Path>,
    /// How often everything is asked for all the same, in seconds.
    pub(crate) full_every_seconds: u64,
}

/// Where the mark is that the next query for changes begins at.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    /// In the answer.
    InAnswer(Path),
    /// The highest value that records have there.
    HighestOf(Path),
}

/// What tells a query for changes from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToldBy {
    /// Its query parameters.
    Query,
    /// Its envelope, whose template knows `since`.
    Envelope,
}

/// Queries for what has changed since the last one.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct DeltaEntry {
    /// Query parameters of such a query, as templates: `{ updated_since = "{{ since }}" }`. Required but for `soap`, whose
    /// envelopes say it.
    #[serde(default)]
    query: BTreeMap<String, String>,
    /// Path to the text in the answer that the next query sends as `since`.
    mark: Option<String>,
    /// In place of `mark`: path to the time of its last change in a record; the highest is sent. The back end answers with
    /// what has changed then or later.
    changed_at: Option<String>,
    /// Path to the ids of what was deleted, or to records with them, in the answer.
    deleted: Option<String>,
    /// Path to what tells, in a record, that it is deleted: `true`, or anything but false, 0 and nothing.
    deleted_if: Option<String>,
    /// How often everything is asked for all the same, in seconds; 86 400 where nothing is said. Only that finds deletions
    /// that the back end does not tell.
    full_every: Option<u64>,
}

impl DeltaEntry {
    /// Checks what a type cannot, and compiles.
    pub(super) fn resolve(&self, table: &str, told_by: ToldBy) -> Result<DeltaSettings, KeyError> {
        let key = |name: &str| format!("{table}.changes.{name}");
        let path = |name: &str, text: &str| Path::parse(text).map_err(|reason| (key(name), reason));
        let mark = match (&self.mark, &self.changed_at) {
            (Some(mark), None) => Mark::InAnswer(path("mark", mark)?),
            (None, Some(changed_at)) => Mark::HighestOf(path("changed_at", changed_at)?),
            _ => return wrong(&key("mark"), "say either mark or changed_at"),
        };
        let query = self.query.iter().map(|(name, text)| {
            let value = Template::compile_knowing(text, Escape::Plain, OF_DELTA);
            let value = value.map_err(|reason| (key(&format!("query.{name}")), reason))?;
            Ok((name.clone(), value))
        });
        let query = query.collect::<Result<Vec<_>, KeyError>>()?;
        match told_by {
            ToldBy::Query if query.is_empty() => {
                return wrong(
                    &key("query"),
                    "is missing or empty: nothing would tell such a query from others",
                );
            }
            ToldBy::Envelope if !query.is_empty() => {
                return wrong(&key("query"), "means nothing: the envelope says it");
            }
            ToldBy::Query | ToldBy::Envelope => {}
        }
        let optional = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| path(name, text)).transpose()
        };
        Ok(DeltaSettings {
            query,
            mark,
            deleted: optional("deleted", &self.deleted)?,
            deleted_if: optional("deleted_if", &self.deleted_if)?,
            full_every_seconds: self.full_every.unwrap_or(DEFAULT_FULL_EVERY_SECONDS),
        })
    }
}
