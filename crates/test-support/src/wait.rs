//! Waiting for what must come, instead of for a time.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take: far longer than it does on a busy machine, far shorter than a patience.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often is looked.
const STEP: Duration = Duration::from_millis(2);

/// Waits until `look` finds something.
///
/// # Panics
///
/// When it has not found anything in a minute; `what` says what was waited for.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    until_or(what, || look().ok_or("it is not there"))
}

/// Waits until `look` finds something, and knows what was missing if it does not.
///
/// # Panics
///
/// When it has not found anything in a minute; the text says what was missing.
pub fn until_or<T, E: Display>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let missing = match look() {
            Ok(found) => return found,
            Err(missing) => missing,
        };
        assert!(
            Instant::now() < deadline,
            "waited in vain for {what}:\n{missing}"
        );
        thread::sleep(STEP);
    }
}
