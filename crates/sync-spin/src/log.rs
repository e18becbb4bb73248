//! The log: lines on standard error, collected by the host.

use std::fmt;

use sync_core::current_request;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes the events of this instance to standard error, from `level` on.
///
/// The host adds time and component. Called again it does nothing: the first call of an instance counts.
pub fn start_log(level: Level) {
    let line = tracing_subscriber::fmt::format()
        .with_ansi(false)
        .with_target(false)
        .without_time();
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .event_format(Line(line))
        .try_init();
}

/// A line, which begins with the request it is about.
struct Line(Format<Full, ()>);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if let Some(id) = current_request() {
            write!(writer, "request.id={id} ")?;
        }
        self.0.format_event(context, writer, event)
    }
}
