//! Long answers, page by page.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};

use http::{StatusCode, header};

use crate::adapter::exchange::{Answer, misfit};
use crate::adapter::rest::RestAdapter;
use crate::adapter::rest::delta::{DeltaQuery, Harvest};
use crate::adapter::rest::records::Page;
use crate::adapter::rest::request::Target;
use crate::adapter::rest::validator::{KnownPage, KnownPages, Validator};
use crate::adapter::{AdapterError, Call, Stash};
use crate::ports::Ports;
use crate::settings::{CursorPaging, NextPath, Paging};

/// Most pages of one query: an end that never comes must not keep the server busy for ever.
const MAX_PAGES: u64 = 10_000;

/// Where a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// At the begin, if nothing says where that is.
    First,
    /// A page's number, or how many records come before.
    Number(u64),
    /// A text that the answer before had.
    Cursor(String),
    /// An address that the answer before had.
    Url(String),
}

/// What came of a look at pages that are known.
pub(super) enum Look {
    /// All of them are what they were.
    Unmodified,
    /// They are not. The first page as it is now, if that is another.
    Modified(Option<Answer>),
}

impl<P: Ports> RestAdapter<P> {
    /// Whether the pages of a listing are what they were. If the first is not, it is at hand.
    pub(super) async fn look_at_pages(
        &self,
        call: &Call<'_>,
        paging: &Paging,
        known: &[KnownPage],
    ) -> Result<Look, AdapterError> {
        let target = self.list_target();
        let more = parameters(paging, &first_place(paging));
        let begin = self.address(target, call, None, &more)?;
        if known.first().is_none_or(|page| page.url != begin) {
            // They were asked for in the name of another user.
            return Ok(Look::Modified(None));
        }
        let last = known.len().saturating_sub(1);
        for (at, KnownPage { url, validator }) in known.iter().enumerate() {
            // Whether another page follows the last one stands in a header, which an answer without a body need not have.
            let is_asked_whole = matches!(paging, Paging::Link) && at == last;
            let condition = (!is_asked_whole).then_some(validator);
            let asked = self.get(target, url.clone(), call, None, &[], condition);
            let answer = asked.await?;
            let is_same = match is_asked_whole {
                true => {
                    let now = Validator::of(answer.headers());
                    now.as_ref() == Some(validator) && next_link(&answer).is_none()
                }
                false => answer.status() == StatusCode::NOT_MODIFIED,
            };
            if !is_same {
                return Ok(Look::Modified((at == 0).then_some(answer)));
            }
        }
        Ok(Look::Unmodified)
    }

    /// Asks page by page, and hands the records over. `first` is the first page, if that was asked for before.
    #[expect(
        clippy::too_many_arguments,
        reason = "a question, and what becomes of the answers"
    )]
    pub(super) async fn read_pages(
        &self,
        target: Target<'_>,
        call: &Call<'_>,
        delta: Option<&DeltaQuery>,
        paging: &Paging,
        mut first: Option<Answer>,
        harvest: &mut Harvest<'_>,
        stash: &mut dyn Stash,
    ) -> Result<KnownPages, AdapterError> {
        let reached = stash
            .goes_on_at()
            .and_then(|reached| self.place_of(paging, reached));
        let mut pages = match reached {
            None => KnownPages::begin(),
            Some(_) => KnownPages::default(),
        };
        let mut place = reached.unwrap_or_else(|| first_place(paging));
        let mut before = None;
        let mut visited = BTreeSet::new();
        for _ in 0..MAX_PAGES {
            visited.insert(digest(position(paging, &place).as_bytes()));
            let more = parameters(paging, &place);
            let url = match &place {
                Place::Url(url) => url.clone(),
                _ => self.address(target, call, delta, &more)?,
            };
            let answer = match first.take() {
                Some(answer) => answer,
                None => {
                    let asked = self.get(target, url.clone(), call, delta, &more, None);
                    asked.await?
                }
            };
            pages.add(&url, answer.headers());
            let path = match paging {
                Paging::Cursor(CursorPaging { next, .. }) | Paging::NextUrl(NextPath(next)) => {
                    Some(next)
                }
                Paging::Link | Paging::Page { .. } | Paging::Offset { .. } => None,
            };
            let stashed = self.stash_answer(&answer, path, harvest, stash);
            let Page { found, next } = stashed.await?;
            let said = match paging {
                Paging::Link => next_link(&answer),
                _ => next,
            };
            let said = said.filter(|said| !said.is_empty());
            let next = match (paging, &place, said) {
                (Paging::Page { size, .. }, Place::Number(number), _) if found >= *size => {
                    Place::Number(number + 1)
                }
                (Paging::Offset { size, .. }, Place::Number(offset), _) if found >= *size => {
                    Place::Number(offset + found as u64)
                }
                (Paging::Cursor(_), _, Some(cursor)) => Place::Cursor(cursor),
                (Paging::Link | Paging::NextUrl(_), _, Some(next)) => {
                    Place::Url(self.next_url(&url, &next)?)
                }
                _ => return Ok(pages),
            };
            if visited.contains(&digest(position(paging, &next).as_bytes())) {
                let reason = match next == place {
                    true => "a page says that it is the next one itself",
                    false => "a page leads back to one that was read before",
                };
                return Err(misfit("paging", reason));
            }
            // It would go on like that to the last page there can be.
            let content = matches!(next, Place::Number(_)).then(|| digest(answer.body()));
            if content.is_some() && content == before {
                let reason = "a page is the one before it once more: does the back end know the parameters of pages?";
                return Err(misfit("paging.parameter", reason));
            }
            before = content;
            // What has changed is asked for from its begin again, if it breaks off.
            if delta.is_none() {
                stash.reached(&position(paging, &next)).await?;
            }
            place = next;
        }
        Err(misfit("paging", format!("no end after {MAX_PAGES} pages")))
    }

    /// Reads what [`position`] wrote, if it was for pages as they are declared now.
    fn place_of(&self, paging: &Paging, reached: &str) -> Option<Place> {
        let (text, _) = reached.rsplit_once(" by ")?;
        let place = match paging {
            Paging::Page { .. } | Paging::Offset { .. } => Place::Number(text.parse().ok()?),
            Paging::Cursor(_) => Place::Cursor(text.to_owned()),
            Paging::Link | Paging::NextUrl(_) => {
                let is_ours = origin(text) == origin(&self.settings.url);
                Place::Url(is_ours.then(|| text.to_owned())?)
            }
        };
        (position(paging, &place) == reached).then_some(place)
    }

    /// The address of the next page as an answer says it. It must be of the same back end: the server's credentials go there.
    fn next_url(&self, url: &str, next: &str) -> Result<String, AdapterError> {
        let origin_of = |url| {
            let found = origin(url);
            found.ok_or_else(|| misfit("paging", "an address of a page cannot be read"))
        };
        let ours = origin_of(&self.settings.url)?;
        let next = if next.starts_with("http://") || next.starts_with("https://") {
            if origin_of(next)? != ours {
                return Err(misfit(
                    "paging",
                    "the next page is at another server's address",
                ));
            }
            next.to_owned()
        } else if next.starts_with('/') && !next.starts_with("//") {
            format!("{ours}{next}")
        } else if next.starts_with('?') {
            let path = url.split('?').next().unwrap_or_default();
            format!("{path}{next}")
        } else {
            return Err(misfit(
                "paging",
                "the next page's address is neither whole nor begins with / or ?",
            ));
        };
        Ok(match self.caller.own_parameter() {
            // Some back ends repeat it. It is sent again, and kept nowhere.
            Some(own) => without_parameter(&next, own),
            None => next,
        })
    }
}

/// What tells a page, or its place, from another.
fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}

fn first_place(paging: &Paging) -> Place {
    match paging {
        Paging::Page { first, .. } => Place::Number(*first),
        Paging::Offset { .. } => Place::Number(0),
        Paging::Cursor(_) | Paging::Link | Paging::NextUrl(_) => Place::First,
    }
}

/// What leads to a page, as query parameters.
fn parameters(paging: &Paging, place: &Place) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut size_of =
        |parameter: &str, size: usize| pairs.push((parameter.to_owned(), size.to_string()));
    match (paging, place) {
        (
            Paging::Page {
                parameter,
                size_parameter,
                size,
                ..
            }
            | Paging::Offset {
                parameter,
                size_parameter,
                size,
            },
            Place::Number(number),
        ) => {
            let size = size_parameter
                .as_ref()
                .map(|name| (name.clone(), size.to_string()));
            pairs.push((parameter.clone(), number.to_string()));
            pairs.extend(size);
        }
        (
            Paging::Cursor(CursorPaging {
                parameter, size, ..
            }),
            place,
        ) => {
            if let Some((name, size)) = size {
                size_of(name, *size);
            }
            if let Place::Cursor(cursor) = place {
                pairs.push((parameter.clone(), cursor.clone()));
            }
        }
        _ => {}
    }
    pairs
}

/// A place in words that another query understands, unless its pages are others.
fn position(paging: &Paging, place: &Place) -> String {
    let text = match place {
        Place::First => String::new(),
        Place::Number(number) => number.to_string(),
        Place::Cursor(text) | Place::Url(text) => text.clone(),
    };
    let by = match paging {
        Paging::Page { size, .. } => size.to_string(),
        Paging::Offset { size, .. } => format!("offset {size}"),
        Paging::Cursor(cursor) => format!("cursor {}", cursor.parameter),
        Paging::Link => "link".to_owned(),
        Paging::NextUrl(_) => "next-url".to_owned(),
    };
    format!("{text} by {by}")
}

/// Scheme, host and port.
fn origin(url: &str) -> Option<String> {
    let url: http::Uri = url.parse().ok()?;
    let (scheme, authority) = (url.scheme_str()?, url.authority()?);
    Some(format!("{scheme}://{authority}"))
}

fn without_parameter(url: &str, name: &str) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let kept = query.split('&').filter(|pair| {
        let pair = form_urlencoded::parse(pair.as_bytes()).next();
        pair.is_none_or(|(own, _)| own != name)
    });
    super::request::with_query(path.to_owned(), &kept.collect::<Vec<_>>().join("&"))
}

/// What the `Link` header (RFC 8288) has for `rel="next"`.
fn next_link(answer: &Answer) -> Option<String> {
    let headers = answer.headers().get_all(header::LINK).into_iter();
    headers
        .filter_map(|header| header.to_str().ok())
        .find_map(next_of_links)
}

fn next_of_links(mut links: &str) -> Option<String> {
    loop {
        let (_, rest) = links.split_once('<')?;
        let (url, rest) = rest.split_once('>')?;
        let end = rest.find('<').unwrap_or(rest.len());
        let (parameters, behind) = rest.split_at(end);
        let is_next = parameters.split(';').any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else {
                return false;
            };
            let value = value.trim().trim_end_matches(',').trim().trim_matches('"');
            let mut relations = value.split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(url.to_owned());
        }
        links = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        for (header, next) in [
            (
                "</a?page=1>; rel=\"prev\", </a?page=3>; rel=\"next\"",
                Some("/a?page=3"),
            ),
            (
                "<http://x/a,b>; rel=next; title=\"x\"",
                Some("http://x/a,b"),
            ),
            ("</a>; rel=\"last next\"", Some("/a")),
            ("</a>; rel=\"last\"", None),
            ("nonsense", None),
        ] {
            assert_eq!(next_of_links(header).as_deref(), next, "{header}");
        }
    }

    #[test]
    fn a_key_is_taken_out_of_an_address() {
        assert_eq!(
            without_parameter("http://x/a?k=1&b=2", "k"),
            "http://x/a?b=2"
        );
        assert_eq!(without_parameter("http://x/a?k=1", "k"), "http://x/a");
        assert_eq!(without_parameter("http://x/a", "k"), "http://x/a");
    }
}
