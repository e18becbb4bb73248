//! Time.

#![expect(
    async_fn_in_trait,
    reason = "components are single-threaded, so no future here has to be `Send`"
)]

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Tells and waits for time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Millis;
    /// Time since some moment, for measuring how long something takes: it never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, duration: Duration);
    /// Waits beside other work, to give a sign of life or to set it a limit. A clock that waiting moves is not moved by this.
    async fn timer(&self, duration: Duration) {
        self.sleep(duration).await;
    }
}

/// Milliseconds since 1970-01-01 UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// Whole days since 1970, coarse enough to be written once a day for a device that polls all day.
    pub fn day(self) -> u64 {
        self.0 / 86_400_000
    }

    /// The time `millis` later.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
