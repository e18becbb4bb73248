//! Queries for what has changed since the last one.

use std::cmp::Ordering;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::adapter::{QueryEnd, Stash};
use crate::mapping::{Mapping, Path, Record};
use crate::model::{Millis, ObjectId, to_text};
use crate::ports::hex;
use crate::settings::{DeltaSettings, Mark, RestSettings};

/// A query for what has changed.
#[derive(Debug)]
pub(super) struct DeltaQuery {
    /// When everything was asked for last.
    full_at: Millis,
    since: String,
}

impl DeltaQuery {
    /// The query that is due, if it is one for changes.
    pub(super) fn of(settings: &RestSettings, stash: &dyn Stash, now: Millis) -> Option<Self> {
        let delta = settings.delta.as_ref()?;
        // A query for everything that broke off goes on.
        if stash.goes_on_at().is_some() {
            return None;
        }
        let (full_at, rest) = stash.mark()?.split_once(' ')?;
        let (made_by, since) = rest.split_once(' ')?;
        let full_at = Millis(full_at.parse().ok()?);
        let full_due = full_at.plus(delta.full_every_seconds.saturating_mul(1_000));
        (made_by == fingerprint(settings) && now < full_due).then(|| Self {
            full_at,
            since: since.to_owned(),
        })
    }

    pub(super) fn since(&self) -> &str {
        &self.since
    }
}

/// What tells settings from others that would understand a mark in another way.
pub(super) fn fingerprint(settings: &RestSettings) -> String {
    let RestSettings {
        url,
        mapping,
        delta,
        list,
        user_parameter,
        ..
    } = settings;
    let text = format!("{url} {mapping:?} {delta:?} {list:?} {user_parameter:?}");
    let mut digest = hex(&Sha256::digest(text));
    digest.truncate(16);
    digest
}

/// What the answers to a query say beside their records.
pub(super) struct Harvest<'a> {
    delta: Option<&'a DeltaSettings>,
    mark: Option<String>,
    pub(super) deleted: Vec<ObjectId>,
}

impl<'a> Harvest<'a> {
    pub(super) fn new(delta: Option<&'a DeltaSettings>) -> Self {
        Self {
            delta,
            mark: None,
            deleted: Vec::new(),
        }
    }

    /// Notes the mark and the deletions of an answer. The first mark counts: what changes while pages are read is later.
    pub(super) fn look_at_answer(&mut self, answer: &Value, mapping: &Mapping) {
        let Some(delta) = self.delta else {
            return;
        };
        if let (Mark::InAnswer(path), None) = (&delta.mark, &self.mark) {
            self.mark = read_text(path, answer);
        }
        let deleted = delta.deleted.as_ref().and_then(|path| path.read(answer));
        let Some(Value::Array(deleted)) = deleted.as_deref() else {
            return;
        };
        let ids = deleted.iter().filter_map(|id| match id {
            Value::Object(_) => mapping.id_of(id).ok(),
            id => Some(to_text(id.clone())),
        });
        self.deleted
            .extend(ids.filter_map(|id| ObjectId::parse(id).ok()));
    }

    /// Notes when a record was changed. Says whether it is deleted.
    pub(super) fn look_at_record(&mut self, record: &Record) -> bool {
        let Some(delta) = self.delta else {
            return false;
        };
        if let Mark::HighestOf(path) = &delta.mark
            && let Some(changed_at) = read_text(path, record.value())
            && self
                .mark
                .as_deref()
                .is_none_or(|mark| is_higher(&changed_at, mark))
        {
            self.mark = Some(changed_at);
        }
        let says = delta
            .deleted_if
            .as_ref()
            .and_then(|path| path.read(record.value()));
        is_said(says.as_deref())
    }

    /// What was deleted since the last time this was asked.
    pub(super) fn take_deleted(&mut self) -> Option<Vec<ObjectId>> {
        Some(std::mem::take(&mut self.deleted)).filter(|deleted| !deleted.is_empty())
    }

    /// How the query ended.
    pub(super) fn end(
        self,
        settings: &RestSettings,
        query: Option<DeltaQuery>,
        went_on: bool,
        now: Millis,
        etag: Option<String>,
    ) -> QueryEnd {
        let mark =
            |full_at: Millis, since: &str| format!("{full_at} {} {since}", fingerprint(settings));
        match (query, self.mark) {
            (Some(query), found) => QueryEnd::Changes {
                mark: mark(query.full_at, found.as_deref().unwrap_or(&query.since)),
            },
            // What has changed on pages that were read by an earlier query may be older than this one's mark.
            (None, Some(found)) if !went_on => QueryEnd::CompleteUpTo {
                mark: mark(now, &found),
            },
            (None, _) => QueryEnd::Complete { etag },
        }
    }
}

/// Whether what a record says is a yes.
pub(crate) fn is_said(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !matches!(text.trim(), "" | "false" | "0"),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(_) => true,
    }
}

fn read_text(path: &Path, value: &Value) -> Option<String> {
    let text = to_text(path.read(value)?.into_owned());
    Some(text).filter(|text| !text.is_empty())
}

/// Whether a time comes after another: numbers by their size, texts as RFC 3339 and its kin order them.
fn is_higher(time: &str, other: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let order = match (number(time), number(other)) {
        (Some(time), Some(other)) => time.partial_cmp(&other),
        _ => Some(time.cmp(other)),
    };
    order == Some(Ordering::Greater)
}
