//! The ids by which administrators know devices' changes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sync_jobs::JobId;

use crate::model::{ClientId, DocumentId, Partition, SourceName};

/// Where a change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChangeId {
    /// Among the operations of a client that wait, by its number.
    Waiting(ClientId, DocumentId, u64),
    /// Among what a client is told next, by its version.
    Refused(ClientId, DocumentId, u64),
    /// In a job that keeps it.
    Kept(JobId),
}

impl ChangeId {
    /// Reads what [`ChangeId::to_text`] wrote, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let parts: Vec<String> = serde_json::from_slice(&json).ok()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let id = match *parts.as_slice() {
            ["k", job] => Self::Kept(JobId::parse(job).ok()?),
            [kind, client, source, partition, number] => {
                let client = ClientId::parse(client).ok()?;
                let document = DocumentId {
                    source: SourceName::parse(source).ok()?,
                    partition: Partition::from_stored(partition)?,
                };
                let number = number.parse().ok()?;
                match kind {
                    "w" => Self::Waiting(client, document, number),
                    "r" => Self::Refused(client, document, number),
                    _ => return None,
                }
            }
            _ => return None,
        };
        (id.to_text() == text).then_some(id)
    }

    /// The id as it stands in an address.
    pub(super) fn to_text(&self) -> String {
        let in_document = |kind: &str, client: &ClientId, document: &DocumentId, number: u64| {
            let DocumentId { source, partition } = document;
            vec![
                kind.to_owned(),
                client.as_str().to_owned(),
                source.as_str().to_owned(),
                partition.to_stored(),
                number.to_string(),
            ]
        };
        let parts = match self {
            Self::Waiting(client, document, number) => in_document("w", client, document, *number),
            Self::Refused(client, document, version) => {
                in_document("r", client, document, *version)
            }
            Self::Kept(job) => vec!["k".to_owned(), job.as_str().to_owned()],
        };
        URL_SAFE_NO_PAD.encode(serde_json::json!(parts).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;

    #[test]
    fn an_id_is_what_it_was_made_of_and_nothing_else_is_one() {
        let client = ClientId::parse("c1").unwrap();
        let document = DocumentId {
            source: SourceName::parse("Product").unwrap(),
            partition: Partition::User(UserId::parse("a/b c:ż").unwrap()),
        };
        let ids = [
            ChangeId::Waiting(client.clone(), document.clone(), 7),
            ChangeId::Refused(client, document, 9),
            ChangeId::Kept(JobId::parse("0000000000000007").unwrap()),
        ];
        for id in ids {
            let text = id.to_text();
            let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            assert!(text.chars().all(is_safe), "{text}");
            assert_eq!(ChangeId::parse(&text), Some(id));
        }
        let encoded = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for wrong in [
            "",
            "x",
            &encoded("[]"),
            &encoded(r#"["w","c1","Product","app","07"]"#),
            &encoded(r#"["w", "c1","Product","app","7"]"#),
            &encoded(r#"["w","c1","Product","everybody","7"]"#),
            &encoded(r#"["x","c1","Product","app","7"]"#),
            &encoded(r#"["w","c1","Product","app","7","8"]"#),
        ] {
            assert_eq!(ChangeId::parse(wrong), None, "{wrong}");
        }
    }
}
