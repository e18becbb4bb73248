//! Push messages that wake a device.

use serde_json::Value;

/// The sources that a push message asks to sync, empty for all; `None` if it is none of this server's messages.
///
/// A message is what the push service hands over: the whole payload on Apple's systems, `data` on Google's, the decrypted body on
/// the web.
pub fn pinged_sources(payload: &str) -> Option<Vec<String>> {
    let payload: Value = serde_json::from_str(payload).ok()?;
    let asked = payload
        .get("do_sync")
        .or_else(|| payload.get("data")?.get("do_sync"));
    let Some(asked) = asked else {
        // Apple's service carries a ping for everything as one that says nothing but to wake up.
        let is_silent = payload.pointer("/aps/content-available") == Some(&1.into());
        let says_more = payload.as_object().is_none_or(|keys| keys.len() > 1);
        return (is_silent && !says_more).then(Vec::new);
    };
    match asked {
        Value::String(names) => Some(
            names
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        ),
        Value::Array(names) => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_of_every_service_are_known() {
        let of = |payload| pinged_sources(payload);
        let both = Some(vec!["A".to_owned(), "B".to_owned()]);
        assert_eq!(
            of(r#"{"aps":{"content-available":1},"do_sync":["A","B"]}"#),
            both
        );
        assert_eq!(of(r#"{"do_sync":"A,B","alert":"x"}"#), both);
        assert_eq!(of(r#"{"data":{"do_sync":"A, B"}}"#), both);
        assert_eq!(of(r#"{"do_sync":""}"#), Some(vec![]));
        assert_eq!(of(r#"{"aps":{"content-available":1}}"#), Some(vec![]));
        for other in [
            "",
            "[]",
            r#"{"aps":{"alert":"x"}}"#,
            r#"{"do_sync":7}"#,
            r#"{"aps":{"content-available":1},"ck":{}}"#,
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
