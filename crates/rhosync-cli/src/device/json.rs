//! How a device shows itself to scripts.

use anyhow::Result;
use serde_json::{Value, json};
use sync_client::rhoconnect::{Applied, Attributes, Replica, SyncReport};

use crate::term;

/// Prints a value, over several lines.
pub(super) fn say(value: &Value) -> Result<()> {
    term::say!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints a value as one of many, each on a line of its own.
pub(super) fn say_line(value: &Value) -> Result<()> {
    term::say!("{}", serde_json::to_string(value)?);
    Ok(())
}

/// All objects of a replica.
pub(super) fn objects(replica: &Replica) -> Value {
    let objects = replica.objects();
    let objects: Vec<_> = objects
        .map(|(id, attributes)| object(replica, id, &attributes))
        .collect();
    json!({ "source": replica.source(), "objects": objects })
}

/// One object.
pub(super) fn object(replica: &Replica, id: &str, attributes: &Attributes) -> Value {
    json!({ "id": id, "attributes": attributes, "waits": replica.is_pending(id) })
}

/// What a command did: the temporary id of the object it made, what came of a sync.
pub(super) fn outcome(made: Option<&str>, report: Option<&SyncReport>, replica: &Replica) -> Value {
    let report = report.map(
        |SyncReport {
             pushed, applied, ..
         }| {
            let Applied {
                added,
                changed,
                removed,
                linked,
                rejections,
                source_errors,
                schema_changed,
            } = applied;
            let rejections: Vec<_> = rejections
                .iter()
                .map(|rejection| {
                    json!({
                        "operation": rejection.operation.to_string(),
                        "id": rejection.id,
                        "message": rejection.message,
                        "attributes": rejection.attributes,
                    })
                })
                .collect();
            let errors: Vec<_> = source_errors
                .iter()
                .map(|error| json!({ "kind": error.kind, "message": error.message }))
                .collect();
            json!({
                "sent": pushed.total(),
                "added": added,
                "changed": changed,
                "removed": removed,
                "linked": linked,
                "refused": rejections,
                "errors": errors,
                "schema_changed": schema_changed,
            })
        },
    );
    json!({
        "source": replica.source(),
        "made": made,
        "sync": report,
        "waits": replica.has_changes(),
    })
}
