//! How this program speaks. Colours go to terminals only.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

pub(crate) const HEADING: Style = AnsiColor::Cyan.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();

/// Announces a step.
pub(crate) fn step(text: impl std::fmt::Display) {
    anstream::eprintln!("{HEADING}==>{HEADING:#} {text}");
}

/// Says something the user should know about a step.
pub(crate) fn note(text: impl std::fmt::Display) {
    anstream::eprintln!("    {NOTE}{text}{NOTE:#}");
}

/// A duration as people write it: `4.2 s`, `3 min 07 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}
