//! W3C Trace Context: what ties the calls to back ends to the request that led to them.

use std::fmt;

/// Carries the trace and its caller's span.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// Carries what tracing systems add to it.
pub const TRACESTATE_HEADER: &str = "tracestate";

/// Length of a `traceparent` of version 00: version, trace, parent and flags, with dashes between.
const PARENT_BYTES: usize = 55;

/// Longest `tracestate` that is passed on, in bytes.
const MAX_STATE_BYTES: usize = 512;

/// Most entries of a `tracestate`.
const MAX_STATE_ENTRIES: usize = 32;

/// A request's trace context, checked, as it is passed on to back ends.
///
/// The server makes no spans of its own, so both headers are passed on as they are: the caller's span is the parent of
/// what back ends do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// Reads the two headers. A parent that is not valid is as none; a state that is not is left out.
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        Some(Self {
            parent: parse_parent(parent)?,
            state: state.filter(|state| is_state(state)).map(str::to_owned),
        })
    }

    /// The headers to send: names and values.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let state = self.state.as_deref();
        [(TRACEPARENT_HEADER, self.parent.as_str())]
            .into_iter()
            .chain(state.map(|state| (TRACESTATE_HEADER, state)))
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parent)
    }
}

/// Checks a parent. One of a later version is read as far as version 00 goes, and passed on as such.
fn parse_parent(text: &str) -> Option<String> {
    let (known, rest) = text.split_at_checked(PARENT_BYTES)?;
    let mut parts = known.split('-');
    let mut next = |digits: usize| {
        parts.next().filter(|part| {
            part.len() == digits
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (version, trace, parent, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
    let is_nothing = |id: &str| id.bytes().all(|byte| byte == b'0');
    let may_go_on = if version == "00" {
        rest.is_empty()
    } else {
        rest.is_empty() || rest.starts_with('-')
    };
    let is_valid = may_go_on && version != "ff" && !is_nothing(trace) && !is_nothing(parent);
    is_valid.then(|| format!("00-{trace}-{parent}-{flags}"))
}

fn is_state(text: &str) -> bool {
    let mut entries = 0;
    text.len() <= MAX_STATE_BYTES
        && text.split(',').all(|entry| {
            let entry = entry.trim_matches([' ', '\t']);
            entries += 1;
            // Empty entries are allowed: they come from joining headers.
            entries <= MAX_STATE_ENTRIES && (entry.is_empty() || is_state_entry(entry))
        })
}

fn is_state_entry(entry: &str) -> bool {
    let Some((key, value)) = entry.split_once('=') else {
        return false;
    };
    let is_key_byte =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    key.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && key.bytes().all(is_key_byte)
        && value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(parent: &str, state: Option<&str>) -> Vec<(&'static str, String)> {
        let context = TraceContext::parse(parent, state);
        let context = context.unwrap_or_else(|| panic!("{parent}"));
        let headers = context.headers();
        headers
            .map(|(name, value)| (name, value.to_owned()))
            .collect()
    }

    #[test]
    fn a_valid_context_is_passed_on_as_it_is() {
        let state = "rojo=00f067aa0ba902b7, congo@x=t61rcWkgMzE,,a=";
        assert_eq!(
            headers(PARENT, Some(state)),
            [
                ("traceparent", PARENT.to_owned()),
                ("tracestate", state.to_owned())
            ]
        );
    }

    #[test]
    fn a_later_version_is_passed_on_as_far_as_it_is_known() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes";
        assert_eq!(headers(later, None), [("traceparent", PARENT.to_owned())]);
    }

    #[test]
    fn what_is_no_parent_is_no_context() {
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473ż-0f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_state_is_left_out() {
        let many = vec!["a=b"; 33].join(",");
        let long = format!("a={}", "b".repeat(511));
        for wrong in ["a", "=b", "A=b", "a=b\n", "a=b=c", &many, &long, "a=ż"] {
            let context = headers(PARENT, Some(wrong));
            assert_eq!(context, [("traceparent", PARENT.to_owned())], "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_on_is_valid_whatever_came(
            parent in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.{0,5}|\\PC{0,70}",
            state in "([a-z0-9@*/_-]{0,20}=[ -~]{0,20},?){0,4}|\\PC{0,40}",
        ) {
            if let Some(trace) = TraceContext::parse(&parent, Some(&state)) {
                let headers: Vec<_> = trace.headers().collect();
                prop_assert_eq!(headers[0].1.len(), PARENT_BYTES);
                let again = TraceContext::parse(headers[0].1, headers.get(1).map(|it| it.1));
                prop_assert_eq!(again, Some(trace.clone()));
            }
        }
    }
}
