//! Changes that devices make to what others have changed meanwhile.

use crate::model::{ClientId, ConflictRule, Operation, OperationKind, Reader, Record, Version};

/// What becomes of a change before the back end is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// It goes to the back end without these attributes; with all of them gone there is nothing to do.
    Goes { without: Vec<String> },
    /// It does not.
    Refused { message: String },
}

/// Decides about an update or delete of an object that stands at `version`.
///
/// What others have changed is what would be news to the device, by what it had acknowledged when it sent the change. An attribute
/// that has the value which the device wants is in nobody's way.
pub(super) fn resolve(
    rule: ConflictRule,
    client: &ClientId,
    operation: &Operation,
    record: &Record,
    version: Version,
) -> Resolution {
    let goes = Resolution::Goes {
        without: Vec::new(),
    };
    if !record.is_alive() {
        return goes;
    }
    let reader = Reader {
        client,
        base: operation.cursor,
        since: Version::ZERO,
    };
    let news = record.news_for(reader, version);
    let changed = news.insert.keys().chain(&news.delete);
    let refused = |names: Vec<&String>| {
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        Resolution::Refused {
            message: format!(
                "somebody else has changed this meanwhile: {}",
                names.join(", ")
            ),
        }
    };
    match (rule, operation.kind) {
        (ConflictRule::ClientWins, _) | (_, OperationKind::Create) => goes,
        (ConflictRule::FieldMerge, OperationKind::Delete) => goes,
        (ConflictRule::ServerWins, OperationKind::Delete) => {
            let changed: Vec<_> = changed.collect();
            if changed.is_empty() {
                goes
            } else {
                refused(changed)
            }
        }
        (rule, OperationKind::Update) => {
            let sent = &operation.attributes;
            let contested: Vec<_> = changed
                .filter(|name| {
                    sent.contains_key(*name) && sent.get(*name) != record.attributes.get(*name)
                })
                .collect();
            match rule {
                ConflictRule::ServerWins if !contested.is_empty() => refused(contested),
                _ => Resolution::Goes {
                    without: contested.into_iter().cloned().collect(),
                },
            }
        }
    }
}
