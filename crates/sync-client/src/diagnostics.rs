//! What support needs to know.

use serde_json::{Value, json};

use crate::database::Database;
use crate::error::Error;

impl Database {
    /// How the database is, as JSON, for support: sources, queue, failures, the last sync. It has no tokens and no values of objects.
    ///
    /// # Errors
    /// The file's.
    pub fn diagnostics(&self) -> Result<String, Error> {
        let store = self.shared.store();
        let session = store.session()?;
        let sources: Vec<Value> = store
            .sources()?
            .into_iter()
            .map(|source| {
                json!({
                    "name": source.name,
                    "count": source.count,
                    "begun": source.is_begun,
                    "has_schema": source.schema.is_some(),
                    "problem": source.error.map(|(code, reason)| json!({"code": code, "reason": reason})),
                })
            })
            .collect();
        let open = store.open_changes()?;
        let failed: Vec<Value> = store
            .failed_changes()?
            .into_iter()
            .map(|change| {
                json!({
                    "id": change.id,
                    "source": change.source,
                    "operation": change.change.op.as_str(),
                    "code": change.code,
                    "made_at_ms": change.made_at_ms,
                })
            })
            .collect();
        let told = json!({
            "library": env!("CARGO_PKG_VERSION"),
            "server": self.shared.server,
            "user": session.user,
            "client": session.client,
            "signed_in": session.refresh.is_some(),
            "now_ms": self.shared.platform.now_ms(),
            "sources": sources,
            "pending": open.len(),
            "oldest_pending_ms": open.first().map(|change| change.made_at_ms),
            "failed": failed,
            "files": store.file_counts()?,
            "last_sync": self.shared.last_end().map(|ended| format!("{ended:?}")),
        });
        Ok(serde_json::to_string_pretty(&told).unwrap_or_default())
    }
}
