//! What the tests share.

use serde_json::{Value, json};

/// Runs a test on one thread, as a component runs.
#[expect(clippy::unwrap_used, reason = "a test without a runtime has failed")]
pub(crate) fn local<F: Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// A page as it stands on the wire.
#[allow(dead_code, reason = "not every test compares whole pages")]
pub(crate) fn page(token: &str, count: u64, progress: u64, total: u64, commands: Value) -> Value {
    json!([
        {"version": 3},
        {"token": token},
        {"count": count},
        {"progress_count": progress},
        {"total_count": total},
        commands
    ])
}
