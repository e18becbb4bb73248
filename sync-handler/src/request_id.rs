//! The id of a request that came without one: in its answer, and in every line of the log that it leads to.

use http::HeaderValue;
use sync_core::Random;

/// An id of our own.
pub(crate) fn made(random: &impl Random) -> Option<HeaderValue> {
    HeaderValue::from_str(&random.hex::<8>()).ok()
}
