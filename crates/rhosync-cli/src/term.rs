//! How this tool speaks: results to standard output, everything else to standard error. Colours go to terminals only.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};
use std::process::exit;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Prints a line of a result.
macro_rules! say {
    ($($text:tt)*) => { $crate::term::print_line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Prints a line to standard output. Where nobody reads it any more, as after `| head`, the program is over.
pub(crate) fn print_line(text: Arguments<'_>) {
    if let Err(error) = writeln!(anstream::stdout(), "{text}") {
        exit(i32::from(error.kind() != ErrorKind::BrokenPipe));
    }
}

/// Says something the user should know.
pub(crate) fn note(text: impl std::fmt::Display) {
    anstream::eprintln!("{NOTE}{text}{NOTE:#}");
}

/// A duration as people write it: `4.2 s`, `3 min 07 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// `1 object`, `2 objects`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
