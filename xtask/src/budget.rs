//! How large the components may be: each is compiled when a server starts, and the console's is downloaded.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::term::{self, FAINT};
use crate::workspace::Workspace;

const KB: u64 = 1000;

/// The files and the most they may have.
const BUDGETS: [(&str, u64); 5] = [
    ("sync_handler.wasm", 6_550 * KB),
    ("live.wasm", 1_805 * KB),
    ("adapter_jobs.wasm", 3_510 * KB),
    ("push_jobs.wasm", 2_385 * KB),
    ("bulk_jobs.wasm", 4_050 * KB),
];

/// Shows what the built components have, and fails for one that has too much.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    term::step("Sizes of the components");
    let mut too_large = Vec::new();
    for (file, most) in BUDGETS {
        let path = workspace.component_dir().join(file);
        let size = fs::metadata(&path)
            .with_context(|| format!("cannot find {}", path.display()))?
            .len();
        let line = format!("{file:20} {:>6} of {} kB", size / KB, most / KB);
        anstream::eprintln!("    {FAINT}{line}{FAINT:#}");
        if size > most {
            too_large.push(line);
        }
    }
    if too_large.is_empty() {
        return Ok(());
    }
    bail!("too large: {}", too_large.join(", "))
}
