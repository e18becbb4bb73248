//! What a measuring program has found out.

use std::fmt::Display;

use serde::Serialize;

/// A measured figure, and what was aimed at.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What it is about.
    pub what: &'static str,
    /// What was measured, with its unit.
    pub measured: String,
    /// What was aimed at, with its unit.
    pub aim: String,
    /// Whether it was reached.
    pub is_met: bool,
}

impl Figure {
    /// A figure that is to be at least so much.
    pub fn at_least(what: &'static str, measured: f64, aim: f64, unit: impl Display) -> Self {
        Self {
            what,
            measured: format!("{measured:.1} {unit}"),
            aim: format!("≥ {aim} {unit}"),
            is_met: measured >= aim,
        }
    }

    /// A figure that is to be at most so much.
    pub fn at_most(what: &'static str, measured: f64, aim: f64, unit: impl Display) -> Self {
        Self {
            what,
            measured: format!("{measured:.1} {unit}"),
            aim: format!("≤ {aim} {unit}"),
            is_met: measured <= aim,
        }
    }

    /// Prints it as a line of JSON, for people and for `cargo xtask bench`.
    #[expect(clippy::print_stdout, reason = "it is what measuring programs say")]
    pub fn print(&self) {
        println!("{}", serde_json::to_string(self).expect("texts"));
    }
}
