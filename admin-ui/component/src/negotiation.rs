//! What the browser accepts, and what it already has.

use headers::{ETag, HeaderMapExt as _, IfNoneMatch};
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderName};

/// Whether the client takes a content coding (RFC 9110 §12.5.3): by name, or by a `*` where the name is not mentioned.
pub(crate) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let mut by_name = None;
    let mut by_star = None;
    for item in items(headers, ACCEPT_ENCODING) {
        let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
        let accepted = Some(!is_zero_quality(parameters));
        match coding.trim() {
            "*" => by_star = accepted,
            coding if coding.eq_ignore_ascii_case(wanted) => by_name = accepted,
            _ => {}
        }
    }
    by_name.or(by_star).unwrap_or(false)
}

/// Whether the client has what `etag` names (RFC 9110 §13.1.2: the comparison is the weak one).
pub(crate) fn has_current(headers: &HeaderMap, etag: &ETag) -> bool {
    let known = headers.typed_get::<IfNoneMatch>();
    known.is_some_and(|known| !known.precondition_passes(etag))
}

/// `q=0`, `q=0.0`, `q=0.000`: not acceptable.
fn is_zero_quality(parameters: &str) -> bool {
    parameters
        .trim()
        .strip_prefix("q=")
        .and_then(|quality| quality.trim().parse::<f32>().ok())
        .is_some_and(|quality| quality == 0.0)
}

/// The items of a list header, which may be spread over several lines.
fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::header::IF_NONE_MATCH;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_coding_is_taken_when_offered_and_not_refused() {
        for (values, accepted) in [
            (&["gzip, deflate, br, zstd"][..], true),
            (&["gzip", "BR;q=0.5"], true),
            (&["*"], true),
            (&["br;q=0, *"], false),
            (&["br;q=0.000"], false),
            (&["*;q=0"], false),
            (&["gzip, brotli"], false),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(
                accepts(&headers(ACCEPT_ENCODING, values), "br"),
                accepted,
                "{values:?}"
            );
        }
    }

    #[test]
    fn any_tag_of_the_list_will_do() {
        let tag: ETag = "\"b\"".parse().unwrap();
        for (values, current) in [
            (&["\"a\", W/\"b\""][..], true),
            (&["\"x\"", "\"b\""], true),
            (&["*"], true),
            (&["\"bb\""], false),
            (&["b"], false),
            (&[], false),
        ] {
            assert_eq!(
                has_current(&headers(IF_NONE_MATCH, values), &tag),
                current,
                "{values:?}"
            );
        }
    }
}
