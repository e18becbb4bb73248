//! Running cargo: how far it is stands in one line, and what it compiles scrolls by for nobody.

use std::fmt::Display;
use std::process::Command;

use anyhow::Result;

use crate::progress::{Line, follow};
use crate::workspace::Workspace;

/// Words by which cargo says what it is doing. It right-aligns them in a column of their own.
const DOING: [&str; 14] = [
    "Adding",
    "Blocking",
    "Building",
    "Checking",
    "Compiling",
    "Documenting",
    "Downloaded",
    "Downloading",
    "Finished",
    "Fresh",
    "Generated",
    "Locking",
    "Running",
    "Updating",
];
/// The width of that column.
const COLUMN: usize = 12;

/// Runs cargo to its end as a step of its own.
pub(crate) fn run(workspace: &Workspace, title: impl Display, mut cargo: Command) -> Result<()> {
    if !workspace.verbose {
        cargo
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "120")
            // What is not a terminal gets none of it: see `anstream`.
            .env("CARGO_TERM_COLOR", "always");
    }
    follow(workspace, title, cargo, read)
}

fn read(line: &str) -> Line {
    let Some((doing, what)) = line.split_at_checked(COLUMN) else {
        return Line::Speech;
    };
    let doing = doing.trim_start();
    if !what.starts_with(' ') || !DOING.contains(&doing) {
        return Line::Speech;
    }
    match doing {
        // `[=====>      ] 12/345: serde, syn`
        "Building" => {
            let counts = what
                .split_once("] ")
                .and_then(|(_, counts)| counts.split(':').next());
            match counts.and_then(|counts| counts.split_once('/')) {
                Some((done, all)) => Line::Progress(format!("{done} of {all} crates")),
                None => Line::Chatter,
            }
        }
        "Blocking" => Line::Progress("waiting for another cargo to finish".to_owned()),
        "Downloading" | "Updating" => Line::Progress(format!("{}{what}", doing.to_lowercase())),
        _ => Line::Chatter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_progress() {
        assert_eq!(
            read("    Building [===>       ] 12/345: serde, syn(build.rs)"),
            Line::Progress("12 of 345 crates".to_owned())
        );
        assert_eq!(
            read("    Blocking waiting for file lock on build directory"),
            Line::Progress("waiting for another cargo to finish".to_owned())
        );
    }

    #[test]
    fn what_is_compiled_is_chatter_and_what_the_compiler_says_is_not() {
        assert_eq!(read("   Compiling serde v1.0.229"), Line::Chatter);
        assert_eq!(read("warning: unused variable: `x`"), Line::Speech);
        assert_eq!(read("  --> xtask/src/main.rs:1:1"), Line::Speech);
        assert_eq!(read(""), Line::Speech);
    }
}
