//! The log: lines on standard error, which the host collects.

use tracing::Level;

/// Writes the events of this instance to standard error, from `level` on.
///
/// The host adds time and component. Called again it does nothing: the first call of an instance counts.
pub fn start_log(level: Level) {
    let _ = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(level)
        .with_target(false)
        .with_writer(std::io::stderr)
        .without_time()
        .try_init();
}
