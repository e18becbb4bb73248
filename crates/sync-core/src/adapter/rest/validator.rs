//! What an answer is asked for again by, if it has changed since (RFC 9110, section 13).

use http::{HeaderMap, HeaderName, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::adapter::rest::delta::fingerprint;
use crate::ports::hex;
use crate::settings::RestSettings;

/// How far the time of an answer must be behind that of its last change, in seconds: what changes within the same second
/// has the same time.
const LEAST_AGE_SECONDS: u64 = 1;

/// Longest text about the pages of an answer, in bytes: it is read with every query.
const MAX_PAGES_BYTES: usize = 16 * 1024;

/// What tells an answer from those after it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Validator {
    /// Its tag.
    Tag(String),
    /// When what it has was changed last.
    Modified(String),
    /// A digest of what it has, where the back end says neither: the answer comes whole, and need not be read.
    Content(String),
}

impl Validator {
    /// That of an answer, if it has one. The tag says more.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: HeaderName| headers.get(name)?.to_str().ok();
        if let Some(tag) = text(header::ETAG) {
            return Some(Self::Tag(tag.to_owned()));
        }
        let modified = text(header::LAST_MODIFIED)?;
        let changed_at = httpdate::parse_http_date(modified).ok()?;
        let answered_at = httpdate::parse_http_date(text(header::DATE)?).ok()?;
        let age = answered_at.duration_since(changed_at).ok()?;
        (age.as_secs() >= LEAST_AGE_SECONDS).then(|| Self::Modified(modified.to_owned()))
    }

    /// That of an answer which has none, by its body.
    pub(super) fn of_content(body: &[u8]) -> Self {
        Self::Content(hex(&Sha256::digest(body)))
    }

    /// The header that asks only for another answer, if the back end understands one.
    pub(super) fn condition(&self) -> Option<(HeaderName, &str)> {
        match self {
            Self::Tag(tag) => Some((header::IF_NONE_MATCH, tag)),
            Self::Modified(time) => Some((header::IF_MODIFIED_SINCE, time)),
            Self::Content(_) => None,
        }
    }

    /// The validator as it is kept: with what tells by which settings the answer was read.
    pub(super) fn to_text(&self, settings: &RestSettings) -> String {
        let (kind, value) = match self {
            Self::Tag(tag) => ("tag", tag),
            Self::Modified(time) => ("modified", time),
            Self::Content(digest) => ("content", digest),
        };
        format!("{} {kind} {value}", fingerprint(settings))
    }

    /// Reads what [`Validator::to_text`] wrote, if these settings read the answer in the same way.
    pub(super) fn read(text: &str, settings: &RestSettings) -> Option<Self> {
        let (made_by, rest) = text.split_once(' ')?;
        let (kind, value) = rest.split_once(' ')?;
        if made_by != fingerprint(settings) {
            return None;
        }
        match kind {
            "tag" => Some(Self::Tag(value.to_owned())),
            "modified" => Some(Self::Modified(value.to_owned())),
            "content" => Some(Self::Content(value.to_owned())),
            _ => None,
        }
    }
}

/// A page, and what tells it from what it is later.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct KnownPage {
    pub(super) url: String,
    pub(super) validator: Validator,
}

/// The pages of an answer, as long as each of them has a validator.
#[derive(Debug, Default)]
pub(super) struct KnownPages(Option<Vec<KnownPage>>);

impl KnownPages {
    /// Those of an answer that begins with its first page.
    pub(super) fn begin() -> Self {
        Self(Some(Vec::new()))
    }

    /// Notes the next page.
    pub(super) fn add(&mut self, url: &str, headers: &HeaderMap) {
        let page = Validator::of(headers).map(|validator| KnownPage {
            url: url.to_owned(),
            validator,
        });
        self.0 = self.0.take().zip(page).map(|(mut pages, page)| {
            pages.push(page);
            pages
        });
    }

    /// The pages as they are kept, unless there are too many.
    pub(super) fn to_text(&self, settings: &RestSettings) -> Option<String> {
        let pages = serde_json::to_string(self.0.as_ref()?).ok()?;
        (pages.len() <= MAX_PAGES_BYTES).then(|| format!("{} pages {pages}", fingerprint(settings)))
    }

    /// Reads what [`KnownPages::to_text`] wrote, if these settings read the pages in the same way.
    pub(super) fn read(text: &str, settings: &RestSettings) -> Option<Vec<KnownPage>> {
        let (made_by, rest) = text.split_once(' ')?;
        let pages = rest.strip_prefix("pages ")?;
        (made_by == fingerprint(settings)).then_some(())?;
        let pages: Vec<KnownPage> = serde_json::from_str(pages).ok()?;
        Some(pages).filter(|pages| !pages.is_empty())
    }
}
